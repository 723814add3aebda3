// Who moves: the actors as pictures, which come when the page asks for them. Runs inside gr.HTML.
// server.cast() says [{name, src, label}]; props.value: the name of the chosen one.

const group = element.querySelector(".cast");
let buttons = [];

function button({ name, src, label }) {
  const made = document.createElement("button"), image = document.createElement("img");
  [made.type, made.role, made.title] = ["button", "radio", label];
  made.dataset.name = name;
  made.setAttribute("aria-label", label);
  [image.src, image.alt] = [src, ""];
  made.append(image);
  made.addEventListener("click", () => choose(name));
  return made;
}

function choose(name) {
  if (name === props.value) return;
  props.value = name;
  show();
  trigger("input");
}

const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
group.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step || !buttons.length) return;
  event.preventDefault();
  const at = buttons.findIndex(({ dataset }) => dataset.name === props.value);
  const next = buttons[(at + step + buttons.length) % buttons.length];
  choose(next.dataset.name);
  next.focus();
});

function show() {
  for (const each of buttons) {
    const on = each.dataset.name === props.value;
    each.setAttribute("aria-checked", String(on));
    each.tabIndex = on ? 0 : -1;
  }
}

watch("value", show);
server.cast(null).then((actors) => {
  buttons = actors.map(button);
  group.replaceChildren(...buttons);
  show();
});

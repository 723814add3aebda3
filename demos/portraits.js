// Who speaks: the bundled portraits as pictures, and a place for a photograph. Runs inside gr.HTML.
// props.portraits: [{name, src, label}]; props.value: the name of the chosen one, or "" for a photograph.

const group = element.querySelector(".portraits");
const choices = [...props.portraits, { name: "", label: "A photograph" }];

const buttons = choices.map(({ name, src, label }) => {
  const button = document.createElement("button");
  button.type = "button";
  button.role = "radio";
  button.dataset.name = name;
  button.title = label;
  button.setAttribute("aria-label", label);
  if (src) {
    const image = document.createElement("img");
    [image.src, image.alt] = [src, ""];
    button.append(image);
  } else {
    const word = document.createElement("span");
    word.textContent = "photo";
    button.append(word);
  }
  button.addEventListener("click", () => choose(name));
  group.append(button);
  return button;
});

function choose(name) {
  if (name === props.value) return;
  props.value = name;
  show();
  trigger("input");
}

const STEPS = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
group.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const at = choices.findIndex(({ name }) => name === props.value);
  const next = (at + step + choices.length) % choices.length;
  choose(choices[next].name);
  buttons[next].focus();
});

function show() {
  for (const button of buttons) {
    const on = button.dataset.name === props.value;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
}

watch("value", show);
show();

// A tray to sort into more and less, how sure the direction is by now, and the direction from end to end. Runs inside
// gr.HTML. props.start: {name, prompt}. props.value: {busy, turn, name, done, tray: [src], strip: [{src, label}], confidence,
// interval: [low, high], file, file_name, use}. Events: submit {name, prompt} begins, select {more, less} sorts the
// tray (nothing on either side: cannot say), undo takes the last one back.

const find = (selector) => element.querySelector(selector);
const room = find(".compass"), tray = find(".compass-tray"), named = find(".compass-name"), where = find(".compass-prompt");
const next = find(".compass-next"), pass = find(".compass-pass"), back = find(".compass-undo"), wait = find(".compass-wait");
let painted = "", sides = [], at = 0;
let left = null; // the turn in which something was asked: until the next one, what arrives is of before

// -- the tray ----------------------------------------------------------------------------------------------------

function lay(pictures) {
  if (pictures.join() === painted) return;
  painted = pictures.join();
  sides = pictures.map(() => "");
  tray.replaceChildren(...pictures.map((src, i) => {
    const card = document.createElement("div"), image = document.createElement("img"), choice = document.createElement("div");
    card.className = "compass-card";
    card.role = "group";
    card.ariaLabel = `Picture ${i + 1}`;
    image.src = src;
    image.alt = "";
    image.draggable = false;
    image.addEventListener("click", (event) => put(i, event.offsetX < image.clientWidth / 2 ? "less" : "more"));
    choice.className = "compass-choice";
    choice.append(...["less", "more"].map((side) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.side = side;
      button.textContent = side;
      button.addEventListener("click", () => put(i, side));
      button.addEventListener("focus", () => { at = i; });
      return button;
    }));
    card.append(image, choice);
    return card;
  }));
  at = 0;
  press();
}

function put(i, side) {
  if (room.dataset.state !== "ready") return;
  sides[i] = sides[i] === side ? "" : side;
  press();
}

function press() {
  [...tray.children].forEach((card, i) => {
    card.dataset.side = sides[i];
    for (const button of card.querySelectorAll("button")) button.ariaPressed = String(button.dataset.side === sides[i]);
  });
  next.disabled = room.dataset.state !== "ready" || !sides.includes("more") || !sides.includes("less");
}

const on = (side) => sides.flatMap((where, i) => where === side ? [i] : []);

function go(event, answer) {
  if (room.dataset.state !== "ready") return;
  left = props.value.turn;
  room.dataset.state = "busy";
  press();
  trigger(event, answer);
}

next.addEventListener("click", () => go("select", { more: on("more"), less: on("less") }));
pass.addEventListener("click", () => go("select", { more: [], less: [] }));
back.addEventListener("click", () => go("undo", {}));

room.addEventListener("keydown", (event) => {
  if (event.target.tagName === "INPUT") {
    if (event.key === "Enter" && !event.isComposing) begin();
    return;
  }
  const card = /^[1-8]$/.test(event.key) ? Number(event.key) - 1 : -1;
  if (card >= 0 && card < sides.length) {
    tray.children[card].querySelector("button").focus();
  } else if ((event.key === "ArrowUp" || event.key === "ArrowDown") && tray.contains(event.target)) {
    event.preventDefault();
    put(at, event.key === "ArrowUp" ? "more" : "less");
  } else if ((event.key === "ArrowLeft" || event.key === "ArrowRight") && tray.contains(event.target)) {
    event.preventDefault();
    const step = event.key === "ArrowRight" ? 1 : sides.length - 1;
    tray.children[(at + step) % sides.length].querySelector("button").focus();
  } else if (event.key === "Enter" && tray.contains(event.target) && !next.disabled) {
    event.preventDefault();
    next.click();
  }
});

// -- what is known -----------------------------------------------------------------------------------------------

const svg = (name, attributes) => {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  return made;
};
for (const ring of element.querySelectorAll(".dial-ticks")) {
  ring.append(...Array.from({ length: 24 }, (_, i) => svg("line", {
    y1: -104, y2: i % 6 ? -98 : -92, transform: `rotate(${15 * i})`,
  })));
}

function dial(value) { // the fan holds the angles at the expected cosine: closed when all is known
  const angle = Math.acos(Math.min(1, Math.max(0, value.confidence))), x = 92 * Math.sin(angle), y = -92 * Math.cos(angle);
  find(".compass-known .dial-fan").setAttribute("d", `M0 0 L${-x} ${y} A92 92 0 0 1 ${x} ${y} Z`);
  find(".dial-north").textContent = value.name.length > 14 ? `${value.name.slice(0, 13)}…` : value.name;
  find(".dial-sure").textContent = value.done ? `${Math.round(100 * value.confidence)} %` : "–";
  const range = value.interval.map((end) => end.toFixed(2)).join(" to ");
  const label = `Confidence ${value.confidence}, from ${range}`;
  find(".compass-known svg").setAttribute("aria-label", label);
  const trays = value.done === 1 ? "1 tray" : `${value.done} trays`;
  find(".compass-sure").textContent = value.strip.length
    ? `After ${trays}: how near this is to what you mean, as a cosine; 90 % sure that it is ${range}.`
    : "The needle knows nothing yet. Sort a tray, leaving out what is neither.";
}

function along(value) {
  find(".compass-found").hidden = !value.strip.length;
  if (!value.strip.length) return;
  find(".compass-strip").replaceChildren(...value.strip.map(({ src, label }) => {
    const figure = document.createElement("div"), image = document.createElement("img"), words = document.createElement("span");
    [image.src, image.alt, words.textContent] = [src, `${value.name} ${label}`, label];
    figure.append(image, words);
    return figure;
  }));
  const link = find(".stage-download");
  find(".compass-found p").textContent = `“${value.name}”, from less to more. In Python: ${value.use}`;
  [link.href, link.download] = [value.file, value.file_name];
}

// -- to and from the server --------------------------------------------------------------------------------------

function begin() {
  if (room.dataset.state === "busy") return;
  room.dataset.state = "busy";
  painted = "";
  left = null;
  trigger("submit", { name: named.value, prompt: where.value });
}
find(".compass-begin").addEventListener("click", begin);

function show() {
  const value = props.value ?? {}, asked = Array.isArray(value.tray);
  const busy = Boolean(value.busy) || (asked && value.turn === left);
  room.dataset.state = busy ? "busy" : asked && value.tray.length ? "ready" : "empty";
  wait.textContent = busy ? value.busy || "Painting" : "";
  find(".compass-empty").hidden = asked || busy;
  find(".compass-acts").hidden = find(".compass-known").hidden = !asked;
  tray.hidden = !asked;
  if (!asked) {
    find(".compass-found").hidden = true;
    return;
  }
  if (!busy) lay(value.tray);
  back.disabled = !value.done;
  find(".compass-begin").textContent = "Begin anew";
  dial(value);
  along(value);
  press();
}

[named.value, where.value] = [props.start.name, props.start.prompt];
watch("value", show);
show();

// A two-dimensional slider over valence (to the right) and arousal (upwards), named emotions as landmarks.
// Runs inside gr.HTML: element, props, trigger, server and watch are given. What counts is `text`, which
// Affect.parse reads on the server; the numbers here place the puck and name its neighbours.
// props.value: {text, valence, arousal, dominance, strength}; props.terms: [{term, valence, arousal, dominance}];
// props.landmarks: {term: side of its label}; props.judged: the event that says what judges read. With
// props.path the feeling may move: value.to is then where it ends, {text, valence, arousal, dominance}, or null.
// With props.tells, the name of an event, every movement is told to the page at once, as {...value, live}, and not
// to the server; and the event props.follows of the page moves the puck to its {text, valence, arousal, dominance}.

const find = (selector) => element.querySelector(selector);
const space = find(".pad-space"), plane = find(".pad-plane"), puck = find(".pad-puck");
const text = find(".pad-text"), numbers = find(".pad-numbers"), problem = find(".pad-problem");
const dominance = find(".pad-dominance input"), unset = find(".pad-dominance button");
const strength = find(".pad-strength input"), plain = find(".pad-strength button");
const [first, second] = element.querySelectorAll(".pad-mix select");
const mix = find(".pad-mix"), balance = find(".pad-mix input");
const ghost = find(".pad-ghost"), trail = find(".pad-trail"), line = find(".pad-trail line");
const terms = new Map(props.terms.map((entry) => [entry.term, entry]));

const LIVE = 40; // ms between messages while something moves
const REST = 350; // ms without a keystroke after which a movement by keyboard, or a typed text, counts as done
let here = { ...props.value };
let other = null, ending = false; // the end that is not in hand, if the feeling moves; whether the last one is
let serial = 0, sentAt = 0, later = 0, asked = 0;

const clip = (x) => Math.min(1, Math.max(-1, x));
const round = (x) => Math.round(x * 100) / 100 + 0; // + 0 turns -0 into 0
const signed = (x) => (x < 0 ? "−" : x > 0 ? "+" : "") + Math.abs(x).toFixed(2);

function written(point) {
  const all = [point.valence, point.arousal];
  if (point.dominance !== null) all.push(point.dominance);
  return all.map((x) => String(round(x))).join(",");
}

function nearest(count) {
  const distance = (t) => Math.hypot(t.valence - here.valence, t.arousal - here.arousal,
    here.dominance === null ? 0 : t.dominance - here.dominance);
  return [...terms.values()].sort((a, b) => distance(a) - distance(b)).slice(0, count);
}

function show() {
  puck.style.left = `${50 + 50 * here.valence}%`;
  puck.style.top = `${50 - 50 * here.arousal}%`;
  const near = nearest(3);
  const spoken = `valence ${round(here.valence)}, arousal ${round(here.arousal)}, near ${near[0].term}`;
  puck.setAttribute("aria-valuenow", String(round(here.valence)));
  puck.setAttribute("aria-valuetext", spoken);
  numbers.textContent = `valence ${signed(here.valence)}  arousal ${signed(here.arousal)}`;
  if (document.activeElement !== text) text.value = here.text;
  find(".pad-names").replaceChildren(...near.map((entry) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = entry.term;
    button.addEventListener("click", () => take(entry.term));
    return button;
  }));
  for (const mark of element.querySelectorAll(".pad-landmarks button")) {
    mark.setAttribute("aria-pressed", String([here, other].some((end) => end?.text === mark.dataset.term)));
  }
  const free = here.dominance === null;
  dominance.classList.toggle("unset", free);
  dominance.value = String(free ? 0 : here.dominance);
  dominance.setAttribute("aria-valuetext", free ? "unset" : String(round(here.dominance)));
  unset.setAttribute("aria-pressed", String(free));
  unset.textContent = free ? "unset" : signed(here.dominance);
  strength.value = String(here.strength);
  plain.textContent = here.strength.toFixed(2);
  showPath();
  unset.title = free ? "Left open. Move the slider to set it." : "Leave it open again";
}

// Tells the server: at most every LIVE ms while `live`, at once when it rests.
function send(live) {
  if (props.tells) {
    document.dispatchEvent(new CustomEvent(props.tells, { detail: { ...here, live } }));
    return;
  }
  const wait = live ? sentAt + LIVE - performance.now() : 0;
  clearTimeout(later);
  if (wait > 0) {
    later = setTimeout(() => send(true), wait);
    return;
  }
  sentAt = performance.now();
  serial += 1;
  props.value = { ...way(), live, serial };
  trigger("input");
}

function move(valence, arousal, live) {
  here = { ...here, valence: round(clip(valence)), arousal: round(clip(arousal)) };
  here.text = written(here);
  settle(live);
}

function clear() {
  problem.textContent = "";
  text.setAttribute("aria-invalid", "false");
}

function settle(live) {
  clear();
  asked += 1; // an answer to what was typed before comes too late
  show();
  send(live);
}

function take(name) {
  const { valence, arousal, dominance: d } = terms.get(name);
  here = { ...here, text: name, valence, arousal, dominance: d };
  settle(false);
}

// -- the plane -------------------------------------------------------------------------------------------

const SLIP = 5; // pixels that a click on a name may slip; further, the puck is dragged from there
let held = null, pressed = null;
function hold(event) {
  held = event.pointerId;
  plane.setPointerCapture(held);
  plane.classList.add("held");
  puck.focus({ preventScroll: true });
  follow(event);
}
function follow(event) {
  const box = space.getBoundingClientRect();
  const x = (event.clientX - box.left) / box.width, y = (event.clientY - box.top) / box.height;
  move(2 * x - 1, 1 - 2 * y, true);
}
plane.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  if (event.target === ghost) turn();
  pressed = event.target.closest("button") ? event : null;
  if (pressed) return;
  event.preventDefault();
  hold(event);
});
plane.addEventListener("pointermove", (event) => {
  if (event.pointerId === held) follow(event);
  else if (event.pointerId === pressed?.pointerId) {
    const slipped = Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY);
    if (slipped > SLIP) {
      pressed = null;
      hold(event);
    }
  }
});
for (const end of ["pointerup", "pointercancel"]) {
  plane.addEventListener(end, (event) => {
    pressed = null;
    if (event.pointerId !== held) return;
    held = null;
    plane.classList.remove("held");
    send(false);
  });
}

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
let resting = 0;
puck.addEventListener("keydown", (event) => {
  const step = STEPS[event.key];
  if (!step && event.key !== "Home") return;
  event.preventDefault();
  const size = event.shiftKey ? 0.2 : 0.05;
  if (step) move(here.valence + size * step[0], here.arousal + size * step[1], true);
  else {
    here = { ...here, text: "neutral", valence: 0, arousal: 0, dominance: terms.get("neutral").dominance };
    settle(true);
  }
  clearTimeout(resting);
  resting = setTimeout(() => send(false), REST);
});

for (const [term, side] of Object.entries(props.landmarks)) {
  const entry = terms.get(term), button = document.createElement("button");
  button.type = "button";
  button.tabIndex = -1; // the names are reached by typing, and by the list of neighbours
  button.dataset.term = term;
  button.dataset.side = side;
  button.textContent = term;
  button.title = `${term}; with shift, mix it in`;
  button.style.left = `${50 + 50 * entry.valence}%`;
  button.style.top = `${50 - 50 * entry.arousal}%`;
  button.addEventListener("click", (event) => {
    if (!event.shiftKey) return take(term);
    first.value = terms.has(here.text) ? here.text : nearest(1)[0].term;
    second.value = term;
    balance.value = "50";
    mix.open = true;
    blend(false);
  });
  find(".pad-landmarks").append(button);
}

// -- text, dominance, strength, mixture ------------------------------------------------------------------------------

async function read() {
  const turn = (asked += 1);
  const answer = await server.read_affect(text.value);
  if (turn !== asked) return;
  problem.textContent = answer.problem ?? "";
  text.setAttribute("aria-invalid", String(Boolean(answer.problem)));
  if (answer.problem) return;
  here = { ...here, ...answer };
  show();
  send(false);
}
let typing = 0;
text.addEventListener("input", () => {
  clearTimeout(typing);
  typing = setTimeout(read, REST);
});
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter") return;
  clearTimeout(typing);
  read();
});
text.addEventListener("blur", () => {
  if (!problem.textContent) show();
});

dominance.addEventListener("input", () => setDominance(Number(dominance.value), true));
dominance.addEventListener("change", () => send(false));
unset.addEventListener("click", () => setDominance(here.dominance === null ? 0 : null, false));
function setDominance(value, live) {
  here.dominance = value;
  here.text = written(here);
  settle(live);
}

strength.addEventListener("input", () => setStrength(Number(strength.value), true));
strength.addEventListener("change", () => send(false));
plain.addEventListener("click", () => setStrength(1, false));
function setStrength(value, live) {
  here.strength = value;
  settle(live);
}

function blend(live) {
  const [a, b] = [terms.get(first.value), terms.get(second.value)];
  const t = Number(balance.value) / 100;
  if (t === 0 || t === 1 || a === b) here.text = t === 1 ? b.term : a.term;
  else here.text = `${a.term}:${round(1 - t)}+${b.term}:${round(t)}`;
  for (const axis of ["valence", "arousal", "dominance"]) here[axis] = (1 - t) * a[axis] + t * b[axis];
  settle(live);
}
for (const select of [first, second]) {
  for (const name of [...terms.keys()].sort()) select.append(new Option(name, name));
  select.addEventListener("change", () => blend(false));
}
first.value = "joyful";
second.value = "fearful";
balance.addEventListener("input", () => blend(true));
balance.addEventListener("change", () => blend(false));

// -- a path: one end is in hand, the other waits as a ghost; all controls act on the one in hand -----------

function way() {
  if (!props.path) return here;
  const [start, end] = ending ? [other, here] : [here, other];
  return { ...start, strength: here.strength, to: end && { ...end, strength: undefined } };
}

function turn() {
  [here, other] = [{ ...other, strength: here.strength }, here];
  ending = !ending;
  clear();
  text.value = here.text;
  show();
}

function showPath() {
  if (!props.path) return;
  for (const part of [ghost, trail, find(".pad-which")]) part.toggleAttribute("hidden", !other);
  puck.classList.toggle("ending", ending);
  ghost.classList.toggle("ending", !ending);
  const pressed = { stays: !other, moves: other, from: other && !ending, to: ending };
  for (const [name, on] of Object.entries(pressed)) {
    find(`.pad-${name}`).setAttribute("aria-pressed", String(Boolean(on)));
  }
  const which = other ? (ending ? "End: valence and arousal" : "Start: valence and arousal") : "Valence and arousal";
  puck.setAttribute("aria-label", which);
  if (!other) return;
  ghost.style.left = `${50 + 50 * other.valence}%`;
  ghost.style.top = `${50 - 50 * other.arousal}%`;
  const ends = { 1: here, 2: other };
  for (const [n, at] of Object.entries(ends)) {
    line.setAttribute(`x${n}`, `${50 + 50 * at.valence}%`);
    line.setAttribute(`y${n}`, `${50 - 50 * at.arousal}%`);
  }
}

if (props.path) {
  find(".pad-path").hidden = false;
  find(".pad-moves").addEventListener("click", () => {
    if (other) return;
    other = here;
    ending = true; // it ends on the other side, or, from the middle, in joy
    if (Math.hypot(here.valence, here.arousal) < 0.3) return take("joyful");
    here = { ...here, dominance: null };
    move(-here.valence, -here.arousal, false);
  });
  find(".pad-stays").addEventListener("click", () => {
    if (!other) return;
    if (ending) turn();
    other = null;
    settle(false);
  });
  find(".pad-from").addEventListener("click", () => ending && turn());
  find(".pad-to").addEventListener("click", () => other && !ending && turn());
}

// -- from outside ----------------------------------------------------------------------------------------

watch("value", () => { // a history entry or a cell of the sheet was chosen
  const { text: chosen, valence, arousal, dominance: d, strength: much } = props.value;
  here = { text: chosen, valence, arousal, dominance: d, strength: much ?? here.strength };
  other = props.value.to ?? null;
  ending = false;
  clear();
  text.value = here.text;
  show();
});

document.addEventListener(props.judged, (event) => { // what judges read out of what was made
  find(".pad-estimates").replaceChildren(...event.detail.map(({ name, valence, arousal }) => {
    const mark = document.createElement("i");
    mark.title = `estimated by ${name}`;
    mark.style.left = `${50 + 50 * valence}%`;
    mark.style.top = `${50 - 50 * arousal}%`;
    return mark;
  }));
});

if (props.follows) {
  document.addEventListener(props.follows, (event) => {
    here = { ...here, ...event.detail };
    asked += 1;
    clear();
    show();
  });
}

show();

// The microphone of the live room: it moves the feeling, and a portrait answers. Runs inside gr.HTML after
// live_microphone.js and live_portrait.js; messages as live_voice.py has them. props.portraits: [{name, src, label}],
// none where no portraits speak. window.emotiveVoice is for tests: follow, hold, release, stats.

const find = (selector) => element.querySelector(selector);
const talk = find(".talk"), ear = find(".talk-ear"), meter = find(".talk-meter"), heardLine = find(".talk-heard");
const know = find(".talk-know"), stage = find(".talk-stage"), canvas = find("canvas"), hold = find(".talk-hold");
const picker = find(".talk-portraits"), mine = find(".talk-mine input"), says = find(".talk-state");
const problem = find(".talk-problem");

const MICROPHONE = 16, LIVE_FRAME = 17, ANSWER_FRAME = 18, ANSWER = 19, HEADER = 12;
const LONGEST = 20; // seconds of a take
const SHORT = 250; // ms: a shorter press is a click, and another click ends the take
const LOST = 6000; // ms without a word from the server after which the microphone is announced again
const PATIENCE = 60_000; // ms without one in which an answer is given up
const QUIETEST = -60; // dB, the left end of the meter
const signed = (x) => (x < 0 ? "−" : "+") + Math.abs(x).toFixed(2);

const portrait = livePortrait(canvas);
let live = null; // window.emotiveLive
let following = false, take = ""; // "", "opening", "listening", "answering" or "speaking"
let pressed = 0, latched = false, announced = false, lastWord = 0, lastHead = 0, clock = 0;
let chosen = props.portraits[0]?.name ?? "", words = 0, takes = 0, first = 0; // `first`: when the take's sound began

const mic = microphone({
  heard(buffer) {
    if (take === "listening" || (following && !answering())) live.sendBinary(MICROPHONE, buffer);
    if (announced && performance.now() - lastWord > LOST) announce(); // the connection was a new one
  },
  lost(line) {
    announced = false;
    tell(line);
    if (following) live.follow("pad");
    release();
  },
});

const answering = () => take === "answering" || take === "speaking";

function tell(line) { problem.textContent = line && `${line.replace(/\.$/, "")}.`; }

function announce() {
  lastWord = performance.now();
  announced = true;
  live.send("mic", { on: true, rate: mic.rate });
}

async function listen() {
  tell("");
  await mic.open();
  if (!announced) announce();
}

// The microphone is let go as soon as nobody needs it.
function quiet() {
  if (following || take || !mic.isOpen) return;
  mic.close();
  announced = false;
  live.send("mic", { on: false });
  ear.hidden = true;
}

// -- the feeling follows the voice -------------------------------------------------------------------------

async function follow(on) {
  following = on;
  if (!on) return quiet();
  try {
    await listen();
    if (!following) return quiet();
    ear.hidden = false;
    heardLine.textContent = "Listening";
  } catch (error) {
    following = false;
    live.follow("pad");
    tell(error.message);
  }
}

function hear({ valence, arousal, spread, speaking, level, known }) {
  lastWord = performance.now();
  words += 1;
  if (following && !answering()) live.feel({ valence, arousal });
  const share = Math.max(0, Math.min(1, 1 - level / QUIETEST));
  meter.firstElementChild.style.transform = `scaleX(${share})`;
  meter.classList.toggle("speaking", speaking);
  meter.setAttribute("aria-valuenow", String(Math.max(QUIETEST, Math.round(level))));
  know.setAttribute("aria-pressed", String(known));
  heardLine.textContent = speaking
    ? `valence ${signed(valence)}, arousal ${signed(arousal)}, ± ${Math.max(...spread).toFixed(2)}`
    : "No voice: on the way back to rest";
}

know.addEventListener("click", () => {
  tell("");
  live.send("mic-know", { on: know.getAttribute("aria-pressed") !== "true" });
});

// -- the portrait -------------------------------------------------------------------------------------------

function choose(name) {
  chosen = name;
  for (const button of picker.children) {
    const on = button.dataset.name === name;
    button.setAttribute("aria-checked", String(on));
    button.tabIndex = on ? 0 : -1;
  }
  const { still, label } = props.portraits.find((each) => each.name === name);
  canvas.setAttribute("aria-label", `${label}, a drawn portrait`);
  const image = new Image();
  image.addEventListener("load", () => { if (!take) portrait.still(image); });
  portrait.stop();
  image.src = still;
}

for (const { name, src, label } of props.portraits) {
  const button = document.createElement("button"), image = document.createElement("img");
  [button.type, button.role, button.dataset.name, button.title] = ["button", "radio", name, label];
  button.setAttribute("aria-label", label);
  [image.src, image.alt] = [src, ""];
  button.append(image);
  button.addEventListener("click", () => { if (!take) choose(name); });
  picker.append(button);
}
picker.addEventListener("keydown", (event) => {
  const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
  if (!step || take) return;
  event.preventDefault();
  const names = props.portraits.map(({ name }) => name);
  choose(names[(names.indexOf(chosen) + step + names.length) % names.length]);
  picker.querySelector("[aria-checked='true']").focus();
});

async function press() {
  if (take === "listening" || take === "opening") return;
  if (take) live.send("head-cancel"); // the answer is cut short
  tell("");
  portrait.stop();
  take = "opening";
  const number = (takes += 1);
  pressed = lastHead = performance.now();
  latched = false;
  clearInterval(clock);
  clock = setInterval(show, 100);
  show();
  portrait.unlock();
  try {
    await listen();
  } catch (error) {
    if (number === takes) over();
    return tell(error.message);
  }
  if (number !== takes) return;
  if (take !== "opening") return quiet(); // let go before the microphone was there
  says.textContent = "Opening the face";
  live.send("head-start", { take: takes, portrait: chosen, feeling: mine.checked ? "mine" : "pad" });
}

function begin() {
  take = "listening";
  first = performance.now();
  portrait.listen(first);
  show();
}

function release() {
  if (take === "opening") {
    live.send("head-cancel");
    return over();
  }
  if (take !== "listening") return;
  take = "answering";
  live.send("head-stop");
  show();
}

function show() {
  hold.setAttribute("aria-pressed", String(take === "opening" || take === "listening"));
  talk.dataset.take = take;
  const behind = portrait.delay ? `, ${Math.round(portrait.delay)} ms behind your voice` : "";
  const seconds = (performance.now() - first) / 1000;
  if (take === "listening" && seconds > LONGEST) return release();
  hold.textContent = "Hold and speak";
  if (take === "listening") hold.textContent = latched ? "Click to end" : "Let go to end";
  else if (take === "speaking") hold.textContent = "Speak again";
  else if (take === "opening" && latched) hold.textContent = "Click to cancel";
  if (take && performance.now() - lastHead > PATIENCE) {
    live.send("head-cancel");
    over();
    tell("The answer did not come: the connection may be lost");
  }
  if (take === "listening") says.textContent = `${seconds.toFixed(1)} of ${LONGEST} s${behind}`;
  if (take === "answering") says.textContent = "One moment";
  if (take === "speaking") says.textContent = `${mine.checked ? "Your feeling" : "The pad's feeling"}, on your words`;
}

function over() {
  clearInterval(clock);
  if (!take) return;
  take = "";
  latched = false;
  show();
  says.textContent = "The portrait moves its lips with you, then says it back.";
  quiet();
}

hold.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  if (latched && (take === "listening" || take === "opening")) return release();
  hold.setPointerCapture(event.pointerId);
  press();
});
function letGo() {
  if (latched || (take !== "listening" && take !== "opening")) return;
  if (performance.now() - pressed < SHORT) latched = true; // a click: it goes on until the next
  else release();
  show();
}
hold.addEventListener("pointerup", letGo);
hold.addEventListener("pointercancel", release);
hold.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch
hold.addEventListener("keydown", (event) => {
  if (event.key !== " " && event.key !== "Enter") return;
  event.preventDefault();
  if (event.repeat) return;
  if (latched && (take === "listening" || take === "opening")) release();
  else press();
});
hold.addEventListener("keyup", (event) => {
  if (event.key === " " || event.key === "Enter") letGo();
});

const part = (data) => new Uint8Array(data, HEADER);
function framed(data) {
  const view = new DataView(data);
  return { number: view.getUint32(4, true), seconds: view.getFloat32(8, true), jpeg: part(data) };
}

function attach() {
  live = window.emotiveLive;
  live.slot.replaceChildren(talk);
  stage.hidden = !props.portraits.length;
  live.on("voice", hear);
  live.on("voice-problem", ({ line }) => {
    if (take === "opening") over();
    tell(line);
  });
  live.on("head", ({ take: number, state, full }) => {
    if (number !== takes) return; // of one that was cut short
    lastHead = performance.now();
    if (full) release();
    else if (state === "listening" && take === "opening") begin();
    else if (state === "") endTake();
  });
  live.on(LIVE_FRAME, (data) => {
    lastHead = performance.now();
    const { number, seconds, jpeg } = framed(data);
    live.send("head-seen", { frame: number });
    if (take === "listening") portrait.live(seconds, jpeg);
  });
  live.on(ANSWER, (data) => {
    const view = new DataView(data);
    take = "speaking";
    show();
    portrait.answer(new Int16Array(data, HEADER), view.getUint32(4, true), view.getUint32(8, true)).then(over);
  });
  live.on(ANSWER_FRAME, (data) => {
    lastHead = performance.now();
    const { number, seconds, jpeg } = framed(data);
    portrait.answered(seconds, jpeg);
    live.send("head-seen", { frame: number });
  });
  live.addSource("microphone", "the microphone", { start: () => follow(true), stop: () => follow(false) });
  if (chosen) choose(chosen);
}

// The server has done its part: the answer goes on to its end, anything else is over.
function endTake() {
  if (take === "speaking") portrait.speakWhenReady(true);
  else if (take !== "opening") over();
}

window.emotiveVoice = {
  follow: () => live.follow("microphone"), press, release, choose,
  stats: () => ({ words, take, following, drawn: portrait.drawn, delay: portrait.delay, clock: portrait.clock }),
};

const ready = () => (window.emotiveLive?.slot ? attach() : setTimeout(ready, 50));
ready();

// The picture that follows the pad. Runs inside gr.HTML after live_curve.js and live_socket.js.
// props.value: {prompt, seed, steps, strength, text, valence, arousal, dominance, offered: [steps], curve: or null};
// props.tells: the event with which the pad says where it is, {text, valence, arousal, dominance, strength};
// props.follows: the event that moves its puck. window.emotiveLive is for other scripts of this room, such as the
// microphone: send, sendBinary, on (a kind, or a tag of binary messages), affect, feel, addSource, follow, look, stats, tell.

window.emotiveLive?.close();
const find = (selector) => element.querySelector(selector);
const room = find(".live"), canvas = find("canvas"), wait = find(".stage-wait"), rate = find(".live-rate");
const title = find(".live-title"), notes = find(".live-notes"), problem = find(".live-problem");
const seed = find(".live-seed input"), steps = find(".live-steps"), keep = find(".live-keep");
const play = find(".live-play"), place = find(".live-place"), time = find(".live-time"), file = find(".live-file input");
const kept = find(".live-kept"), strip = find(".live-kept .history-strip");
const context = canvas.getContext("2d", { alpha: false });
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const FRAME = 1, KEPT = 2, HEADER = 32; // as live_server.py packs them
const SPACING = 12; // ms between two words of the pad; only the last one in between counts
const LARGEST_CURVE = 200_000; // bytes
const { offered, curve: given, prompt, seed: firstSeed, steps: firstSteps, ...start } = props.value;
let here = start; // where the pad is
let scene = { prompt, seed: String(firstSeed), steps: firstSteps };

// -- the connection ----------------------------------------------------------------------------------------

const line = liveSocket({
  ticket: () => server.ticket_for(""),
  opened() {
    shown = { ...shown, number: 0 };
    problem.textContent = "";
    said = -Infinity;
    say(); // before the scene, so that its first picture is in this feeling
    line.send("scene", scene);
  },
  lost(reason) {
    problem.textContent = reason.endsWith(".") ? reason : `${reason}.`;
    keep.disabled = true;
  },
});

line.on("problem", ({ line: text, scene: inForce }) => {
  if (inForce) { // what was refused does not stick
    scene = inForce;
    showScene();
  }
  problem.textContent = `${text.replace(/\.$/, "")}.`;
  keep.disabled = !shown.number;
});
line.on("notes", ({ line: text }) => {
  notes.textContent = text;
  problem.textContent = "";
});
line.on("busy", ({ line: text }) => { wait.textContent = text; });

function look(change) {
  scene = { ...scene, ...change };
  showScene();
  line.send("scene", scene);
}

function showScene() {
  seed.value = scene.seed;
  for (const button of steps.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(Number(button.textContent) === scene.steps));
  }
}

// -- where the pad is: the newest word counts, at once if there was none just now ------------------------------

let said = -Infinity, later = 0, moved = 0;

function say() {
  clearTimeout(later);
  const soon = said + SPACING - performance.now();
  if (soon > 0) {
    later = setTimeout(say, soon);
    return;
  }
  said = performance.now();
  line.send("affect", { text: here.text, strength: here.strength, time: moved, gently: !calm.matches });
}

function feel(affect) {
  const before = here;
  here = { ...here, ...affect };
  if (here.text === before.text && here.strength === before.strength) return; // a pad that rests says so again
  moved = performance.now();
  say();
}

document.addEventListener(props.tells, ({ detail }) => {
  if (!room.isConnected) return;
  follow("pad");
  const { live, ...affect } = detail;
  feel(affect);
});

// Moves the puck, and with it the picture.
function steer({ valence, arousal, dominance = null }) {
  const parts = dominance === null ? [valence, arousal] : [valence, arousal, dominance];
  const affect = { valence, arousal, dominance, text: parts.map((x) => String(Number(x.toFixed(3)) + 0)).join(",") };
  document.dispatchEvent(new CustomEvent(props.follows, { detail: affect }));
  feel(affect);
}

// -- frames ------------------------------------------------------------------------------------------------

let shown = { number: 0, echo: 0 }, next = null;
let total = 0, times = [], delays = [];

line.on(FRAME, async (data) => {
  const view = new DataView(data);
  const head = { arrived: view.getUint8(1) === 1, number: view.getUint32(4, true), echo: view.getFloat64(8, true) };
  const bitmap = await createImageBitmap(new Blob([new Uint8Array(data, HEADER)], { type: "image/jpeg" }));
  if (next && next.number > head.number) return bitmap.close();
  next?.bitmap.close();
  const waits = Boolean(next);
  next = { ...head, bitmap };
  if (document.hidden) draw();
  else if (!waits) requestAnimationFrame(draw);
});

function draw() {
  if (!next) return;
  const { bitmap, ...head } = next;
  next = null;
  if (canvas.width !== bitmap.width || canvas.height !== bitmap.height) {
    [canvas.width, canvas.height] = [bitmap.width, bitmap.height];
  }
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  line.send("drawn", { frame: head.number });
  const now = performance.now();
  if (head.echo > shown.echo) delays = [...delays.slice(-30), now - head.echo];
  times = [...times.filter((at) => now - at < 1000), now];
  total += 1;
  shown = head;
  room.classList.remove("waiting");
  keep.disabled = false;
  measure();
}

const stats = () => ({
  frames: total,
  rate: times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0,
  delay: delays.length ? [...delays].sort((a, b) => a - b)[Math.floor(delays.length / 2)] : 0,
});

let measured = 0, resting = 0;
function measure() {
  clearTimeout(resting);
  resting = setTimeout(rest, 500);
  const now = performance.now();
  if (now - measured < 250) return;
  measured = now;
  const { rate: speed, delay } = stats();
  room.dataset.live = "true";
  if (speed) rate.textContent = `${Math.round(speed)} frames/s` + (delay ? `, ${Math.round(delay)} ms behind` : "");
}

function rest() { // nothing is painted any more, until something changes
  times = [];
  room.dataset.live = "false";
  const what = scene.prompt || "a mood alone";
  title.textContent = here.text.includes(",") ? what : `${what}, ${here.text}`; // the pad shows the numbers
  canvas.setAttribute("aria-label", `${what}, ${here.text}`);
}

// -- seed, steps, keeping ----------------------------------------------------------------------------------

seed.addEventListener("change", () => look({ seed: seed.value.trim() }));
find(".live-dice").addEventListener("click", () => look({ seed: String(Math.floor(1e6 * Math.random())) }));
for (const number of offered) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = String(number);
  button.addEventListener("click", () => look({ steps: number }));
  steps.append(button);
}

keep.addEventListener("click", () => {
  keep.disabled = true;
  line.send("keep");
});
line.on(KEPT, (data) => {
  keep.disabled = false;
  const length = new DataView(data).getUint32(4, true);
  const { name, title: what } = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 8, length)));
  const link = document.createElement("a"), image = document.createElement("img");
  link.href = URL.createObjectURL(new Blob([new Uint8Array(data, 8 + length)], { type: "image/png" }));
  [link.download, link.title] = [name, `${what}: download again`];
  [image.src, image.alt] = [link.href, what];
  link.append(image);
  strip.prepend(link);
  kept.hidden = false;
  while (strip.children.length > 24) {
    URL.revokeObjectURL(strip.lastElementChild.href);
    strip.lastElementChild.remove();
  }
  link.click();
});

// -- what the feeling follows ------------------------------------------------------------------------------

const sources = new Map(); // name: {start, stop, button}
let source = "";

function addSource(name, label, { start: begin = () => {}, stop = () => {} } = {}) {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = label;
  button.addEventListener("click", () => follow(name));
  find(".live-sources").append(button);
  sources.set(name, { begin, stop, button });
}

function follow(name) {
  if (name === source || !sources.has(name)) return;
  const before = sources.get(source);
  source = name;
  before?.stop();
  for (const [each, { button }] of sources) button.setAttribute("aria-pressed", String(each === name));
  sources.get(name).begin();
}

const player = curvePlayer((affect, seconds) => {
  place.value = String(seconds);
  time.textContent = `${seconds.toFixed(1)} / ${player.curve.seconds.toFixed(1)} s`;
  steer(affect);
}, showPlaying);

function showPlaying() {
  play.classList.toggle("playing", player.playing);
  play.setAttribute("aria-label", player.playing ? "Pause the curve" : "Play the curve");
}

function playCurve() {
  player.play();
  showPlaying();
}

function loadCurve(curve) {
  player.load(curve);
  find(".live-file span").textContent = curve.name;
  [place.max, place.disabled, play.disabled] = [String(curve.seconds || 1), false, false];
  file.value = "";
  drawTrail();
  if (source === "curve") playCurve();
}

// The way of the curve over the plane, as long as it is followed.
function drawTrail() {
  const plane = document.querySelector("#live-pad .pad-space");
  plane?.querySelector(".live-trail")?.remove();
  if (!plane || source !== "curve" || !player.curve) return;
  const points = player.curve.keyframes.map(([, v, a]) => `${50 + 50 * v},${50 - 50 * a}`).join(" ");
  plane.insertAdjacentHTML("afterbegin", `<svg class="live-trail" viewBox="0 0 100 100" aria-hidden="true">
    <polyline vector-effect="non-scaling-stroke" points="${points}"></polyline></svg>`);
}

addSource("pad", "the pad");
addSource("curve", "a curve", {
  start() {
    find(".live-curve").hidden = false;
    drawTrail();
    if (player.curve) playCurve();
    else file.click();
  },
  stop() {
    find(".live-curve").hidden = true;
    player.pause();
    showPlaying();
    drawTrail();
  },
});

play.addEventListener("click", () => {
  if (player.playing) player.pause();
  else player.play();
  showPlaying();
});
place.addEventListener("input", () => player.seek(Number(place.value)));
find(".live-loop input").addEventListener("change", ({ target }) => player.loop(target.checked));
file.addEventListener("change", async () => {
  const chosen = file.files[0];
  if (!chosen) return;
  if (chosen.size > LARGEST_CURVE) {
    problem.textContent = `${chosen.name} is too large for a curve: ${LARGEST_CURVE / 1000} KB at most.`;
    return;
  }
  line.send("curve", { name: chosen.name, text: await chosen.text() });
});
line.on("curve", (curve) => {
  problem.textContent = "";
  loadCurve(curve);
});

// -- for the other scripts of the room, and the beginning ------------------------------------------------------

window.emotiveLive = {
  send: line.send, sendBinary: line.sendBinary, on: line.on, close: line.close, drop: line.drop,
  affect: () => ({ ...here }), feel: steer, addSource, follow, look, stats,
  follows: () => shown.arrived && shown.echo >= moved, // whether the picture is in the affect of the pad
  slot: find(".live-voice"),
  tell(text) { problem.textContent = text; }, // one line for the person who looks
};

function present() { // the room is looked at for the first time
  if (given) {
    loadCurve(given);
    follow("curve");
  }
  line.open();
}
new IntersectionObserver((entries, watcher) => {
  if (!entries.some((entry) => entry.isIntersecting)) return;
  watcher.disconnect();
  present();
}, { rootMargin: "4000px" }).observe(room);
document.addEventListener("visibilitychange", () => {
  if (next) draw(); // hidden, no frame of the page is coming that would
});

seed.value = scene.seed;
follow("pad");
for (const button of steps.querySelectorAll("button")) {
  button.setAttribute("aria-pressed", String(Number(button.textContent) === scene.steps));
}

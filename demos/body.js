// A body: at rest, then moving with its sound, to be turned by hand; and the film of it, once that is done.
// Runs inside gr.HTML after transport.js, body_model.js and body_light.js. props.value: {busy: what it waits for, or
// ""}; {figure, label, still: a picture, camera} at rest; {figure, sound, seconds, title, camera} when it moves, which
// plays once, at once: somebody has asked for it; `busy` may go with it; then {film, files: [[name, address]], rows: [[what, value]],
// estimates: [{name, valence, arousal, said}]} of the same. figure: a .glb; files are data URIs. The place
// in the sound is the place in the movement, whichever is shown. camera: {turn, field: rad, deg; about: x, z;
// height; near, far: [m from bottom to top, how high the middle is]; nearer: which at first; backdrop: linear colour;
// lights, matter: see body_light.js}; {nearer} alone looks from there.

const find = (selector) => element.querySelector(selector);
const frame = find(".body"), image = find("img"), video = find("video"), canvas = find("canvas");
const wait = find(".player-wait"), choice = find(".body-choice"), caption = find("figcaption");
const turns = find(".body-turns"), asFilm = find(".body-film"), estimates = find(".stage-estimates");
const LOWEST = 0.02, HIGHEST = 1.1, LIFT = 0.045; // rad over the level, of the camera; and at first
const CLOSEST = 0.6, WIDEST = 3.2; // m from the bottom to the top of the picture
let scene = theatre(canvas);
let seen = null, made = null, model = null; // the camera's place; what moves, if anything does
let asked = 0; // how many figures were; the last one counts
let film = "", waiting = false; // the film's address; whether it is to take the place of the sound

const player = transport(video, frame, () => made?.seconds ?? 0, draw);
video.addEventListener("click", player.toggle);
for (const kind of ["pause", "ended"]) video.addEventListener(kind, () => waiting && swap());

// -- the figure ------------------------------------------------------------------------------------------

function draw() {
  if (!model || canvas.hidden || !canvas.clientWidth) return;
  const sharp = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [canvas.clientWidth, canvas.clientHeight].map((side) => Math.round(side * sharp));
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const { about, field, height: tall, near, far } = seen.camera;
  const part = (far[0] - seen.shown) / (far[0] - near[0]), rise = part + 0.4 * Math.max(0, part - 1);
  const aim = [about[0], tall * (far[1] + rise * (near[1] - far[1])), about[1]]; // nearer, it looks higher
  const away = (tall * seen.shown) / (2 * Math.tan((field * Math.PI) / 360)), level = away * Math.cos(seen.lift);
  const eye = [aim[0] + level * Math.sin(seen.yaw), aim[1] + away * Math.sin(seen.lift), aim[2] + level * Math.cos(seen.yaw)];
  scene.draw(made ? video.currentTime : 0, { ...seen.camera, eye, aim });
}

function stand({ figure, camera }) {
  const before = seen;
  seen = { ...before, camera };
  if (before?.camera.nearer !== camera.nearer) lookAhead();
  else if (before.shown === shownOf(before.camera)) seen.shown = shownOf(camera);
  if (!scene) return;
  const turn = (asked += 1);
  modelOf(bytes(figure).buffer).then((found) => {
    if (turn !== asked) return;
    model = found;
    scene.load(model, camera.matter);
    draw();
  });
}

const shownOf = ({ nearer, near, far }) => (nearer ? near : far)[0];

function lookAhead() { // as the film does
  Object.assign(seen, { yaw: seen.camera.turn, lift: LIFT, shown: shownOf(seen.camera) });
  draw();
}

function approach(nearer) {
  if (!seen) return;
  seen.camera.nearer = nearer;
  lookAhead();
}

function turn(yaw, lift, nearer = 1) {
  seen.yaw += yaw;
  seen.lift = Math.min(HIGHEST, Math.max(LOWEST, seen.lift + lift));
  seen.shown = Math.min(WIDEST, Math.max(CLOSEST, seen.shown * nearer));
  draw();
}

let held = null;
canvas.addEventListener("pointerdown", (event) => {
  if (event.button !== 0) return;
  held = event;
  canvas.setPointerCapture(event.pointerId);
});
canvas.addEventListener("pointermove", (event) => {
  if (event.pointerId !== held?.pointerId) return;
  turn((held.clientX - event.clientX) * 0.01, (event.clientY - held.clientY) * 0.006);
  held = event;
  find(".body-hint").hidden = true; // it is understood
});
for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { held = null; });
canvas.addEventListener("dblclick", lookAhead);
canvas.addEventListener("wheel", (event) => {
  if (document.activeElement !== canvas && !event.ctrlKey) return; // else the page scrolls
  event.preventDefault();
  turn(0, 0, Math.exp(0.001 * event.deltaY));
}, { passive: false });
const KEYS = {
  ArrowLeft: [-0.15, 0], ArrowRight: [0.15, 0], ArrowUp: [0, 0.08], ArrowDown: [0, -0.08],
  "+": [0, 0, 0.9], "-": [0, 0, 1.1],
};
canvas.addEventListener("keydown", (event) => {
  if (event.key === " ") player.toggle();
  else if (KEYS[event.key]) turn(...KEYS[event.key]);
  else return;
  event.preventDefault();
});
canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
canvas.addEventListener("webglcontextrestored", () => {
  scene = theatre(canvas);
  if (model) scene.load(model, seen.camera.matter);
  draw();
});
new ResizeObserver(draw).observe(canvas);

// -- film and sound --------------------------------------------------------------------------------------

function show3D(on) {
  canvas.hidden = !on;
  turns.setAttribute("aria-pressed", String(on));
  asFilm.setAttribute("aria-pressed", String(!on));
  if (on) draw();
  else swap();
}
turns.addEventListener("click", () => show3D(true));
asFilm.addEventListener("click", () => show3D(false));

function address(uri, kind) {
  return URL.createObjectURL(new Blob([bytes(uri)], { type: kind })); // some browsers play no data URIs
}

function source(url) {
  if (video.src.startsWith("blob:") && video.src !== url) URL.revokeObjectURL(video.src);
  video.src = url;
}

function swap() { // the film has the same sound: it goes on from where that is
  waiting = false;
  if (!film || video.src === film) return;
  const { currentTime, paused } = video;
  source(film);
  video.currentTime = currentTime;
  if (!paused) video.play().catch(() => {});
}

// -- from outside ----------------------------------------------------------------------------------------

function rest(value) {
  video.pause();
  made = null;
  stand(value);
  [image.src, image.alt, image.hidden] = [value.still, value.label, false];
  video.hidden = caption.hidden = choice.hidden = true;
  canvas.hidden = !scene;
  player.enable(false);
  document.dispatchEvent(new CustomEvent("emotive:moved", { detail: [] }));
  draw();
}

function move(value) {
  made = value;
  stand(value);
  if (film && video.src !== film) URL.revokeObjectURL(film);
  film = "";
  waiting = false;
  asFilm.disabled = true;
  source(address(made.sound, "audio/wav"));
  video.poster = image.src;
  image.hidden = true;
  video.hidden = caption.hidden = choice.hidden = false;
  find(".stage-title").textContent = made.title;
  find(".screen-links").replaceChildren();
  find("dl").replaceChildren();
  estimates.hidden = true;
  document.dispatchEvent(new CustomEvent("emotive:moved", { detail: [] }));
  player.enable(true);
  if (scene) show3D(true);
  else choice.hidden = true;
  video.play().catch(() => {}); // a browser may want another click
}

function finish(value) {
  film = address(value.film, "video/mp4");
  const links = value.files.map(([name, uri]) => {
    const link = document.createElement("a"), kind = name.slice(name.lastIndexOf(".") + 1);
    link.className = `stage-download body-${kind}`;
    [link.href, link.download] = [uri, name];
    link.textContent = kind === "mp4" ? "Film" : kind.toUpperCase();
    return link;
  });
  find(".screen-links").replaceChildren(...links);
  tell(find("dl"), value.rows);
  estimates.hidden = !value.estimates.length;
  estimates.textContent = `Estimated by the ${value.estimates.map(({ said }) => said).join("; ")}.`;
  document.dispatchEvent(new CustomEvent("emotive:moved", { detail: value.estimates }));
  asFilm.disabled = false;
  if (video.paused || !scene) swap();
  else waiting = true; // no gap in what one hears
}

function show() {
  const value = props.value ?? {}, busy = value.busy ?? "";
  if ("nearer" in value) return approach(value.nearer);
  frame.classList.toggle("busy", Boolean(busy));
  wait.textContent = busy;
  if (busy && !value.sound) video.pause();
  if (value.still) rest(value);
  if (value.sound) move(value);
  if (value.film) finish(value);
  frame.dataset.state = busy ? "busy" : !made ? (image.src ? "rest" : "empty") : film ? "ready" : "moving";
}

watch("value", show);
show();
server.resting(null).then((value) => { // whoever comes sees the first actor
  if (image.src || made) return;
  rest(value);
  frame.dataset.state = "rest";
});

// What was said: its sound, and its picture as the place to move in it. Runs inside gr.HTML.
// props.value: {busy: what it waits for, or ""}, or {audio, picture, width, height (of the page's pixels), from, to
// (where on the picture time begins and ends, 0..1), seconds, title, name, timeline, rows: [[what, value]],
// estimates: [{name, valence, arousal, said}]}. Nothing plays by itself.

const find = (selector) => element.querySelector(selector);
const figure = find(".player"), scroll = find(".player-scroll"), sheet = find(".player-sheet");
const image = find("img"), head = find(".player-head"), wait = find(".player-wait");
const button = find("button"), range = find("input"), clock = find("output"), audio = find("audio");
const caption = find("figcaption"), estimates = find(".stage-estimates");
let made = null, frame = 0;

// -- time ------------------------------------------------------------------------------------------------

function place() {
  const { from, to, seconds } = made;
  const done = Math.min(1, audio.currentTime / seconds);
  head.style.left = `${100 * (from + done * (to - from))}%`;
  range.value = String(done);
  range.setAttribute("aria-valuetext", `${audio.currentTime.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
  clock.textContent = `${audio.currentTime.toFixed(1)} / ${seconds.toFixed(1)} s`;
  const x = head.offsetLeft, wide = scroll.clientWidth; // the head stays in sight
  if (x < scroll.scrollLeft || x > scroll.scrollLeft + 0.85 * wide) scroll.scrollLeft = x - 0.15 * wide;
}

function run() {
  place();
  frame = audio.paused ? 0 : requestAnimationFrame(run);
}

function go(part) {
  audio.currentTime = made.seconds * Math.min(1, Math.max(0, part));
  place();
}

button.addEventListener("click", () => (audio.paused ? audio.play() : audio.pause()));
range.addEventListener("input", () => go(Number(range.value)));
sheet.addEventListener("click", (event) => {
  if (!made) return;
  const box = sheet.getBoundingClientRect();
  go(((event.clientX - box.left) / box.width - made.from) / (made.to - made.from));
});
for (const kind of ["play", "pause", "ended"]) {
  audio.addEventListener(kind, () => {
    figure.classList.toggle("playing", !audio.paused);
    button.setAttribute("aria-label", audio.paused ? "Play" : "Pause");
    if (!frame) run();
  });
}

// -- from outside ----------------------------------------------------------------------------------------

function show() {
  const value = props.value ?? {};
  const busy = value.busy ?? "";
  figure.classList.toggle("busy", Boolean(busy));
  if (busy) audio.pause();
  if (busy || made || value.audio) wait.textContent = busy;
  else wait.textContent = "What is said will be heard and seen here";
  if (!value.audio) {
    figure.dataset.state = busy ? "busy" : made ? "ready" : "empty";
    return;
  }
  made = value;
  image.hidden = head.hidden = caption.hidden = button.disabled = range.disabled = false;
  image.src = made.picture;
  image.alt = `Spectrogram of ${made.title}`;
  image.style.aspectRatio = `${made.width} / ${made.height}`;
  sheet.style.width = `${made.width}px`;
  audio.src = made.audio;
  scroll.scrollLeft = 0;
  find(".stage-title").textContent = made.title;
  for (const [name, href, file] of [["wav", made.audio, `${made.name}.wav`],
    ["timeline", made.timeline, `${made.name}-timeline.json`]]) {
    find(`.player-${name}`).href = href;
    find(`.player-${name}`).download = file;
  }
  find("dl").replaceChildren(...made.rows.flatMap(([what, said]) => {
    const term = document.createElement("dt"), data = document.createElement("dd");
    term.textContent = what;
    data.textContent = said;
    return [term, data];
  }));
  estimates.hidden = !made.estimates.length;
  estimates.textContent = `Estimated by the ${made.estimates.map(({ said }) => said).join("; ")}.`;
  document.dispatchEvent(new CustomEvent("emotive:heard", { detail: made.estimates }));
  place();
  figure.dataset.state = "ready";
}

watch("value", show);
show();

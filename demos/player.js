// What was said: its sound, and its picture as the place to move in it. Runs inside gr.HTML.
// props.value: {busy: what it waits for, or ""}, or {audio, picture, width, height (of the page's pixels), from, to
// (where on the picture time begins and ends, 0..1), seconds, title, name, timeline, rows: [[what, value]],
// estimates: [{name, valence, arousal, said}]}. Nothing plays by itself.

const find = (selector) => element.querySelector(selector);
const figure = find(".player"), scroll = find(".player-scroll"), sheet = find(".player-sheet");
const image = find("img"), head = find(".player-head"), wait = find(".player-wait");
const audio = find("audio");
const caption = find("figcaption"), estimates = find(".stage-estimates");
let made = null;

const time = transport(audio, figure, () => made?.seconds ?? 0, () => {
  const { from, to, seconds } = made;
  head.style.left = `${100 * (from + Math.min(1, audio.currentTime / seconds) * (to - from))}%`;
  const x = head.offsetLeft, wide = scroll.clientWidth; // the head stays in sight
  if (x < scroll.scrollLeft || x > scroll.scrollLeft + 0.85 * wide) scroll.scrollLeft = x - 0.15 * wide;
});
sheet.addEventListener("click", (event) => {
  if (!made) return;
  const box = sheet.getBoundingClientRect();
  time.go(((event.clientX - box.left) / box.width - made.from) / (made.to - made.from));
});

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
  image.hidden = head.hidden = caption.hidden = false;
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
  tell(find("dl"), made.rows);
  estimates.hidden = !made.estimates.length;
  estimates.textContent = `Estimated by the ${made.estimates.map(({ said }) => said).join("; ")}.`;
  document.dispatchEvent(new CustomEvent("emotive:heard", { detail: made.estimates }));
  time.enable(true);
  figure.dataset.state = "ready";
}

watch("value", show);
show();

// How sound or video is played: a button, a place to move in it, a clock. It stands before the scripts of the
// components that play, in the same function.

// media: an <audio> or <video>; figure: has the button, the range and the output in it, and the class `playing`
// while it plays. `length()` says how many seconds it lasts, 0 if there is nothing; `moved()` is called whenever time has moved.
function transport(media, figure, length, moved = () => {}) {
  const button = figure.querySelector(".player-line button");
  const range = figure.querySelector(".player-line input"), clock = figure.querySelector(".player-line output");
  let frame = 0;

  function place() {
    const seconds = length();
    if (!seconds) return;
    range.value = String(Math.min(1, media.currentTime / seconds));
    range.setAttribute("aria-valuetext", `${media.currentTime.toFixed(1)} of ${seconds.toFixed(1)} seconds`);
    clock.textContent = `${media.currentTime.toFixed(1)} / ${seconds.toFixed(1)} s`;
    moved();
  }

  function run() {
    place();
    frame = media.paused ? 0 : requestAnimationFrame(run);
  }

  function go(part) {
    media.currentTime = length() * Math.min(1, Math.max(0, part));
    place();
  }

  function toggle() {
    if (!media.paused) return media.pause();
    if (media.currentTime > length() - 0.05) media.currentTime = 0; // from its end it plays again
    media.play();
  }

  function enable(on) {
    button.disabled = range.disabled = !on;
    if (on) return place();
    range.value = "0";
    clock.textContent = "0.0 s";
  }

  button.addEventListener("click", toggle);
  range.addEventListener("input", () => go(Number(range.value)));
  for (const kind of ["play", "pause", "ended", "emptied"]) {
    media.addEventListener(kind, () => {
      figure.classList.toggle("playing", !media.paused);
      button.setAttribute("aria-label", media.paused ? "Play" : "Pause");
      if (!frame) run();
    });
  }
  return { place, go, toggle, enable };
}

// What it was made from, as rows of a <dl>: [[what, said]].
function tell(list, rows) {
  list.replaceChildren(...rows.flatMap(([what, said]) => {
    const term = document.createElement("dt"), data = document.createElement("dd");
    term.textContent = what;
    data.textContent = said;
    return [term, data];
  }));
}

// What a data URI holds.
function bytes(uri) {
  return Uint8Array.from(atob(uri.slice(uri.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
}

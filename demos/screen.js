// A face: at rest, then as the video that was made of it, with its downloads. Runs inside gr.HTML.
// props.value: {busy: what it waits for, or ""}, or {still: a picture, label}, or {video, poster, seconds, title, name,
// motion: {suffix: data URI}, rows: [[what, value]], estimates: [{name, valence, arousal, said}]}. A video plays once,
// at once: somebody has asked for it.

const find = (selector) => element.querySelector(selector);
const figure = find(".screen"), image = find("img"), video = find("video"), wait = find(".player-wait");
const caption = find("figcaption"), links = find(".screen-links"), estimates = find(".stage-estimates");
let made = null, address = "";

const player = transport(video, figure, () => made?.seconds ?? 0);
video.addEventListener("click", player.toggle);

function rest({ still, label }) { // a face that has not spoken yet
  video.pause();
  made = null;
  image.src = still;
  image.alt = label;
  image.hidden = false;
  video.hidden = caption.hidden = true;
  player.enable(false);
  document.dispatchEvent(new CustomEvent("emotive:seen", { detail: [] }));
}

function play(value) {
  made = value;
  URL.revokeObjectURL(address);
  address = URL.createObjectURL(new Blob([bytes(made.video)], { type: "video/mp4" })); // some play no data URIs
  video.poster = made.poster;
  video.src = address;
  video.hidden = caption.hidden = false;
  image.hidden = true;
  find(".stage-title").textContent = made.title;
  find(".screen-video").href = address;
  find(".screen-video").download = `${made.name}.mp4`;
  for (const old of links.querySelectorAll(".screen-motion")) old.remove();
  links.append(...Object.entries(made.motion).map(([suffix, uri]) => {
    const link = document.createElement("a");
    link.className = "stage-download screen-motion";
    [link.href, link.download, link.textContent] = [uri, `${made.name}${suffix}`, suffix.slice(1).toUpperCase()];
    return link;
  }));
  tell(find("dl"), made.rows);
  estimates.hidden = !made.estimates.length;
  estimates.textContent = `Estimated by the ${made.estimates.map(({ said }) => said).join("; ")}.`;
  document.dispatchEvent(new CustomEvent("emotive:seen", { detail: made.estimates }));
  player.enable(true);
  video.play().catch(() => {}); // a browser may want another click
}

function show() {
  const value = props.value ?? {}, busy = value.busy ?? "";
  figure.classList.toggle("busy", Boolean(busy));
  wait.textContent = busy;
  if (busy) video.pause();
  if (value.still) rest(value);
  if (value.video) play(value);
  figure.dataset.state = busy ? "busy" : made ? "ready" : image.src ? "rest" : "empty";
}

watch("value", show);
show();

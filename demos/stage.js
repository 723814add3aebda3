// The picture, its title, its download and what it was made from. Runs inside gr.HTML.
// props.value: {src, live} while the puck moves; at rest also {title, name, rows: [[what, value]], and, where
// there are judges, estimates: [{name, valence, arousal, said}]}. A picture at rest is a PNG with provenance.

const figure = element.querySelector(".stage"), image = element.querySelector("img");
const title = element.querySelector(".stage-title"), link = element.querySelector(".stage-download");
const rows = element.querySelector("dl"), estimates = element.querySelector(".stage-estimates");

function show() {
  const made = props.value;
  if (!made?.src) return;
  figure.classList.remove("waiting");
  image.hidden = false;
  image.src = made.src;
  figure.dataset.live = String(made.live);
  if (made.live) return; // the words follow when it rests
  image.alt = made.title;
  title.textContent = made.title;
  link.hidden = false;
  link.download = made.name;
  link.href = made.src;
  rows.replaceChildren(...made.rows.flatMap(([what, value]) => {
    const term = document.createElement("dt"), data = document.createElement("dd");
    term.textContent = what;
    data.textContent = value;
    return [term, data];
  }));
  const judged = made.estimates ?? [];
  estimates.hidden = !judged.length;
  estimates.textContent = judged.length ? `Estimated by the ${judged.map(({ said }) => said).join("; ")}.` : "";
  document.dispatchEvent(new CustomEvent("emotive:estimates", { detail: judged }));
}

watch("value", show);
show();

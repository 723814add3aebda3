// A picture before and after, and how much of it was preserved. Runs inside gr.HTML.
// props.value: {before, after, title, name, rows: [[what, value]]}; `after` is a PNG with provenance.

const link = element.querySelector("a");

function show() {
  const made = props.value;
  element.querySelector(".edited").hidden = !made?.before;
  if (!made?.before) return;
  for (const which of ["before", "after"]) {
    const image = element.querySelector(`.edited-${which}`);
    image.hidden = !made[which];
    if (made[which]) image.src = made[which];
  }
  element.querySelector(".edited-title").textContent = made.title;
  link.hidden = !made.after;
  if (made.after) [link.href, link.download] = [made.after, made.name];
  element.querySelector("dl").replaceChildren(...made.rows.flatMap(([what, value]) => {
    const term = document.createElement("dt"), data = document.createElement("dd");
    term.textContent = what;
    data.textContent = value;
    return [term, data];
  }));
}

watch("value", show);
show();

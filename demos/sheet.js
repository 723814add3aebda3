// A sheet over the plane of affect, painted row by row; a click on a cell chooses its feeling.
// Runs inside gr.HTML. props.value: {side, cells: [{src, label}], title, and at the end src and name}.

const frame = element.querySelector(".sheet"), cells = element.querySelector(".sheet-cells");
const title = element.querySelector(".sheet-title"), link = element.querySelector("a");

function show() {
  const made = props.value;
  if (!made?.side) return;
  frame.classList.add("started");
  frame.dataset.painted = String(made.cells.length);
  cells.style.setProperty("--side", made.side);
  title.textContent = made.title;
  link.hidden = !made.src;
  if (made.src) [link.href, link.download] = [made.src, made.name];
  cells.replaceChildren(...Array.from({ length: made.side ** 2 }, (_, i) => {
    const cell = document.createElement("button"), painted = made.cells[i];
    cell.type = "button";
    cell.disabled = !painted;
    if (painted) {
      const image = document.createElement("img");
      [image.src, image.alt, cell.title] = [painted.src, painted.label, painted.label];
      cell.append(image);
    }
    cell.addEventListener("click", () => {
      cells.querySelector(".chosen")?.classList.remove("chosen");
      cell.classList.add("chosen");
      trigger("select", { index: i, side: made.side });
    });
    return cell;
  }));
}

watch("value", show);
show();

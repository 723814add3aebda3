// What was made in this session, newest first; a click brings its settings back. Runs inside gr.HTML.
// props.value: [{src, label}].

const strip = element.querySelector(".history-strip");

function show() {
  element.querySelector(".history").hidden = !props.value?.length;
  strip.replaceChildren(...(props.value ?? []).map(({ src, label }, i) => {
    const button = document.createElement("button"), image = document.createElement("img");
    button.type = "button";
    [image.src, image.alt, button.title] = [src, label, label];
    button.append(image);
    button.addEventListener("click", () => trigger("select", { index: i }));
    return button;
  }));
}

watch("value", show);
show();

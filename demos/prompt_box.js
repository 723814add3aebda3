// The prompt: a line of text that completes words the model knows, and those words as chips.
// Runs inside gr.HTML. props.vocabulary: {kind: {name: [words]}}; props.value is the text; props.words: what the
// list of words is called on this page.

const input = element.querySelector("input"), list = element.querySelector("ul");
const chips = element.querySelector(".prompt-chips");
const MOST = 6; // words offered at a time
let offered = [], active = -1;
list.id = props.words;
input.setAttribute("aria-controls", props.words);

// -- chips: a click puts the word of its kind into the sentence, changes it, or takes it out ----------------

const ARTICLE = "(?:\\b(?:a|an|the|some)\\s+)?";
const PHRASES = { // how a word of a kind is said, and what around it belongs to it
  subject: {
    say: (word) => (word.endsWith("s") ? word : `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`),
    around: (word) => `${ARTICLE}\\b${word}\\b`,
  },
  setting: {
    say: (word) => `${/^(sea|ocean|lake|river|beach|coast)$/.test(word) ? "by" : "in"} the ${word}`,
    around: (word) => `(?:\\b(?:in|by|on|at|near)\\s+)?${ARTICLE}\\b${word}\\b`,
  },
  time: {
    say: (word) => `at ${word}`,
    around: (word) => `(?:\\b(?:at|in|by|during)\\s+)?${ARTICLE}\\b${word}\\b`,
  },
  weather: {
    say: (word) => (/y$|^(clear|cloudless|overcast)$/.test(word) ? `under ${word} skies` : `in ${word}`),
    around: (word) => `(?:\\b(?:in|under|with)\\s+)?${ARTICLE}\\b${word}\\b(?:\\s+(?:sky|skies|weather))?`,
  },
};
const OTHER = { say: (word) => word, around: (word) => `\\b${word}\\b` };

function spoken(words) { // the first of `words` in the text
  return words.find((word) => new RegExp(`\\b${word}\\b`, "i").test(input.value));
}

function choose(kind, name) {
  const { say, around } = PHRASES[kind] ?? OTHER;
  const known = Object.values(props.vocabulary[kind]).flat();
  const said = spoken(known);
  const wanted = spoken(props.vocabulary[kind][name]) ? "" : say(name);
  if (said) input.value = input.value.replace(new RegExp(around(said), "i"), wanted);
  else if (kind === "subject") input.value = `${wanted} ${input.value}`;
  else input.value = `${input.value} ${wanted}`;
  input.value = input.value.replace(/\s+/g, " ").trim();
  changed();
  submit();
}

for (const [kind, names] of Object.entries(props.vocabulary)) {
  const group = document.createElement("div");
  group.setAttribute("role", "group");
  group.setAttribute("aria-label", kind);
  for (const name of Object.keys(names)) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.textContent = name;
    chip.dataset.kind = kind;
    chip.addEventListener("click", () => choose(kind, name));
    group.append(chip);
  }
  chips.append(group);
}

// -- completion ------------------------------------------------------------------------------------------

const words = Object.entries(props.vocabulary)
  .flatMap(([kind, names]) => Object.values(names).flat().map((word) => ({ kind, word })));

function fragment() { // the letters before the caret
  return input.value.slice(0, input.selectionStart).match(/[\p{L}]*$/u)[0];
}

function offer() {
  const start = fragment().toLowerCase();
  offered = start ? words.filter(({ word }) => word.startsWith(start) && word !== start).slice(0, MOST) : [];
  active = -1;
  list.replaceChildren(...offered.map(({ kind, word }, i) => {
    const item = document.createElement("li"), what = document.createElement("small");
    item.role = "option";
    item.id = `${props.words}-${i}`;
    item.textContent = word;
    what.textContent = kind;
    item.append(what);
    item.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // keeps the focus in the line
      accept(i);
    });
    return item;
  }));
  list.hidden = !offered.length;
  input.setAttribute("aria-expanded", String(!list.hidden));
  input.removeAttribute("aria-activedescendant");
}

function accept(i) {
  const end = input.selectionStart, start = end - fragment().length;
  input.setRangeText(`${offered[i].word} `, start, end, "end");
  changed();
  close();
}

function close() {
  offered = [];
  list.hidden = true;
  input.setAttribute("aria-expanded", "false");
}

input.addEventListener("keydown", (event) => {
  if (offered.length && (event.key === "ArrowDown" || event.key === "ArrowUp")) {
    event.preventDefault();
    active = (active + (event.key === "ArrowDown" ? 1 : -1) + offered.length) % offered.length;
    [...list.children].forEach((item, i) => item.setAttribute("aria-selected", String(i === active)));
    input.setAttribute("aria-activedescendant", list.children[active].id);
  } else if (offered.length && (event.key === "Tab" || event.key === "Enter") && active >= 0) {
    event.preventDefault();
    accept(active);
  } else if (event.key === "Escape") close();
  else if (event.key === "Enter" && !event.isComposing) submit();
});
input.addEventListener("input", () => {
  changed();
  offer();
});
input.addEventListener("blur", close);

// -- to and from the server --------------------------------------------------------------------------------

function changed() {
  props.value = input.value.slice(0, 20_000); // the server says in words what is too long
  press();
}

function press() {
  for (const chip of chips.querySelectorAll("button")) {
    const said = spoken(props.vocabulary[chip.dataset.kind][chip.textContent]);
    chip.setAttribute("aria-pressed", String(Boolean(said)));
  }
}

function submit() {
  close();
  trigger("submit");
}
element.querySelector(".prompt-paint").addEventListener("click", submit);

watch("value", () => {
  input.value = props.value;
  press();
});
input.value = props.value;
press();

// Proposing: what will change, told while it is typed. The preview tells it again, from the server, before anything counts.
const form = document.querySelector("#proposal");
const live = document.querySelector("#live");

// Whoever is told of an error can type at once where the first one is.
form?.querySelector("[aria-invalid=true]:not([type=hidden])")?.focus();

if (form) {
  form.addEventListener("change", choose);
  window.addEventListener("pageshow", choose);
  form.addEventListener("paste", warnOfLines);
  choose();
}

if (form && live) {
  const list = live.querySelector(".diff");
  const status = live.querySelector("[role=status]");
  let spoken;

  const tell = () => {
    const changes = [...texts(), ...secret(), ...lists()];
    list.replaceChildren(...changes);
    list.hidden = !changes.length;
    clearTimeout(spoken);
    spoken = setTimeout(() => count(changes.length), 400);
  };
  const count = (number) => {
    const words = number === 1 ? "one" : number ? "many" : "none";
    status.textContent = status.dataset[words].replace("{count}", number);
  };

  for (const kind of ["input", "change"]) form.addEventListener(kind, tell);
  window.addEventListener("pageshow", tell); // also with what the browser filled in again
  form.addEventListener("change", strangers);
  tell();
  count(list.children.length);
  live.hidden = false;
}

// Controls of a choice that is not chosen are hidden: they are not sent either. What was typed there is still there
// for who comes back to that choice.
function choose() {
  const mode = form.querySelector("[name=secret_mode]:checked")?.value;
  form.querySelector("[name=client_secret]").disabled = Boolean(mode) && mode !== "enter";
  form.querySelector("[name=length]").disabled = Boolean(mode) && mode !== "generate";
}

// A control of one line drops the line ends of what is pasted, and says nothing.
function warnOfLines({ target, clipboardData }) {
  if (!target.matches("input")) return;
  target.parentElement.querySelector("[data-pasted]")?.remove();
  if (!/[\r\n]/.test(clipboardData?.getData("text") ?? "")) return;
  const told = document.querySelector("#pasted-lines").content.firstElementChild.cloneNode(true);
  target.after(told);
}

function* texts() {
  for (const field of form.querySelectorAll("[data-field]")) {
    const control = field.querySelector("input, textarea");
    const was = field.dataset.was?.replace(control.matches("input") ? /[\r\n]/g : /\r/g, "");
    if (control.value === (was ?? "")) continue;
    const title = field.querySelector("label").textContent;
    yield section(title, pair(before(was), control.value ? ["new", control.value] : ["emptied"]));
  }
}

function before(was) {
  if (was === undefined) return ["unknown"];
  return was ? ["old", was] : ["empty"];
}

function* secret() {
  const mode = form.querySelector("[name=secret_mode]:checked")?.value;
  const typed = form.querySelector("[name=client_secret]").value;
  if (mode !== "carried" && mode !== "generate" && !(mode === "enter" && typed)) return;
  yield section(document.querySelector("#client-secret-head").textContent, pair(["hidden-old"], ["hidden-new"]));
}

function* lists() {
  for (const card of form.querySelectorAll("[data-shares]")) {
    const replace = card.querySelector("[name^=replace_]");
    if (replace && !replace.checked) continue;
    const steps = Map.groupBy(people(card, replace ? "unknown" : "none"), (person) => person.step);
    const words = [...card.querySelector("[data-powers]").content.children];
    const said = words.filter((word) => steps.has(word.dataset.step)).map((word) => power(word, steps.get(word.dataset.step)));
    if (!said.length) continue;
    const powers = document.createElement("ul");
    powers.className = "powers";
    powers.append(...said);
    yield section(card.querySelector("h2").textContent, powers);
  }
}

// Where the page has the whole directory, a name that is not in it is told of as soon as it is typed.
function strangers() {
  for (const known of form.querySelectorAll("datalist[data-whole]")) {
    const names = new Set([...known.options].map((option) => option.value));
    const card = known.closest("[data-shares]");
    const typed = [...card.querySelectorAll("input[list]")].map((input) => input.value.trim());
    const lacking = [...new Set(typed)].filter((name) => name && !names.has(name));
    const notice = card.querySelector("[data-strangers]");
    notice.querySelector("[data-names]").textContent = lacking.map((name) => plainly(name)).join(", ");
    notice.hidden = !lacking.length;
  }
}

function* people(card, unlisted) {
  for (const row of card.querySelectorAll("tbody tr")) {
    const name = row.querySelector("[name$=-name]").value.trim();
    const was = row.dataset.was ?? unlisted;
    const removed = row.querySelector("[name$=-DELETE]")?.checked;
    const now = removed ? "none" : row.querySelector("[name$=-can_edit]").checked ? "edit" : "view";
    if (name && was !== now) yield { name, step: `${was}-${now}` };
  }
}

function power(word, taken) {
  const item = document.createElement("li");
  const sentence = taken.length === 1 ? word.textContent : word.dataset.many;
  item.textContent = sentence.replace("{names}", () => taken.map((person) => plainly(person.name)).join(", "));
  item.toggleAttribute("data-grave", word.hasAttribute("data-grave"));
  return item;
}

function section(title, body) {
  const made = document.createElement("section");
  const head = document.createElement("h3");
  made.className = "diff-field";
  head.textContent = title;
  made.append(head, body);
  return made;
}

// Old beside new, and within both what differs: all between the first and the last letter that do.
function pair([left, old = ""], [right, now = ""]) {
  const made = document.createElement("div");
  made.className = "diff-pair";
  const both = left === "old" && right === "new";
  const start = both ? shared(old, now) : 0;
  const end = both ? shared(reversed(old.slice(start)), reversed(now.slice(start))) : 0;
  made.append(part(left, old, start, end, both), part(right, now, start, end, both));
  return made;
}

function part(name, text, start, end, marked) {
  const made = live.querySelector("template").content.querySelector(`[data-part="${name}"]`).cloneNode(true);
  const middle = document.createElement(marked ? "mark" : "span");
  middle.textContent = plainly(text.slice(start, text.length - end), !start, !end);
  made.append(plainly(text.slice(0, start), true, false), middle, plainly(text.slice(text.length - end), false, true));
  return made;
}

function shared(one, other) {
  let length = 0;
  while (length < one.length && length < other.length && one[length] === other[length]) length += 1;
  return length;
}

function reversed(text) {
  return text.split("").reverse().join("");
}

// As the server shows it: letters without a shape are spelled out, and so are the spaces at either end.
function plainly(text, starts = true, ends = true) {
  let shown = text.replace(/[\p{Cc}\p{Cf}]/gu, (letter) =>
    "\n\t".includes(letter) ? letter : `⟨U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`,
  );
  shown = shown.replace(/(\p{L})([\u0300-\u036f])/gu, (both, letter, mark) =>
    [...both.normalize("NFC")].length === 1 ? `${letter}⟨U+${mark.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩` : both,
  );
  if (starts) shown = shown.replace(/^ +/, (spaces) => "␣".repeat(spaces.length));
  if (ends) shown = shown.replace(/ +$/, (spaces) => "␣".repeat(spaces.length));
  return shown;
}

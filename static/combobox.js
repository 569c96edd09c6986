// Suggestions of names below a field: full name and name. A share field has them in its <datalist>, which htmx fills for a
// large directory; without this script a browser shows the datalist itself. A comment gets them from the server while an
// @name is typed.
const MOST_SHOWN = 8;
const list = document.createElement("ul");
list.id = "suggestions";
list.className = "suggestions";
list.popover = "manual";
list.setAttribute("role", "listbox");
let field = null; // the field that the list is open for

const form = document.querySelector("#proposal, #talk");
const MENTION = /(?:^|[^\w@.+-])@([\p{L}\p{N}_.+-]*)$/u; // as portal/changes/domain/mentions.py finds one
if (form) {
  form.append(list);
  for (const input of form.querySelectorAll("input[list^=known-]")) enhance(input);
  form.addEventListener("input", ({ target }) => {
    if (target.dataset.known) suggest(target);
    else if (form.dataset.people && target.matches("textarea")) suggestPeople(target);
  });
  form.addEventListener("keydown", press);
  form.addEventListener("focusout", close);
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
  list.addEventListener("click", ({ target }) => choose(target.closest("[role=option]")));
  document.addEventListener("scroll", place, true);
  window.addEventListener("resize", place);
  new ResizeObserver(place).observe(form); // the live difference and warnings move the field
  document.addEventListener("htmx:afterSwap", ({ target }) => {
    if (document.activeElement?.dataset.known === target.id) suggest(document.activeElement);
  });
}

function enhance(input) {
  input.dataset.known = input.getAttribute("list");
  input.removeAttribute("list");
  const state = { role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id };
  for (const [name, value] of Object.entries(state)) input.setAttribute(name, value);
}

// Without case and accents, as the server searches.
function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

function suggest(input) {
  const typed = fold(input.value.trim());
  const known = [...document.getElementById(input.dataset.known).options];
  const found = typed ? known.filter((option) => fold(`${option.value} ${option.label}`).includes(typed)) : [];
  if (input.value === input.dataset.chosen) return close();
  show(input, found);
}

async function suggestPeople(area) {
  const typed = mentionAt(area);
  if (typed === null) return close();
  const answer = await fetch(`${form.dataset.people}?${new URLSearchParams({ q: typed })}`).catch(() => null);
  if (mentionAt(area) !== typed || document.activeElement !== area) return; // typed on meanwhile
  const text = answer?.ok ? await answer.text() : "";
  const people = new DOMParser().parseFromString(text, "text/html").querySelectorAll("option");
  area.setAttribute("aria-autocomplete", "list");
  area.setAttribute("aria-controls", list.id);
  show(area, [...people]);
}

// The part of an @name before the caret, null where there is none.
function mentionAt(area) {
  return MENTION.exec(area.value.slice(0, area.selectionStart))?.[1] ?? null;
}

function show(input, options) {
  const names = new Map(options.map((option) => [option.value, option])); // the directory and earlier reads share names
  if (!names.size) return close();
  list.replaceChildren(...[...names.values()].slice(0, MOST_SHOWN).map(build));
  open(input);
}

function build(option, index) {
  const row = document.createElement("li");
  row.id = `suggestion-${index}`;
  row.setAttribute("role", "option");
  row.setAttribute("aria-selected", "false");
  row.dataset.name = option.value;
  const name = document.createElement("span");
  name.className = "mono";
  name.textContent = option.value;
  if (option.label && option.label !== option.value) row.append(option.label, " ");
  row.append(name);
  return row;
}

function open(input) {
  field = input;
  list.setAttribute("aria-label", input.labels[0]?.textContent.trim() ?? "");
  list.showPopover();
  place();
  if (input.dataset.known) input.setAttribute("aria-expanded", "true");
  input.removeAttribute("aria-activedescendant");
}

// Below the field, or above it if the window ends there.
function place() {
  if (!field) return;
  const { left, top, bottom, width } = field.getBoundingClientRect();
  const above = bottom + list.offsetHeight > window.innerHeight && top > list.offsetHeight;
  list.style.left = `${left}px`;
  list.style.top = `${above ? top - list.offsetHeight - 4 : bottom}px`;
  list.style.minWidth = `${width}px`;
}

function close() {
  if (!field) return;
  list.hidePopover();
  if (field.dataset.known) field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
  field = null;
}

function press(event) {
  if (!field || event.target !== field) return;
  const rows = [...list.children];
  const at = rows.findIndex((row) => row.getAttribute("aria-selected") === "true");
  if (event.key === "ArrowDown") select(rows[(at + 1) % rows.length]);
  else if (event.key === "ArrowUp") select(rows[(Math.max(at, 0) - 1 + rows.length) % rows.length]);
  else if (event.key === "Enter" && at >= 0) choose(rows[at]);
  else if (event.key === "Escape") close();
  else return;
  event.preventDefault();
}

function select(row) {
  for (const other of list.children) other.setAttribute("aria-selected", String(other === row));
  field.setAttribute("aria-activedescendant", row.id);
  row.scrollIntoView({ block: "nearest" });
}

// Drafts, the live difference and the warning of unknown names listen to these events.
function choose(row) {
  if (!row || !field) return;
  const input = field;
  close();
  if (input.dataset.known) input.value = input.dataset.chosen = row.dataset.name;
  else input.setRangeText(`${row.dataset.name} `, input.selectionStart - mentionAt(input).length, input.selectionStart, "end");
  for (const kind of ["input", "change"]) input.dispatchEvent(new Event(kind, { bubbles: true }));
}

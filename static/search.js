// Search dialog: Ctrl-K, Cmd-K and the box of the header open it, arrow keys move, Enter opens a result.

const dialog = document.getElementById("search");
const box = document.getElementById("search-q");
const list = document.getElementById("search-results");
const results = () => [...list.querySelectorAll("[data-result]")];
let shown = null; // the text that the results are for

function open() {
  document.querySelector("details[data-popover][open]")?.removeAttribute("open");
  if (document.querySelector("dialog[open]:not(#search)")) return;
  if (!dialog.open) dialog.showModal();
  box.select();
  box.focus();
  if (shown === null) box.dispatchEvent(new Event("search-opened"));
}

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.altKey || event.shiftKey) return;
  event.preventDefault();
  open();
});

document.addEventListener("click", (event) => {
  if (!event.target.closest?.("[data-opens-search]") || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  open();
});

// Enter opens the first result if the list is that of the text; else the form leads to the page of results.
box.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || shown !== box.value) return;
  const first = results()[0];
  if (!first) return;
  event.preventDefault();
  first.click();
});

dialog.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step) return;
  event.preventDefault();
  const all = results();
  const at = all.indexOf(document.activeElement) + step;
  if (at < 0) box.focus();
  else all[Math.min(at, all.length - 1)]?.focus();
});

list.addEventListener("htmx:beforeSwap", (event) => {
  shown = new URL(event.detail.xhr.responseURL).searchParams.get("q") ?? "";
});

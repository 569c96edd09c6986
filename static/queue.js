// The queue: where there is room a change opens beside the list, elsewhere its link leads to its own page.
// With the focus in the list, J and K (or the arrows) go from change to change.
const wide = window.matchMedia("(min-width: 80rem)");

document.addEventListener(
  "click",
  (event) => {
    if (!wide.matches && event.target.closest("[data-beside]")) event.stopPropagation();
  },
  true,
);

document.addEventListener("keydown", (event) => {
  const here = event.target.closest("[data-beside]");
  const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
  if (!here || !step || event.ctrlKey || event.altKey || event.metaKey) return;
  const links = [...document.querySelectorAll("[data-beside]")];
  const next = links[links.indexOf(here) + step];
  if (!next) return;
  event.preventDefault();
  next.focus();
  if (wide.matches) next.click();
});

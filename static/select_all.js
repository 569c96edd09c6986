// The box at the head of the queue selects all that one step may approve, or none; high risk is selected one by one.
const boxes = () => [...document.querySelectorAll("[name=picks]")];
const common = (box) => !("alone" in box.dataset);
let kept = [];

function count() {
  const all = document.getElementById("pick-all");
  if (!all) return;
  const offered = boxes().filter(common);
  const selected = boxes().filter((box) => box.checked).length;
  all.disabled = !offered.length;
  all.checked = offered.length > 0 && offered.every((box) => box.checked);
  all.indeterminate = selected > 0 && !all.checked;
  const told = document.getElementById("picked");
  const words = selected === 1 ? told.dataset.one : told.dataset.many;
  const text = selected ? words.replace("{count}", selected) : "";
  if (told.textContent !== text) told.textContent = text; // said once
  document.getElementById("pick-none").hidden = false;
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "pick-all") {
    for (const box of boxes()) box.checked = target.checked && common(box);
  }
  count();
});
document.addEventListener("click", ({ target }) => {
  if (target.id !== "pick-none") return;
  for (const box of boxes()) box.checked = false;
  count();
});

// The list is made anew as changes are opened and decided; what was selected stays so, but for what was decided together.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const together = detail.requestConfig.elt.id === "bulk";
  kept = together ? [] : boxes().filter((box) => box.checked).map((box) => box.value);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const box of boxes()) box.checked ||= kept.includes(box.value);
  count();
});
count();

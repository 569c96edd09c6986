// The box at the head of the queue chooses all that one step may approve, or none; what is of high risk is chosen by hand.
const boxes = () => [...document.querySelectorAll("[name=picks]")];
const common = (box) => !("alone" in box.dataset);
let kept = [];

function tell() {
  const all = document.getElementById("pick-all");
  if (!all) return;
  const offered = boxes().filter(common);
  const chosen = boxes().filter((box) => box.checked).length;
  all.disabled = !offered.length;
  all.checked = offered.length > 0 && offered.every((box) => box.checked);
  all.indeterminate = chosen > 0 && !all.checked;
  const told = document.getElementById("picked");
  const words = chosen === 1 ? told.dataset.one : told.dataset.many;
  const text = chosen ? words.replace("{count}", chosen) : "";
  if (told.textContent !== text) told.textContent = text; // said once
}

document.addEventListener("change", ({ target }) => {
  if (target.id === "pick-all") {
    for (const box of boxes()) box.checked = target.checked && common(box);
  }
  tell();
});

// The list is made anew as changes are opened and decided; what was chosen stays so, but for what was decided together.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  const together = detail.requestConfig.elt.id === "bulk";
  kept = together ? [] : boxes().filter((box) => box.checked).map((box) => box.value);
});
document.addEventListener("htmx:afterSettle", () => {
  for (const box of boxes()) box.checked ||= kept.includes(box.value);
  tell();
});
tell();

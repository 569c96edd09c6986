// Sheets (templates/_sheet.html): an opener shows the dialog that its address names, also after htmx replaced either.
const find = (hash) => {
  const named = hash.length > 1 && document.getElementById(hash.slice(1));
  return named instanceof HTMLDialogElement && named.classList.contains("sheet") ? named : null;
};

function openSheet(sheet) {
  if (!sheet.open) sheet.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("[data-opens-sheet], [data-closes-sheet]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  if (link.hasAttribute("data-closes-sheet")) {
    event.preventDefault();
    link.closest("dialog")?.close();
    return;
  }
  const sheet = find(link.hash);
  if (!sheet) return;
  event.preventDefault();
  openSheet(sheet);
});

// A link that closes looks like a button, so the space bar must press it too.
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches?.("a[role=button]")) return;
  event.preventDefault();
  event.target.click();
});

// Refused forms come back with their sheet open; an address may name a sheet.
function openMarked(part) {
  for (const sheet of part.querySelectorAll("dialog.sheet[data-open]")) {
    sheet.removeAttribute("data-open");
    openSheet(sheet);
  }
}
document.addEventListener("htmx:load", (event) => openMarked(event.target.parentElement ?? document));
openMarked(document);
const asked = find(window.location.hash);
if (asked) openSheet(asked);

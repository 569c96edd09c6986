// Copy buttons: <button data-copy="value" data-copied="Copied">. Without scripts the style sheet hides them.
const CONFIRMED_MS = 2000;

// The clipboard of the browser, else (a page without https) the copy command with the value put in by hand.
async function copy(value) {
  if (navigator.clipboard) {
    try {
      return await navigator.clipboard.writeText(value);
    } catch {}
  }
  const put = (event) => {
    event.clipboardData.setData("text/plain", value);
    event.preventDefault();
  };
  document.addEventListener("copy", put, { once: true });
  document.execCommand("copy");
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await copy(button.dataset.copy);
  button.dataset.done = "";
  const announcement = document.getElementById("announcement");
  if (announcement) announcement.textContent = button.dataset.copied;
  setTimeout(() => delete button.dataset.done, CONFIRMED_MS);
});

// Buttons with a word: <button type="button" data-copies="text" data-done="Copied">Copy</button>
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = !navigator.clipboard; // absent on pages without TLS, except on the host itself
  const label = [...button.childNodes];
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copies);
    button.textContent = button.dataset.done;
    setTimeout(() => button.replaceChildren(...label), 2000);
  });
}

// Copy buttons: <button type="button" data-copies="text" data-done="Copied" hidden>Copy</button>
for (const button of document.querySelectorAll("[data-copies]")) {
  button.hidden = !navigator.clipboard; // absent on pages without TLS, except on the host itself
  const label = [...button.childNodes];
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copies);
    button.textContent = button.dataset.done;
    setTimeout(() => button.replaceChildren(...label), 2000);
  });
}

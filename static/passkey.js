// Passkeys. A form with [data-passkey] is sent only with what the browser signed: pressing its button asks for the
// passkey first, unless a code was typed instead. "create" registers one, "get" confirms with one.
const supported = Boolean(window.PublicKeyCredential?.parseRequestOptionsFromJSON);

async function fetchOptions(part, form) {
  const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch(part.dataset.options, { method: "POST", headers: { "X-CSRFToken": token } });
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
  return (await answer.json()).publicKey;
}

async function askForPasskey(part, form) {
  if (part.dataset.passkey === "create") {
    const options = JSON.parse(document.getElementById(part.dataset.options).textContent).publicKey;
    return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) });
  }
  const options = await fetchOptions(part, form);
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
}

function showNote(part, name) {
  for (const note of part.querySelectorAll("[data-passkey-note]")) {
    note.hidden = note.dataset.passkeyNote !== name;
    note.role = note.hidden ? null : "alert";
  }
}

// In the capture phase, before htmx and the form itself see the click.
document.addEventListener(
  "click",
  async (event) => {
    const button = event.target.closest?.("button[type=submit]");
    const part = button?.form?.querySelector("[data-passkey]");
    if (!part) return;
    const field = part.querySelector("input");
    const typed = button.form.querySelector("[name=confirm_code]")?.value.trim();
    if (field.value || (typed && part.dataset.passkey === "get")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    showNote(part, "");
    if (!supported) return showNote(part, "unsupported");
    button.disabled = true;
    try {
      field.value = JSON.stringify((await askForPasskey(part, button.form)).toJSON());
    } catch {
      showNote(part, "failed");
    }
    button.disabled = false;
    if (field.value) button.click();
  },
  true,
);

// A page that comes back from the browser's cache asks again: a signature counts once.
window.addEventListener("pageshow", (event) => {
  if (event.persisted) for (const field of document.querySelectorAll("[data-passkey] input")) field.value = "";
});

// Vote keys: makes a vote key, or signs what a form sends. It starts with the click on the form's button, never before.
// A form names the address of the browser's options in data-vote-key and has a hidden control "credential".
const create = (options) =>
  navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options.publicKey) });
const sign = (options) =>
  navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options.publicKey) });

const needsCredential = (form) => form?.dataset?.voteKey && !form.elements.credential.value;

function show(form, text) {
  const place = form.querySelector("[data-vote-key-status]");
  place.textContent = text;
  place.hidden = !text;
}

async function fill(form, submitter) {
  show(form, "");
  try {
    const sent = new FormData(form, submitter);
    for (const name of ["password", "confirm_code", "confirm_passkey"]) sent.delete(name);
    const answer = await fetch(form.dataset.voteKey, { method: "POST", body: sent });
    if (!answer.ok) throw new Error(String(answer.status));
    const options = await answer.json();
    const credential = await (form.dataset.voteKeyAct === "create" ? create(options) : sign(options));
    form.elements.credential.value = JSON.stringify(credential.toJSON());
    return true;
  } catch {
    show(form, form.dataset.voteKeyFailed);
    return false;
  }
}

document.addEventListener(
  "submit",
  async (event) => {
    const form = event.target;
    const submitter = event.submitter;
    if (!needsCredential(form)) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (await fill(form, submitter)) form.requestSubmit(submitter);
  },
  true,
);

// htmx sends the click on a button itself, so the form's submit event does not come.
document.addEventListener("htmx:confirm", async (event) => {
  const form = event.detail.elt.form ?? event.detail.elt.closest("form");
  if (!needsCredential(form)) return;
  event.preventDefault();
  const submitter = event.detail.triggeringEvent?.submitter ?? (event.detail.elt.form ? event.detail.elt : null);
  if (await fill(form, submitter)) event.detail.issueRequest();
});

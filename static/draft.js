// Drafts: what is typed is saved every 5 s, and when the page is left. A client secret is never sent along.
const form = document.querySelector("#proposal[data-draft]");
const EVERY_MS = 5000;
const tab = crypto.randomUUID();
let unsaved = false;
let stopped = false; // another page has a newer draft, or the form was sent
let saves = 0;

if (form) {
  for (const kind of ["input", "change"]) form.addEventListener(kind, typed);
  form.addEventListener("submit", (event) => {
    if (!event.defaultPrevented) unsaved = false;
  });
  setInterval(() => save(), EVERY_MS);
  window.addEventListener("pagehide", () => save(true));
  window.addEventListener("beforeunload", (event) => {
    if (unsaved && !stopped) event.preventDefault();
  });
}

function typed({ target }) {
  if (target.name !== "client_secret") unsaved = true;
}

// A text that quotes the new client secret must not be saved: the server, which is not sent the value, cannot tell.
function quotesSecret(data) {
  const value = data.get("client_secret");
  return Boolean(value) && [...data].some(([name, text]) => name !== "client_secret" && text.includes(value));
}

async function save(leaving = false) {
  const data = new FormData(form);
  if (!unsaved || stopped || quotesSecret(data)) return;
  data.delete("client_secret");
  saves += 1;
  data.set("tab", tab);
  data.set("saves", saves);
  unsaved = false;
  try {
    const body = new URLSearchParams(data);
    const answer = await fetch(form.dataset.draft, { method: "POST", body, keepalive: leaving, redirect: "manual" });
    stopped = answer.status === 409;
    const plain = answer.headers.get("content-type")?.startsWith("text/plain");
    if (plain) document.querySelector("#draft-status").textContent = await answer.text();
    unsaved = !answer.ok;
  } catch {
    unsaved = true; // the portal is out of reach: tried again
  }
}

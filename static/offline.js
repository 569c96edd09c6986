// The portal out of reach: offline, or starting anew. It is said, where everybody sees it, until the portal answers again.
// A form waits meanwhile: a browser that leaves its page for an error page of its own loses what was typed.
const notice = document.getElementById("lost");
const words = document.getElementById("lost-words").content;
const EVERY_MS = 3000;
const PATIENCE_MS = 10000;
const LINGERS_MS = 10000;
const FRESH_MS = 5000;
const AWAY = [502, 503, 504];
const SIGNED_OUT = "signed-out";
const passed = new WeakSet();
let next;
let asking = false;
let heardAt = performance.now(); // the page itself came from the portal

async function answers() {
  try {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(notice.dataset.asks, { method: "HEAD", cache: "no-store", signal });
    if (answer.redirected) return SIGNED_OUT;
    return AWAY.includes(answer.status) ? "" : "there";
  } catch {
    return "";
  }
}

// `about`: what became of the person's own step, "held" or "unsure"; "" where they did nothing.
function lost(about = "") {
  const told = notice.querySelector("[data-lost]");
  if (!told || (about && told.dataset.about !== about)) show("lost", about);
  schedule();
}

function show(name, about) {
  const made = words.querySelector(`[data-${name}]`).cloneNode(true);
  made.dataset.about = about;
  for (const step of made.querySelectorAll("[data-when]")) step.hidden = step.dataset.when !== about;
  made.querySelector("button")?.addEventListener("click", look);
  notice.replaceChildren(made);
}

function schedule() {
  clearTimeout(next);
  next = setTimeout(look, EVERY_MS);
}

async function look() {
  if (await answers()) back();
  else schedule();
}

function back() {
  heardAt = performance.now();
  const told = notice.querySelector("[data-lost]");
  if (!told) return;
  clearTimeout(next);
  show("back", told.dataset.about);
  if (!told.dataset.about) next = setTimeout(() => notice.replaceChildren(), LINGERS_MS);
}

const byItself = (request) => !request.triggeringEvent;
const failed = ({ detail }) => lost(byItself(detail.requestConfig) || detail.requestConfig.verb === "get" ? "" : "unsure");

document.addEventListener("htmx:sendError", failed);
document.addEventListener("htmx:timeout", failed);
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (!AWAY.includes(xhr.status)) return back();
  if (!byItself(requestConfig) && xhr.response.includes('id="problem"')) return; // it says itself what is wrong
  event.detail.shouldSwap = false;
  failed(event);
});
// A page that asks by itself stays as it is when the session ends: leaving it would lose what is being typed.
document.addEventListener("htmx:beforeOnLoad", (event) => {
  const { xhr, requestConfig } = event.detail;
  if (!byItself(requestConfig) || !xhr.getResponseHeader("HX-Redirect")) return;
  event.preventDefault();
  if (!notice.querySelector(`[data-${SIGNED_OUT}]`)) show(SIGNED_OUT, "");
});

// What a page takes away by itself, as when somebody else decides first, may hold the focus and a half-typed text.
let taken = [];
let focused = null;

function* typedIn(part) {
  for (const area of part.querySelectorAll("textarea:not(.masked)")) {
    if (area.value.trim() && area.value !== area.defaultValue) yield { name: area.name, text: area.value };
  }
}

document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target } }) => {
  taken = [...typedIn(target)];
  focused = target.contains(document.activeElement) ? target.id : null;
});
document.addEventListener("htmx:oobAfterSwap", () => {
  const lostTexts = taken.filter(({ name, text }) => ![...document.getElementsByName(name)].some((area) => area.value === text));
  const place = focused && document.getElementById(focused);
  for (const { text } of lostTexts) {
    const made = words.querySelector("[data-unsent]").cloneNode(true);
    made.querySelector("textarea").value = text;
    (place ?? document.getElementById("messages")).append(made);
  }
  if (place && document.activeElement === document.body) {
    const told = place.querySelector(".notice, p") ?? place;
    told.tabIndex = -1;
    told.focus();
  }
  [taken, focused] = [[], null];
});

window.addEventListener("offline", () => lost());
window.addEventListener("online", look);

// The server reads nothing of a form that is larger, so it could not give back what was typed.
const isTooLarge = (form, submitter) =>
  new Blob([new URLSearchParams(new FormData(form, submitter))]).size > Number(notice.dataset.largest);

document.addEventListener("submit", async (event) => {
  const form = event.target;
  const posts = form.getAttribute("method")?.toLowerCase() === "post"; // a form may have a field of that name
  if (!posts || event.defaultPrevented || passed.delete(form)) return;
  notice.querySelector("[data-too-large]")?.remove();
  if (isTooLarge(form, event.submitter)) {
    event.preventDefault();
    return show("too-large", "");
  }
  if (performance.now() - heardAt < FRESH_MS && !notice.querySelector(`[data-lost], [data-${SIGNED_OUT}]`)) return;
  event.preventDefault();
  if (asking) return;
  asking = true;
  const there = await answers();
  asking = false;
  if (!there) return lost("held");
  if (there === SIGNED_OUT) return show(SIGNED_OUT, "");
  notice.querySelector(`[data-${SIGNED_OUT}]`)?.remove();
  passed.add(form);
  form.requestSubmit(event.submitter);
});

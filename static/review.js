// Review by keyboard, in the queue and on the page of a change. Where there is room, a change opens beside the list;
// elsewhere its link leads to its own page. The sheet behind ? names the keys and can switch them off.
const beside = window.matchMedia("(min-width: 60rem)");
const shortcuts = document.getElementById("keys");
const enabled = document.getElementById("keys-on");
const opener = document.getElementById("keys-open");
const OFF = "queue-keys-off";
const SHEETS = { approve: "approve-sheet", request: "request-sheet", reject: "reject-sheet" };

document.addEventListener(
  "click",
  (event) => {
    if (!beside.matches && event.target.closest("[data-beside]")) event.stopPropagation();
  },
  true,
);

const links = () => [...document.querySelectorAll("[data-beside]")];

// The change that keys are about: the one with the focus, else the one beside the list.
const current = () =>
  document.activeElement?.closest("tr")?.querySelector("[data-beside]") ??
  document.querySelector("tr[aria-current] [data-beside]");

function go(step) {
  const neighbour = document.getElementById(step > 0 ? "next" : "previous");
  if (neighbour) return neighbour.click();
  const all = links();
  const from = beside.matches || all.includes(document.activeElement) ? all.indexOf(current()) : -1;
  const next = all[from < 0 ? 0 : from + step];
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  if (beside.matches) next.click();
}

function openPage() {
  const link = current();
  if (link) window.location.assign(link.href);
}

// What the sheet still needs gets the focus.
function focusMissing(sheet) {
  const missing = [...sheet.querySelectorAll("[name^=confirmed-]:not(:checked), [name^=reason-], [name=password]")];
  const approving = sheet.id === SHEETS.approve;
  missing.find((field) => field.type === "checkbox" || (!field.value.trim() && !(approving && field.name !== "password")))?.focus();
}

// The difference must be in sight before a decision: where it is not, the page of the change comes first.
function decide(verdict) {
  const sheet = document.getElementById(SHEETS[verdict]);
  if (sheet?.open) return sheet.querySelector(".sheet-acts [type=submit]").click();
  const control = document.querySelector(`#decide [id^="${verdict}-"]`);
  if (!control?.checkVisibility()) return links().length ? openPage() : undefined;
  control.click();
}

const acts = {
  j: () => go(1),
  k: () => go(-1),
  o: openPage,
  a: () => decide("approve"),
  c: () => decide("request"),
  r: () => decide("reject"),
  x: () => current()?.closest("tr").querySelector("[name=picks]")?.click(),
  "*": () => document.getElementById("pick-all")?.click(),
  "/": () => document.getElementById("queue-q")?.focus(),
  "?": () => shortcuts.showModal(),
};
const IN_A_SHEET = "a";

// A sheet that has just closed may still have the focus in its field.
const typing = (element) => element.checkVisibility() && element.closest("input:not([type=checkbox]), textarea, select");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || shortcuts.open) return;
  const sheet = document.querySelector("dialog.sheet[open]");
  if (typing(event.target)) {
    if (event.key === "Escape" && !sheet) event.target.blur();
    return;
  }
  const arrow = event.target.closest("[data-beside]") && { ArrowDown: "j", ArrowUp: "k" }[event.key];
  const key = arrow || (enabled.checked && event.key.toLowerCase());
  const act = Object.hasOwn(acts, key) && acts[key];
  if (!act || (event.repeat && !"jk".includes(key)) || (sheet && key !== IN_A_SHEET)) return;
  event.preventDefault();
  act();
});

// A sheet that opens: the field that is still needed has the focus.
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("#decide [data-opens-sheet]");
  const sheet = link && document.getElementById(link.hash.slice(1));
  if (sheet?.open) focusMissing(sheet);
});

// Another approver took the open change away: the next row gets the focus, unless a sheet is open.
document.addEventListener("htmx:oobAfterSwap", ({ detail }) => {
  if (detail.target?.id !== "decide" || !detail.target.querySelector(".decision-gone")) return;
  if (document.querySelector("dialog.sheet[open]")) return;
  const all = links();
  all[all.indexOf(current()) + 1]?.focus();
});

// Storage may be forbidden: then the choice lasts as long as the page.
try {
  enabled.checked = !localStorage.getItem(OFF);
} catch {}
enabled.addEventListener("change", () => {
  try {
    if (enabled.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch {}
});
if (opener) {
  opener.hidden = false;
  opener.addEventListener("click", () => shortcuts.showModal());
}

// Fetched only where a form asks for a passkey.
function loadPasskeys() {
  if (document.querySelector("[data-passkey]")) import(document.querySelector("meta[name=passkey]").content);
}
loadPasskeys();
document.addEventListener("htmx:afterSwap", loadPasskeys);

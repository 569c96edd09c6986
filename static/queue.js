// The queue: where there is room a change opens beside the list, elsewhere its link leads to its own page.
// Keys go from change to change and decide; the sheet behind ? names them, and can switch them off.
const wide = window.matchMedia("(min-width: 80rem)");
const sheet = document.getElementById("keys");
const used = document.getElementById("keys-on");
const opener = document.getElementById("keys-open");
const OFF = "queue-keys-off";

document.addEventListener(
  "click",
  (event) => {
    if (!wide.matches && event.target.closest("[data-beside]")) event.stopPropagation();
  },
  true,
);

const links = () => [...document.querySelectorAll("[data-beside]")];

// The change that keys are about: the one with the focus, else the one beside the list.
const here = () =>
  document.activeElement?.closest("tr")?.querySelector("[data-beside]") ??
  document.querySelector("tr[aria-current] [data-beside]");

function go(step) {
  const all = links();
  const from = wide.matches || all.includes(document.activeElement) ? all.indexOf(here()) : -1;
  const next = all[from < 0 ? 0 : from + step];
  if (!next) return;
  next.focus();
  next.scrollIntoView({ block: "nearest" });
  if (wide.matches) next.click();
}

function open() {
  const link = here();
  if (link) window.location.assign(link.href);
}

// Deciding needs the difference in sight: where there is no room for it, its own page comes first.
function decide(verdict) {
  const button = wide.matches && document.querySelector(`#decide [id^="${verdict}-"]`);
  if (!button) return open();
  const { form } = button;
  // Their names end with the digest of the revision that they are about.
  const first = form.querySelector(verdict === "approve" ? "[name^=confirmed-]:not(:checked)" : "[name^=reason-]");
  const wanting = first && (first.type === "checkbox" || !first.value.trim());
  const { password } = form;
  if (wanting) first.focus();
  else if (password && !password.value) password.focus();
  else button.click();
}

const acts = {
  j: () => go(1),
  k: () => go(-1),
  o: open,
  a: () => decide("approve"),
  r: () => decide("reject"),
  x: () => here()?.closest("tr").querySelector("[name=picks]")?.click(),
  "*": () => document.getElementById("pick-all")?.click(),
  "/": () => document.getElementById("queue-q").focus(),
  "?": () => sheet.showModal(),
};

const typing = (element) => element.closest("input:not([type=checkbox]), textarea, select");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || sheet.open) return;
  if (typing(event.target)) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const arrow = event.target.closest("[data-beside]") && { ArrowDown: "j", ArrowUp: "k" }[event.key];
  const key = arrow || (used.checked && event.key.toLowerCase());
  const act = Object.hasOwn(acts, key) && acts[key];
  if (!act || (event.repeat && !"jk".includes(key))) return;
  event.preventDefault();
  act();
});

// Storage may be forbidden: then the choice lasts as long as the page.
try {
  used.checked = !localStorage.getItem(OFF);
} catch {}
used.addEventListener("change", () => {
  try {
    if (used.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  } catch {}
});
opener.hidden = false;
opener.addEventListener("click", () => sheet.showModal());

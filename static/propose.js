// The form of a proposal: controls that go together, pasted lines, and names that the directory lacks.
const form = document.querySelector("#proposal");
const live = document.querySelector("#live");

// Whoever is told of an error can type at once where the first one is.
form?.querySelector("[aria-invalid=true]:not([type=hidden])")?.focus();

if (form) {
  form.addEventListener("change", choose);
  window.addEventListener("pageshow", choose);
  form.addEventListener("paste", warnOfLines);
  choose();
}

if (form && live) {
  form.addEventListener("change", strangers);
  live.hidden = false; // htmx fills it from the server, as the review shows it
}

// Controls of a choice that is not chosen are hidden: they are not sent either. What was typed there is still there
// for who comes back to that choice.
function choose() {
  const mode = form.querySelector("[name=secret_mode]:checked")?.value;
  form.querySelector("[name=client_secret]").disabled = Boolean(mode) && mode !== "enter";
  form.querySelector("[name=length]").disabled = Boolean(mode) && mode !== "generate";
}

// A control of one line drops the line ends of what is pasted, and says nothing.
function warnOfLines({ target, clipboardData }) {
  if (!target.matches("input")) return;
  target.parentElement.querySelector("[data-pasted]")?.remove();
  if (!/[\r\n]/.test(clipboardData?.getData("text") ?? "")) return;
  const told = document.querySelector("#pasted-lines").content.firstElementChild.cloneNode(true);
  target.after(told);
}

// Where the page has the whole directory, a name that is not in it is told of as soon as it is typed.
function strangers() {
  for (const known of form.querySelectorAll("datalist[data-whole]")) {
    const names = new Set([...known.options].map((option) => option.value));
    const card = known.closest("[data-shares]");
    const typed = [...card.querySelectorAll("input[data-known]")].map((input) => input.value.trim());
    const lacking = [...new Set(typed)].filter((name) => name && !names.has(name));
    const notice = card.querySelector("[data-strangers]");
    notice.querySelector("[data-names]").textContent = lacking.map((name) => plainly(name)).join(", ");
    notice.hidden = !lacking.length;
  }
}

// As the server shows it: letters without a shape are spelled out.
function plainly(text) {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (letter) => `⟨U+${letter.codePointAt(0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
}

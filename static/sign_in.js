// Sign-in: shows the password on request, and says that the sign-in is in progress.
const form = document.querySelector("#sign-in");
const password = form.querySelector("[name=password]");
const show = document.querySelector("#show-password");
const submit = form.querySelector("[type=submit]");
const label = [...submit.childNodes];

show.addEventListener("click", () => {
  const shown = show.getAttribute("aria-pressed") !== "true";
  show.setAttribute("aria-pressed", String(shown));
  password.type = shown ? "text" : "password";
});

form.addEventListener("submit", () => {
  password.type = "password"; // browsers offer to save the value of a password field only
  submit.disabled = true;
  submit.textContent = submit.dataset.busy;
});

// A page that comes back from the browser's cache is ready for another attempt.
window.addEventListener("pageshow", () => {
  submit.disabled = false;
  submit.replaceChildren(...label);
});

// The preference for single-key shortcuts, stored where review.js reads it. Shown only where the browser can store it.
const OFF = "queue-keys-off";
const box = document.getElementById("shortcuts-on");

try {
  box.checked = !localStorage.getItem(OFF);
  document.getElementById("shortcut-setting").hidden = false;
  box.addEventListener("change", () => {
    if (box.checked) localStorage.removeItem(OFF);
    else localStorage.setItem(OFF, "1");
  });
} catch {}

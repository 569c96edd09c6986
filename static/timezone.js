// Who has chosen no time zone reads the browser's, from the next page on: the server takes it from this cookie.
const name = document.getElementById("zone").dataset.cookie;
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const secure = name.startsWith("__Host-") ? "; secure" : "";
if (zone) document.cookie = `${name}=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;

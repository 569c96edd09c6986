"""HTTP client of one demo account: opens pages and sends their forms, like a browser without JavaScript."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.parse import urlencode, urljoin, urlsplit

TIMEOUT_S = 30.0


class PageError(Exception):
    """Page that did not answer as expected; the message names the address."""


@dataclass
class PageForm:
    """Form of a page: `fields` with their present values, `boxes` that are not ticked, and all `actions`."""

    actions: list[str]
    fields: dict[str, str] = field(default_factory=dict)
    boxes: list[str] = field(default_factory=list)


class _FormParser(HTMLParser):
    """Parser that collects the forms of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._by_id: dict[str, PageForm] = {}
        self._form: PageForm | None = None
        self._select = self._textarea = ""
        self._text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = PageForm([values.get("action", "")])
            self._by_id[values.get("id", "")] = self._form
            self.forms.append(self._form)
            return
        form = self._by_id.get(values["form"]) if "form" in values else self._form
        if form is None:
            return
        if tag == "input":
            self._read_input(form, values)
        elif tag == "button" and "formaction" in values:
            form.actions.append(values["formaction"])
        elif tag == "select":
            self._select = values.get("name", "")
            form.fields.setdefault(self._select, "")
        elif tag == "option" and self._select and ("selected" in values or not form.fields[self._select]):
            form.fields[self._select] = values.get("value", "")
        elif tag == "textarea":
            self._textarea, self._text = values.get("name", ""), ""

    def _read_input(self, form: PageForm, values: dict[str, str]) -> None:
        name, kind = values.get("name", ""), values.get("type", "text")
        if not name or kind in ("submit", "button"):
            return
        if kind in ("checkbox", "radio") and "checked" not in values:
            form.boxes.append(name)
            return
        form.fields[name] = values.get("value", "on" if kind in ("checkbox", "radio") else "")

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._form is not None:
            self._form.fields[self._textarea] = self._text.removeprefix("\n")
        elif tag == "select":
            self._select = ""
        elif tag == "form":
            self._form = None


class PageClient:
    """Session of one account with the portal at `url`; `at` and `page` are the address and text of the last page."""

    def __init__(self, url: str) -> None:
        self.url, self.at, self.page = url.rstrip("/"), url, ""
        # Without a proxy: a request that was forwarded is refused by the sign-in.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    @property
    def path(self) -> str:
        """Path of the last page."""
        return urlsplit(self.at).path

    def sign_in(self, account: str) -> None:
        """Sign in by the button of the sign-in page. Raises PageError."""
        self.open_page("/accounts/login/")
        self.send_form("/demo/sign-in/", {"account": account})

    def open_page(self, path: str) -> None:
        """Open a page. Raises PageError unless it answers 200."""
        self._request(urllib.request.Request(urljoin(self.at, path)))  # noqa: S310 - our own loopback address

    def find_form(self, path: str) -> PageForm | None:
        """Return the form of the last page that can be sent to `path`, None if there is none."""
        return next((form for form in _FormParser(self.page).forms if self._is_sent_to(form, path)), None)

    def send_form(
        self, path: str, values: dict[str, str] | None = None, *, fill: Callable[[PageForm], None] | None = None
    ) -> None:
        """Send the form of the last page that goes to `path`, with these values; `fill` may edit it first.

        Raises PageError if there is no such form, or it is refused.
        """
        form = self.find_form(path)
        if form is None:
            raise PageError(f"{self.path} has no form for {path}")
        if fill:
            fill(form)
        data = {**form.fields, **(values or {})}
        if "demo_confirm" in form.boxes:
            data["demo_confirm"] = "yes"
        self._request(urllib.request.Request(urljoin(self.at, path), urlencode(data).encode()))  # noqa: S310

    def _is_sent_to(self, form: PageForm, path: str) -> bool:
        return any(urlsplit(urljoin(self.at, action)).path == path for action in form.actions)

    def _request(self, request: urllib.request.Request) -> None:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as response:
                self.at, self.page = response.url, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                raise PageError(f"{urlsplit(error.url or '').path} answered {error.code}") from None
        except OSError as error:
            raise PageError(f"{request.selector} did not answer: {error}") from None

"""A person at the portal without a browser: fills in its forms over plain HTTP, and keeps all it was answered."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import requests

_PATIENCE_S = 30.0


@dataclass
class Form:
    """A form as its page has it: what it would send untouched, and its buttons by their text."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str, str]] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Reads the forms of a page the way a browser without JavaScript does."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._form: Form | None = None
        self._name, self._text, self._button = "", "", ("", "", "")
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = Form(has.get("action", ""))
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and has.get("type") in ("checkbox", "radio"):
            if "checked" in has:
                self._form.fields[has.get("name", "")] = has.get("value", "on")
        elif tag == "input":
            self._form.fields[has.get("name", "")] = has.get("value", "")
        elif tag == "option" and "selected" in has:
            self._form.fields[self._name] = has.get("value", "")
        elif tag in ("select", "textarea"):
            self._name, self._text = has.get("name", ""), ""
        elif tag == "button":
            self._text, self._button = "", (has.get("name", ""), has.get("value", ""), has.get("formaction", ""))

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if self._form is None:
            return
        if tag == "textarea":
            self._form.fields[self._name] = self._text.removeprefix("\n")
        elif tag == "button":
            self._form.buttons[" ".join(self._text.split())] = self._button
        elif tag == "form":
            self._form = None


class Visitor:
    """Somebody with a cookie jar. `answers`: every response they got, redirects included."""

    def __init__(self, url: str, password: str = "", trust: str | bool = True) -> None:
        self.url = url
        self._password = password
        self.answers: list[requests.Response] = []
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = trust
        self._session.hooks["response"].append(lambda answer, *_args, **_options: self.answers.append(answer))

    @classmethod
    def sign_in(cls, url: str, name: str, password: str, trust: str | bool = True) -> Visitor:
        """A visitor who has signed in; `trust` is a file with the certificate of a house that signs its own."""
        visitor = cls(url, password, trust)
        visitor.get("/accounts/login/")
        visitor.press("Sign in", login=name, password=password)
        assert visitor.at != f"{url}/accounts/login/"
        return visitor

    def again(self) -> Visitor:
        """The same person in another window: signed in alike, on a page of its own."""
        window = Visitor(self.url)
        window._session.cookies.update(self._session.cookies)
        return window

    @property
    def answer(self) -> requests.Response:
        """The page they are on."""
        return self.answers[-1]

    @property
    def at(self) -> str:
        """Its address."""
        return self.answer.url

    def get(self, path: str, *, timeout: float = 60) -> str:
        """Open a page; its text."""
        return self._session.get(self.url + path, timeout=timeout).text

    def press(self, button: str, *, timeout: float = 60, **fields: Any) -> str:
        """Fill in the form whose button starts with this text, and press it; the page that comes then."""
        form, (name, value, action) = self._form(button)
        data = {**form.fields, **fields, **({name: value} if name else {})}
        address = requests.compat.urljoin(self.at, action or form.action or self.at)
        return self._session.post(address, data, headers={"Referer": self.at}, timeout=timeout).text

    def propose(self, secret: int, *, value: str = "", reason: str = "It is due", **fields: str) -> int:
        """Propose new field values and a client secret `value`; the number of the change."""
        self.get(f"/secrets/{secret}/propose/")
        if value:
            fields |= {"secret_mode": "enter", "client_secret": value}
        self.press("Review changes", reason=reason, **fields)
        return self.submit()

    def submit(self) -> int:
        """From the preview; the number of the change."""
        self.press("Submit for approval")
        assert "/changes/" in self.at, self.answer.status_code
        return int(self.at.rstrip("/").rsplit("/", 1)[1])

    def decide(self, change: int, verdict: str, reason: str = "") -> None:
        """Open the page of the change and press Approve or Reject."""
        self.get(f"/changes/{change}/")
        self.vote(verdict, reason)
        assert self.answer.status_code == 200

    def vote(self, verdict: str, reason: str = "", *, timeout: float = 60) -> str:
        """Press Approve or Reject in its sheet on the page of a change that they are on; the page that comes then."""
        sheet = self._sheet(verdict)
        assert sheet, f"{self.at} answered {self.answer.status_code} and offers no way to {verdict.lower()}"
        late = {"password": self._password} if "password" in sheet.fields else {}  # after more than five minutes
        typed = {name: reason for name in sheet.fields if name.startswith("reason-")}
        address = requests.compat.urljoin(self.at, sheet.action)
        data = {**sheet.fields, **typed, **self.confirmed(), **late}
        return self._session.post(address, data, headers={"Referer": self.at}, timeout=timeout).text

    def may_vote(self, verdict: str) -> bool:
        """Whether the page they are on lets them vote like this."""
        return self._sheet(verdict) is not None

    def _sheet(self, verdict: str) -> Form | None:
        forms = [form for form in _Forms(self.answer.text).forms if form.action.endswith(f"/{verdict.lower()}/")]
        return max(forms, key=lambda form: len(form.fields), default=None)  # the form of the bar asks for less

    def offers(self, button: str) -> bool:
        """Whether the page they are on has a button whose text starts like this."""
        return any(text.startswith(button) for form in _Forms(self.answer.text).forms for text in form.buttons)

    def confirmed(self) -> dict[str, str]:
        """The box that approving at high risk takes, where the page they are on has it."""
        return dict.fromkeys(re.findall(r'name="(confirmed-[0-9a-f]+)"', self.answer.text), "on")

    def _form(self, button: str) -> tuple[Form, tuple[str, str, str]]:
        for form in _Forms(self.answer.text).forms:
            for text, sends in form.buttons.items():
                if text.startswith(button):
                    return form, sends
        raise AssertionError(f"{self.at} answered {self.answer.status_code} and has no button {button}")


def wait_until(condition: Callable[[], Any], what: str, timeout_s: float = _PATIENCE_S) -> None:
    """Poll until it holds. Raises AssertionError that says what was waited for."""
    ends = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < ends, f"it never came to this: {what}"
        time.sleep(0.05)

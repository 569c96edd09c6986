"""A browser's way with a form: read it as it stands, fill it in, press a button."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class _Form(HTMLParser):
    """The controls of the last POST form in <main> that holds `act` buttons, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.data: dict[str, str] = {}
        self.boxes: dict[str, str] = {}
        self.buttons: set[str] = set()
        self._inside = False
        self._area: str | None = None
        self._select: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "main":
            self._inside = True
        if not self._inside:
            return
        given = dict(attrs)
        name, kind = given.get("name"), given.get("type")
        if tag == "input" and name:
            self._input(name, kind or "text", given)
        elif tag == "textarea" and name:
            self._area = name
            self.data[name] = ""
        elif tag == "select" and name:
            self._select = name
        elif tag == "option" and self._select and (self._select not in self.data or "selected" in given):
            self.data[self._select] = given.get("value") or ""
        elif tag == "button" and name == "act" and "disabled" not in given:
            self.buttons.add(given.get("value") or "")

    def _input(self, name: str, kind: str, given: dict[str, str | None]) -> None:
        value = given.get("value") or ("on" if kind == "checkbox" else "")
        if kind == "checkbox":
            self.boxes[name] = value
        if kind not in ("checkbox", "radio") or "checked" in given:
            self.data[name] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "textarea" and self._area:
            # A browser drops the first line end after the tag and sends the others as CRLF.
            text = self.data[self._area].replace("\r\n", "\n").removeprefix("\n")
            self.data[self._area] = text.replace("\n", "\r\n")
            self._area = None
        elif tag == "select":
            self._select = None
        elif tag == "main":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._area:
            self.data[self._area] += data


def read_form(response: Any) -> dict[str, str]:
    """What the browser would send if only a button were pressed."""
    parser = _Form()
    parser.feed(response.content.decode())
    return parser.data


def buttons(response: Any) -> set[str]:
    """The acts that can be pressed."""
    parser = _Form()
    parser.feed(response.content.decode())
    return parser.buttons


def press(browser: Any, address: str, page: Any, act: str, /, **changed: Any) -> Any:
    """Fill in and press; a value of None unticks or empties the control. Dashes of names are given as `__`."""
    data = read_form(page)
    for name, value in changed.items():
        name = name.replace("__", "-")
        if value is None:
            data.pop(name, None)
        else:
            data[name] = value
    return browser.post(address, {**data, "act": act})

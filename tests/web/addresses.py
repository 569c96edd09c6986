"""Every address of the portal as the resolver knows it, and what stands in for its numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver, reverse


@dataclass(frozen=True)
class Address:
    """One URL pattern: its name with the namespace, and the names of the numbers in it."""

    name: str
    numbers: tuple[str, ...]

    def path(self, **known: int) -> str:
        """The address with these numbers in it, whatever of them it takes."""
        return reverse(self.name, kwargs={number: known[number] for number in self.numbers})


def addresses() -> list[Address]:
    """All of them, in the order of the resolver."""
    return list(_below(get_resolver(), ""))


def _below(resolver: URLResolver, namespace: str) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            yield from _below(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern):
            yield Address(f"{namespace}{entry.name}", tuple(entry.pattern.converters))

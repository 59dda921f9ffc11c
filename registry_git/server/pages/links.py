"""The addresses of the pages."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

_LETTERS = "".join(map(chr, range(0x21, 0x7F)))


def ascii_only(address: str | bytes) -> str:
    """An address with everything escaped that no header can carry; what is escaped already stays as it is."""
    return quote(address, safe=_LETTERS)


def quoted(part: object) -> str:
    """A part of a path, with everything escaped that would end it."""
    return quote(str(part), safe="")


@dataclass(frozen=True, slots=True)
class Links:
    """Addresses that keep to the moment of the past that is being looked at."""

    at: str = ""

    def path(self, *parts: object, **query: object) -> str:
        """The address of the parts (`models`, `fraud`), with a query; what is None or empty is left out."""
        asked = {name: str(value) for name, value in {**query, "at": self.at}.items() if value not in (None, "")}
        way = "/" + "/".join(quoted(part) for part in parts)
        return f"{way}?{urlencode(asked)}" if asked else way

    def model(self, name: str) -> str:
        """A registered model's page."""
        return self.path("models", name)

    def version(self, model: str, version: int | str) -> str:
        """A version's page."""
        return self.path("models", model, "versions", version)

    def request(self, id: str) -> str:
        """A request's page."""
        return self.path("requests", id)

    def deployment(self, environment: str, name: str) -> str:
        """A deployment, in the list of those of its environment."""
        return self.path("deployments", environment=environment) + f"#{quoted(name)}"


def present(address: str) -> str:
    """The same page, today."""
    parts = urlsplit(address)
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "at"]
    return f"{parts.path}?{urlencode(query)}" if query else parts.path


def here(text: str) -> str:
    """`text`, as headers carry it, if it is an address on this server; else the first page."""
    parts = urlsplit(text)
    good = text.startswith("/") and not text.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return ascii_only(text) if good and text.isprintable() else "/"

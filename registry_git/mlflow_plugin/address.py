"""Registry URIs as MLflow is given them: `git+file:`, `git+ssh:`, `git+https:` and `git+http:`."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote

from registry_git.core.errors import Invalid

FRESH_VARIABLE = "REGISTRY_GIT_FRESH_SECONDS"
FRESH_SECONDS = 5.0
_OPTION = "fresh_seconds"
_URI = re.compile(r"git\+(file|ssh|https|http):([^?#]*)(?:\?([^#]*))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a registry is: a `path` here, or else the `url` of a remote one.

    `fresh_seconds` is how old what was fetched may be when it answers a read.
    """

    path: Path | None
    url: str
    fresh_seconds: float

    @property
    def target(self) -> str:
        """The path or URL, as `registry_git.open` takes it."""
        return os.fspath(self.path) if self.path is not None else self.url


def parse_address(uri: str) -> Address:
    """The address that a registry URI writes, as `git+https://git.acme.io/ml/models.git?fresh_seconds=30`.

    Raises:
        Invalid: another scheme, no path, or options that there are not.
    """
    found = _URI.fullmatch(uri)
    if found is None:
        raise Invalid(
            f"{uri!r} is no registry URI.", hint="Write git+file:///PATH, git+ssh://HOST/PATH or git+https://HOST/PATH."
        )
    scheme, rest, options = found[1], found[2], found[3] or ""
    fresh = _fresh_seconds(options)
    if scheme != "file":
        if not re.match(r"//[^/]+/.", rest):
            raise Invalid(f"{uri!r} names no repository.", hint=f"Write git+{scheme}://HOST/PATH.")
        return Address(path=None, url=f"{scheme}:{rest}", fresh_seconds=fresh)
    host, slash, path = rest[2:].partition("/") if rest.startswith("//") else ("", "", rest)
    if host not in ("", "localhost"):
        raise Invalid(f"{uri!r} names the machine {host!r}.", hint="Write git+file:///PATH, with three slashes.")
    place = unquote(slash + path)
    if not place.strip("/") or "\0" in place:
        raise Invalid(f"{uri!r} names no path.", hint="Write git+file:///PATH.")
    return Address(path=Path(place).absolute(), url="", fresh_seconds=fresh)


def _fresh_seconds(options: str) -> float:
    given = parse_qsl(options, keep_blank_values=True)
    for name, _ in given:
        if name != _OPTION:
            raise Invalid(f"A registry URI has no option {name!r}.", hint=f"There is {_OPTION}.")
    text = dict(given).get(_OPTION) or os.environ.get(FRESH_VARIABLE) or str(FRESH_SECONDS)
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise Invalid(
            f"{text!r} is no number of seconds.", hint=f"{_OPTION} and {FRESH_VARIABLE} take 0 for always, or more."
        )
    return seconds

"""The files that pages load, all of them from here: no page of ours asks another server for anything."""

from __future__ import annotations

from hashlib import blake2b
from importlib.resources import files

_MEDIA = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
FOREVER = "public, max-age=31536000, immutable"


def _read() -> dict[str, tuple[bytes, str]]:
    found = {}
    for file in (files(__package__) / "static").iterdir():
        media = _MEDIA.get(file.name.rpartition(".")[2])
        if media:
            found[file.name] = (file.read_bytes(), media)
    return found


ASSETS = _read()  # each file's bytes and media type, by its name
STYLES = ("pages.css", *sorted(name for name in ASSETS if name.endswith(".css") and name != "pages.css"))
_VERSIONS = {name: blake2b(content, digest_size=6).hexdigest() for name, (content, _) in ASSETS.items()}


def asset(name: str) -> str:
    """The address of a file, which is another one when the file changes."""
    return f"/static/{_VERSIONS[name]}/{name}"


def found(version: str, name: str) -> tuple[bytes, str] | None:
    """The bytes and the media type of a file; None for one that is not there in this version."""
    return ASSETS.get(name) if _VERSIONS.get(name) == version else None

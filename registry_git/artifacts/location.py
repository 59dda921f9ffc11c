"""What a source names: files here, files behind an fsspec driver, or nothing that can be read."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote_from_bytes, unquote_to_bytes

from registry_git.core.errors import Invalid, NotFound, RegistryError, Unavailable

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
# a registry or tracking server says what these stand for; the others wrap a second location or open local files
_RESOLVED = frozenset({"models", "runs", "mlflow-artifacts"})
_WRAPPING = frozenset(
    {"local", "data", "dir", "zip", "tar", "libarchive", "reference", "cached", "blockcache", "filecache"}
    | {"simplecache", "generic", "async_wrapper"}
)
# the packages in which fsspec knows the drivers of what most models are stored in
_PACKAGES = {
    **dict.fromkeys(("s3", "s3a"), "s3fs"),
    **dict.fromkeys(("gs", "gcs"), "gcsfs"),
    **dict.fromkeys(("abfs", "az", "adl"), "adlfs"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """A file or directory of this machine; `url` says that it was written as `file://`."""

    path: bytes
    url: bool = False

    def text(self) -> str:
        """The location in the form that it was given in, absolute."""
        path = os.path.abspath(self.path)
        return f"file://{quote_from_bytes(path)}" if self.url else os.fsdecode(path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """A URL that an fsspec driver might read."""

    url: str
    scheme: str

    @property
    def is_http(self) -> bool:
        """Whether it is a web page or file: such a location is a directory only when it ends in `/`."""
        return self.scheme in ("http", "https")


Location: TypeAlias = Local | Remote


def parse_location(text: str) -> Location | None:
    """What `text` names; None for text that names no files, as `models:/fraud/3`, `runs:/…`, `dbfs:/…` and ``.

    Raises:
        Invalid: a `file://` URL of another machine, or a NUL in it.
    """
    if "\0" in text:
        raise Invalid(f"The location {text!r} holds a NUL.", hint="Leave it out.")
    found = _SCHEME.match(text)
    if found is None:
        return None if not text or "://" in text else Local(path=os.fsencode(text))
    scheme = found[1].lower()
    if scheme == "file":
        return Local(path=_file_path(text), url=True)
    if scheme in _RESOLVED | _WRAPPING or not text.startswith("//", found.end() - 1):
        return None
    return Remote(url=text, scheme=scheme)


def _file_path(url: str) -> bytes:
    path = url[len("file:") :]
    if path.startswith("//"):
        host, slash, rest = path[2:].partition("/")
        if host.lower() not in ("", "localhost"):
            raise Invalid(f"{url!r} names files of {host!r}.", hint="Write a file of this machine as file:///path.")
        path = slash + rest
    raw = unquote_to_bytes(path)
    if not raw or b"\0" in raw:
        raise Invalid(f"{url!r} names no file.", hint="Write it as file:///path.")
    return raw


def driver(remote: Remote) -> Any | None:
    """The fsspec class for a remote location; None when none is installed."""
    if _is_missing(remote.scheme):
        return None
    from fsspec.registry import get_filesystem_class  # imported only here: most registries never need it

    try:
        return get_filesystem_class(remote.scheme)
    except (ValueError, ImportError):
        return None


def _is_missing(scheme: str) -> bool:
    """Whether fsspec, which nobody has imported yet and so has no drivers but those installed, would find none.

    It takes forty milliseconds to import, and often those who register models have no driver for where these are.
    """
    package = _PACKAGES.get(scheme)
    return (
        package is not None and "fsspec" not in sys.modules and find_spec(package) is None and not _is_declared(scheme)
    )


@cache
def _is_declared(scheme: str) -> bool:
    """Whether an installed distribution may declare a driver, as fsspec lets them (`fsspec.specs`); found once."""
    declared = re.compile(rb"^\s*" + re.escape(scheme.encode()) + rb"\s*=", re.MULTILINE)
    for place in sys.path:
        for file in Path(place).glob("*-info/entry_points.txt"):
            with suppress(OSError):
                text = file.read_bytes()
                if b"fsspec.specs" in text and declared.search(text):
                    return True
    return False


def readable(location: str) -> bool:
    """Whether there is a way to read the location: a local path, or a URL whose driver is installed.

    It says nothing about whether something is there. Raises: Invalid (as `parse_location`).
    """
    parsed = parse_location(location)
    return isinstance(parsed, Local) or (isinstance(parsed, Remote) and driver(parsed) is not None)


def connect(remote: Remote) -> Any | None:
    """The file system of a remote location, seeing it as it is now; None when no driver is installed.

    Raises:
        Unavailable: the driver does not start.
    """
    chosen = driver(remote)
    if chosen is None:
        return None
    with reading(remote.url):
        # not url_to_fs: that splits names at `::`
        files = chosen(**chosen._get_kwargs_from_urls(remote.url))
        files.invalidate_cache()
    return files


def unreadable(location: str) -> RegistryError:
    """The error for a location that cannot be read at all."""
    parsed = parse_location(location)
    if isinstance(parsed, Remote):
        return Unavailable(
            f"{location!r} cannot be read: no driver for {parsed.scheme}:// is installed.",
            hint=f"Install the fsspec driver for {parsed.scheme}.",
        )
    return Invalid(f"{location!r} names no files that can be read.", hint="Give a path or a URL of the files.")


@contextmanager
def reading(location: str) -> Iterator[None]:
    """Turns what the system or a driver raises into NotFound (it is not there) or Unavailable (anything else)."""
    try:
        yield
    except RegistryError:
        raise
    except (FileNotFoundError, NotADirectoryError) as problem:
        cause = problem.__cause__
        # the HTTP driver says so of a server that refuses or cannot be reached, too
        if cause is not None and type(cause).__module__.startswith("aiohttp") and not _says_gone(cause):
            raise Unavailable(f"{location!r} cannot be read: {_short(cause)}.", hint="Try again later.") from problem
        raise NotFound(f"{location!r} does not exist.", hint="Check the location.") from None
    except Exception as problem:  # drivers raise errors of their own libraries
        raise Unavailable(f"{location!r} cannot be read: {_short(problem)}.", hint="Try again later.") from problem


@contextmanager
def writing(location: str) -> Iterator[None]:
    """Turns what the system or a driver raises into Invalid (such a name cannot be written) or Unavailable."""
    try:
        yield
    except RegistryError:
        raise
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise Invalid(
            f"{location!r} cannot be written: another file of the tree has the same path.",
            hint="Rename one of the two files.",
        ) from None
    except Exception as problem:
        raise Unavailable(f"{location!r} cannot be written: {_short(problem)}.", hint="Try again later.") from problem


def _says_gone(problem: BaseException) -> bool:
    return getattr(problem, "status", None) in (404, 410)


def _short(problem: BaseException) -> str:
    text = problem.strerror if isinstance(problem, OSError) and problem.strerror else str(problem)
    return " ".join(text.split())[:200].rstrip(".") or type(problem).__name__

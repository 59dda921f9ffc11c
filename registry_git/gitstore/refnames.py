"""Which references the registry reads and moves: full names only, by git's own rules."""

from __future__ import annotations

import re
from functools import lru_cache

from registry_git.core.errors import Invalid

HEAD = "HEAD"
ROOTS = ("refs/heads/", "refs/remotes/", "refs/registry-git/")

_REFUSED = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//")
_FILE_MAX, _DIRECTORY_MAX = 250, 255  # bytes; a file must still be a file name with ".lock" behind it


@lru_cache(maxsize=1024)
def check_ref_name(name: str) -> str:
    """`name`, when it is the full name of a branch, a remote's branch or a reference of the registry's own.

    Raises:
        Invalid: short names (`main`), tags, `refs/replace/…`, and whatever `git check-ref-format` refuses.
    """
    if not isinstance(name, str) or not name.startswith(ROOTS):
        raise Invalid(f"{name!r} is no reference that a registry moves.", hint="Give a full name: refs/heads/main.")
    _, _, rest = name[len("refs/") :].partition("/")
    *directories, file = rest.split("/")
    if (
        _REFUSED.search(name)
        or name.endswith((".", "/"))
        or rest in ("HEAD", "@")
        or any(0xD800 <= ord(char) <= 0xDFFF for char in name)
        or any(_bad(component, _DIRECTORY_MAX) for component in directories)
        or _bad(file, _FILE_MAX)
    ):
        raise Invalid(f"{name!r} is no name for a reference.", hint="See the rules in `git help check-ref-format`.")
    return name


def _bad(component: str, longest: int) -> bool:
    return (
        component == ""
        or component.startswith((".", "-"))
        or component.endswith(".lock")
        or len(component.encode("utf-8")) > longest
    )

"""Names, parsed once at the door; behind it only values that are known to be good.

A name must survive as a path component, as a part of a branch name and in a terminal: control characters,
direction marks and what git treats as its own are refused here, not escaped later.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from registry_git.core.errors import Invalid

NAME_MAX = 255  # bytes of one path component, on every file system that git runs on
CONSUMER_MAX = 250  # of them, without the suffix of a file
COMMENT_MAX = 65_535
DESCRIPTION_MAX = 100_000
TAG_KEY_MAX = 250
TAG_VALUE_MAX = 100_000

_AS_IT_IS = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
_ENCODED = re.compile(r"(?:[A-Za-z0-9._-]|%[0-9A-F]{2})+")
_STAGE = re.compile(r"[\w.\- ]{1,64}")
_ALIAS = re.compile(r"[\w\-]{1,255}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_CONTROL = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029]")  # Unicode's Cc, Zl and Zp
_TAG_KEY = re.compile(r"[/\w.\- :]{1,250}")
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{3,63}")
_ACTOR = re.compile(r"([^<>]*[^<>\s])\s*<([^<>\s]+)>")
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@lru_cache(maxsize=4096)
def encode(name: str) -> str:
    """`name` as one path component that is safe in trees, refs and work trees; `decode` is its inverse.

    Everything but `[A-Za-z0-9._-]` becomes `%XX`, byte by byte in UTF-8; so do a leading or trailing dot, a leading
    hyphen (git would take it for an option) and the dot of a closing `.lock` (git's own suffix).
    """
    if _AS_IT_IS.fullmatch(name):
        return name
    last = len(name) - 1
    lock = last - 4 if name.lower().endswith(".lock") else -1
    out = []
    for place, char in enumerate(name):
        edge = (char == "." and place in (0, last, lock)) or (char == "-" and place == 0)
        # two dots in a row are a range to git
        if char in _PLAIN and not edge and not (char == "." and name[place - 1 : place] == "."):
            out.append(char)
        else:
            out.extend(f"%{byte:02X}" for byte in char.encode("utf-8"))
    return "".join(out)


def decode(component: str) -> str:
    """The name that `encode` wrote as `component`.

    Raises:
        Invalid: `encode` never writes this component (a foreign or a second encoding of the same name).
    """
    if _ENCODED.fullmatch(component):
        raw = re.sub(rb"%([0-9A-F]{2})", lambda found: bytes([int(found[1], 16)]), component.encode("ascii"))
        try:
            name = raw.decode("utf-8")
        except UnicodeDecodeError:
            name = ""
        if name and encode(name) == component:
            return name
    raise Invalid(f"{component!r} is no encoded name.", hint="Only what the registry itself writes is a path in it.")


def _hidden(char: str) -> bool:
    """Whether a character is invisible or changes the reading order: controls, direction marks, separators."""
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _checked(kind: str, text: object) -> str:
    if not isinstance(text, str):
        raise Invalid(f"The {kind} {text!r} is not text.", hint="Give a string.")
    if not text.strip():
        raise Invalid(f"The {kind} is empty.", hint="Write one.")
    for char in text if not text.isprintable() else "":  # what can be printed hides nothing
        if _hidden(char):
            raise Invalid(f"The {kind} {text!r} holds the invisible character U+{ord(char):04X}.", hint="Leave it out.")
    if 3 * len(text.encode()) > NAME_MAX and len(encode(text)) > NAME_MAX:
        raise Invalid(
            f"The {kind} {text[:40]!r}… takes {len(encode(text))} bytes as a path; {NAME_MAX} are allowed.",
            hint="Shorten it.",
        )
    return text


class ModelName(str):
    """The unique name of a registered model: case-sensitive, no `/` or `:`, no path, at most 255 bytes encoded."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ModelName:
        """The checked name. Raises: Invalid."""
        name = _checked("model name", text)
        if "/" in name or ":" in name or "\\" in name:
            raise Invalid(
                f"The model name {name!r} holds a path separator.", hint="Use a name without '/', '\\' and ':'."
            )
        if name.strip() in (".", "..") or name.lower() == ".git" or re.match(r"(?i)%(2e|2f|5c|25)", name):
            raise Invalid(f"The model name {name!r} looks like a path.", hint="Use a plain name.")
        return cls(name)


class StageName(str):
    """A user-defined lifecycle slot, spelled as `registry.yaml` spells it; `None` is the lack of one."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> StageName:
        """The checked name. Raises: Invalid."""
        name = _checked("stage name", text)
        if not _STAGE.fullmatch(name) or name != name.strip():
            raise Invalid(f"{name!r} is no stage name.", hint="Use 1 to 64 letters, digits, spaces, '.', '_' and '-'.")
        if name.lower() == "none":
            raise Invalid(
                "'None' is not a stage: it is what a version without a stage is in.", hint="Choose another name."
            )
        return cls(name)


class AliasName(str):
    """A named pointer of a model to one version: word characters and `-`; never `latest`, never `v<digits>`."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> AliasName:
        """The checked name. Raises: Invalid."""
        name = _checked("alias", text)
        if not _ALIAS.fullmatch(name):
            raise Invalid(f"{name!r} is no alias.", hint="Use 1 to 255 letters, digits, '_' and '-'.")
        if name.lower() == "latest" or re.fullmatch(r"(?i)v[0-9]+", name):
            raise Invalid(f"The alias {name!r} is reserved: it reads like a version.", hint="Use another word.")
        return cls(name)


class Id(str):
    """The id of a request, comment, version or direct change: 4 to 64 of `[0-9A-Za-z_-]`, no `_` or `-` first."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Id:
        """The checked id. Raises: Invalid."""
        if not isinstance(text, str) or not _ID.fullmatch(text):
            raise Invalid(f"{text!r} is no id.", hint="Use 4 to 64 letters, digits, '_' and '-'.")
        return cls(text)


class ConsumerName(str):
    """Who uses models: a job or a service, `ENVIRONMENT/NAME` where it is a deployment; at most 250 bytes encoded."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ConsumerName:
        """The checked name. Raises: Invalid."""
        name = _checked("consumer", text)
        if len(encode(name)) > CONSUMER_MAX or any(not part or part != part.strip() for part in name.split("/")):
            raise Invalid(
                f"{name[:40]!r} is no consumer.",
                hint=f"Write NAME or ENVIRONMENT/NAME, as prod/scorer, in at most {CONSUMER_MAX} bytes.",
            )
        return cls(name)


class Actor(str):
    """Who did it: `Name <email>`, as git writes it."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Actor:
        """The checked actor, with single spaces. Raises: Invalid."""
        found = _ACTOR.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None or any(_hidden(char) for char in text):
            raise Invalid(f"{text!r} names nobody.", hint='Write it as "Name <email>".')
        return cls(f"{' '.join(found[1].split())} <{found[2]}>")

    @property
    def name(self) -> str:
        """The part before the email address."""
        return self.rpartition(" <")[0]

    @property
    def email(self) -> str:
        """The email address in lower case: what roles and four eyes compare."""
        return self.rpartition(" <")[2][:-1].lower()


def parse_version(text: object) -> int:
    """The version number that `text` (or an int) writes: ASCII digits, from 1, no sign, no leading zero.

    Raises:
        Invalid: anything else, so also `1_0`, ` 7`, `７` and `01`.
    """
    written = str(text) if isinstance(text, int) and not isinstance(text, bool) else text
    if not isinstance(written, str) or not _VERSION.fullmatch(written):
        raise Invalid(f"{text!r} is no version number.", hint="Versions are whole numbers from 1 up.")
    return int(written)


def parse_tag_key(text: str) -> str:
    """The checked key of a tag: 1 to 250 of word characters, space and `/ . - :`. Raises: Invalid."""
    if not isinstance(text, str) or not _TAG_KEY.fullmatch(text):
        raise Invalid(
            f"{text!r} is no tag key.", hint="Use 1 to 250 letters, digits, spaces and '/', '.', '-', ':', '_'."
        )
    return text


def parse_text(kind: str, text: str, *, at_most: int, at_least: int = 0) -> str:
    """Free text (a description, comment or tag value) that a manifest can hold.

    Args:
        kind: what it is, for the message.
        text: the text; any character but NUL and lone surrogates.
        at_most: the most characters.
        at_least: the fewest characters that are not white space.

    Raises:
        Invalid: too long, too short, or a character that UTF-8 cannot write.
    """
    if not isinstance(text, str):
        raise Invalid(f"The {kind} {text!r} is not text.", hint="Give a string.")
    if len(text) > at_most:
        raise Invalid(f"The {kind} has {len(text):,} characters; {at_most:,} are allowed.", hint="Shorten it.")
    if at_least and len(text.strip()) < at_least:
        raise Invalid(f"The {kind} is empty.", hint="Write one.")
    if _UNSTORABLE.search(text):
        raise Invalid(f"The {kind} holds a character that cannot be stored.", hint="Leave out NUL and lone surrogates.")
    return text


def parse_line(kind: str, text: str, *, at_most: int, at_least: int = 0) -> str:
    """Text of one line, which a shell script may read as such; otherwise as `parse_text`.

    Raises:
        Invalid: as `parse_text`, or a line break or another control character.
    """
    parse_text(kind, text, at_most=at_most, at_least=at_least)
    if _CONTROL.search(text):
        raise Invalid(f"The {kind} {text!r} holds a control character.", hint="Write it on one line.")
    return text


def parse_tags(tags: dict[str, str]) -> dict[str, str]:
    """Checked tags, sorted by key. Raises: Invalid."""
    return {
        parse_tag_key(key): parse_text(f"tag {key}", value, at_most=TAG_VALUE_MAX)
        for key, value in sorted(tags.items())
    }


def dns_label(*parts: str) -> str:
    """A DNS-1123 label (63 of `[a-z0-9-]`) out of `parts`, for the names of Kubernetes objects.

    Parts that no label can write as they are get a short hash, so that `Fraud` and `fraud` never share a label.
    """
    plain = "-".join(parts)
    if _DNS_LABEL.fullmatch(plain) and all(map(_DNS_LABEL.fullmatch, parts)):
        return plain
    folded = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:54].rstrip("-")
    from hashlib import sha256  # slow to import

    return f"{folded or 'x'}-{sha256('/'.join(parts).encode()).hexdigest()[:8]}"


def parse_name(kind: str, text: str, *, at_most: int = NAME_MAX - len(".yaml")) -> str:
    """The checked plain name of an environment, a deployment or a registry: one path component, no direction marks.

    Args:
        kind: what it names, for the message.
        text: the name.
        at_most: the most bytes that it may take as a path component.

    Raises:
        Invalid: empty, invisible characters, a path separator, or too long.
    """
    name = _checked(kind, text)
    if name != name.strip() or "/" in name or "\\" in name or len(encode(name)) > at_most:
        raise Invalid(f"{name[:40]!r} is no {kind}.", hint=f"Use at most {at_most} bytes, without '/' and '\\'.")
    return name

"""What a forge refuses, as the registry's own errors with the forge's own words."""

from __future__ import annotations

from dataclasses import dataclass

from registry_git.core.errors import Conflict, Invalid, NotFound, PermissionDenied, RegistryError, Unavailable
from registry_git.forges.answers import Answer
from registry_git.forges.token import Token

_LONGEST_SHOWN = 300
_IN_THE_WAY = (405, 406, 409, 412, 423)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusals:
    """Turns answers into errors.

    Args:
        name: the forge, as errors name it (`github.com`).
        token: what was sent; it is in no error.
        variables: which variables may hold a token, for hints.
    """

    name: str
    token: Token | None
    variables: str

    def of(self, status: int, body: Answer, path: str) -> RegistryError:
        """The error for an answer with a status from 300 up."""
        words = self.quiet(_words(body))
        said = f": {words}" if words else ""
        if status == 401 or (status == 403 and self.token is None):
            state = "does not take this token" if self.token else "wants a token"
            return PermissionDenied(f"{self.name} {state}{said}.", hint=f"Set {self.variables}.")
        if status == 403:
            return PermissionDenied(
                f"{self.name} does not allow it to the owner of this token{said}.",
                hint=f"Give the token write access to the repository and its pull requests ({self.variables}).",
            )
        if status in (404, 410):
            hidden = "." if self.token else f"; a private one is shown only with a token: set {self.variables}."
            return NotFound(
                f"{self.name} has nothing at {path}{said}.",
                hint=f"Check `repository` in registry.yaml's `forge`{hidden}",
            )
        if status in _IN_THE_WAY:
            return Conflict(f"{self.name} refuses{said or f' with status {status}'}.", hint="Look at the pull request.")
        if status >= 500:
            return Unavailable(f"{self.name} fails with status {status}{said}.", hint="Try again later.")
        if status < 400:
            return Invalid(
                f"{self.name} sends on to another address.",
                hint="Write the address where the repository is now into registry.yaml's `forge`.",
            )
        return Invalid(f"{self.name} refuses{said or f' with status {status}'}.")

    def silence(self, problem: Exception) -> Unavailable:
        """The error for a call that got no answer."""
        return Unavailable(
            f"{self.name} does not answer: {self.quiet(str(problem)) or type(problem).__name__}.",
            hint="Check the network, and the url in registry.yaml's `forge`.",
        )

    def late(self, seconds: float) -> Unavailable:
        """The error for calls that took longer than they may together."""
        return late(self.name, seconds)

    def limit(self, seconds: float) -> Unavailable:
        """The error for a limit that is not lifted soon."""
        return Unavailable(f"{self.name} takes no further call for {int(seconds) + 1} seconds.", hint="Try again then.")

    def quiet(self, text: str) -> str:
        """`text` on one line, shortened, and without the token."""
        if self.token is not None and self.token.secret:
            text = text.replace(self.token.secret, "…")
        line = " ".join("".join(char if char.isprintable() else " " for char in text).split()).rstrip(".")
        return line if len(line) <= _LONGEST_SHOWN else line[:_LONGEST_SHOWN] + "…"


def late(name: str, seconds: float) -> Unavailable:
    """The error for a forge that has not answered within so many seconds."""
    return Unavailable(f"The forge {name} did not answer within {seconds:g} s.", hint="Look again in a moment.")


def _words(body: Answer) -> str:
    """The sentence in an error's body, in whichever of the forges' forms."""
    value = body.value
    if isinstance(value, str):
        return value
    if not isinstance(value, dict):
        return ""
    found = [_flat(value[key]) for key in ("message", "error", "errors", "error_description") if value.get(key)]
    return "; ".join(dict.fromkeys(text for text in found if text))


def _flat(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        if isinstance(value.get("message"), str):
            return str(value["message"])
        return ", ".join(f"{key}: {_flat(inner)}" for key, inner in value.items())
    if isinstance(value, list):
        return ", ".join(_flat(inner) for inner in value)
    return str(value)

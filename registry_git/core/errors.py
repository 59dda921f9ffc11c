"""One tree of errors: a sentence that says what is wrong, and a hint that says what to do next.

Each face (command line, REST, MLflow) maps the classes to its own codes, once.
"""

from __future__ import annotations


class RegistryError(Exception):
    """The root of every error that a caller of the registry can expect."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class Invalid(RegistryError):
    """The input can never be accepted as it is."""


class NotFound(RegistryError):
    """What was named does not exist."""


class AlreadyExists(RegistryError):
    """What should be created is there already."""


class Conflict(RegistryError):
    """Somebody else was first: a stale request, a lost race, edits in the way."""


class PermissionDenied(RegistryError):
    """The policy does not allow the change; the message names the rule, the hint what would satisfy it."""


class Corrupt(RegistryError):
    """What is stored cannot be trusted or read.

    Args:
        message: what is wrong, in one sentence.
        path: the file in the registry, when known.
        json_path: the place in the manifest, as `$.lineage.datasets[0].name`, when known.
        line: the line in the file, counted from 1; 0 when unknown.
        hint: what to do next.
    """

    def __init__(self, message: str, *, path: str = "", json_path: str = "", line: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.path = path
        self.json_path = json_path
        self.line = line

    def __str__(self) -> str:
        where = self.path + (f":{self.line}" if self.line else "") + (f" {self.json_path}" if self.json_path else "")
        return f"{where + ': ' if where else ''}{super().__str__()}"


class Unavailable(RegistryError):
    """It may work later: the remote cannot be reached, the disk is full or read-only."""

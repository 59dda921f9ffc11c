"""What MLflow's protocol calls an error."""

from __future__ import annotations

from registry_git.core.errors import (
    AlreadyExists,
    Conflict,
    Invalid,
    NotFound,
    PermissionDenied,
    RegistryError,
    Unavailable,
)

# Clients retry what is answered with TEMPORARILY_UNAVAILABLE or INTERNAL_ERROR, so nothing that fails again is either.
_CODES: tuple[tuple[type[RegistryError], str], ...] = (
    (Invalid, "INVALID_PARAMETER_VALUE"),
    (NotFound, "RESOURCE_DOES_NOT_EXIST"),
    (AlreadyExists, "RESOURCE_ALREADY_EXISTS"),
    (Conflict, "RESOURCE_CONFLICT"),
    (PermissionDenied, "PERMISSION_DENIED"),
    (Unavailable, "TEMPORARILY_UNAVAILABLE"),
)


def error_of(problem: RegistryError) -> tuple[str, str]:
    """The (error_code, message) of a problem; the message ends with what to do about it."""
    code = next((code for kind, code in _CODES if isinstance(problem, kind)), "INTERNAL_ERROR")
    return code, str(problem)

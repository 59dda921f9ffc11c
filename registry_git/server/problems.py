"""Errors as answers: one table from the tree of errors to a status and the `error_code` that MLflow's clients know.

Nothing that will fail again is a 429 or a 5xx: clients retry those without a word.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from registry_git.core import errors
from registry_git.core.errors import Invalid, RegistryError

_LOG = logging.getLogger(__name__)
UNEXPECTED = "Something went wrong that the server did not expect; its log says more."


class Unauthenticated(RegistryError):
    """Nobody, or nobody known, is calling."""


class TooLarge(RegistryError):
    """The body is larger than this server takes."""


class TooMany(RegistryError):
    """The caller has called too often; `seconds` from now it may call again."""

    def __init__(self, message: str, *, seconds: int) -> None:
        super().__init__(message, hint=f"Try again in {seconds} s.")
        self.seconds = seconds


class NoEndpoint(RegistryError):
    """No endpoint has this path, or none of it takes this method."""


CODES: dict[type[RegistryError], tuple[int, str]] = {
    errors.Invalid: (400, "INVALID_PARAMETER_VALUE"),
    errors.NotFound: (404, "RESOURCE_DOES_NOT_EXIST"),
    errors.AlreadyExists: (400, "RESOURCE_ALREADY_EXISTS"),
    errors.Conflict: (409, "RESOURCE_CONFLICT"),
    errors.PermissionDenied: (403, "PERMISSION_DENIED"),
    errors.Corrupt: (500, "INTERNAL_ERROR"),
    errors.Unavailable: (503, "TEMPORARILY_UNAVAILABLE"),
    Unauthenticated: (401, "UNAUTHENTICATED"),
    TooLarge: (413, "BAD_REQUEST"),
    TooMany: (429, "REQUEST_LIMIT_EXCEEDED"),
    NoEndpoint: (404, "ENDPOINT_NOT_FOUND"),
}


def status_and_code(error: BaseException) -> tuple[int, str]:
    """The HTTP status and the error code of an error; 500 for one that nobody expected."""
    for kind in type(error).__mro__:
        found = CODES.get(kind)
        if found is not None:
            return found
    return 500, "INTERNAL_ERROR"


def problem(error: BaseException) -> tuple[int, bytes, dict[str, str]]:
    """Status, JSON body and headers that tell a client about an error; what is unexpected is logged, not told."""
    status, code = status_and_code(error)
    headers: dict[str, str] = {}
    if isinstance(error, RegistryError):
        message = str(error)
    else:
        _LOG.error("An unexpected error.", exc_info=error)
        message = UNEXPECTED
    if status == 500 and isinstance(error, RegistryError):
        _LOG.error("%s", error)
    if isinstance(error, Unauthenticated):
        headers["www-authenticate"] = 'Bearer realm="registry-git", Basic realm="registry-git", charset="UTF-8"'
    if isinstance(error, TooMany):
        headers["retry-after"] = str(error.seconds)
    # ASCII alone: what a caller wrote may hold what UTF-8 cannot write
    return status, json.dumps({"error_code": code, "message": message}).encode("ascii"), headers


def for_people(headers: Mapping[str, str]) -> bool:
    """Whether a browser shows the answer to somebody, so that it should be a page; programs get JSON."""
    return "text/html" in headers.get("accept", "") or "hx-request" in headers


def refused_fields(error: ValidationError) -> Invalid:
    """The one sentence about a body or query that does not have the fields that it should."""
    first, *others = error.errors(include_url=False, include_input=False)
    where = ".".join(str(part) for part in first["loc"]) or "the body"
    more = f" ({len(others)} more like it)" if others else ""
    return Invalid(f"{where}: {first['msg']}{more}.", hint="The fields are described at /docs.")


def strict_json(body: bytes) -> Any:
    """The JSON value in a body.

    Raises:
        Invalid: it is none, or holds what no JSON may: NaN, numbers without end, nesting without end.
    """
    try:
        return _JSON.decode(body.decode(json.detect_encoding(body), "surrogatepass"))
    except (ValueError, RecursionError) as error:
        raise Invalid(f"The body is no JSON: {str(error)[:200]}.", hint="Send a JSON object.") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number in JSON")


_JSON = json.JSONDecoder(parse_constant=_no_constant)  # `json.loads` would make one for every body

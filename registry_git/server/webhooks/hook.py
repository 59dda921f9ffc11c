"""A webhook: who is told of which events. Its secrets are for sending alone; what is shown leaves them out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from urllib.parse import urlsplit

from registry_git.core.announcements import Announcement, Event
from registry_git.core.errors import Invalid
from registry_git.core.names import DESCRIPTION_MAX, Actor, ModelName, parse_text
from registry_git.core.times import Timestamp

_URL_MAX, _SECRET_MAX = 2_048, 4_096


class Status(str, Enum):
    """Whether a webhook is told: of what happens; of nothing; or only of what the test endpoint makes up."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    TEST_MODE = "TEST_MODE"


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpTarget:
    """A URL; `secret` signs what is sent, `authorization` is a header (empty: none), `verify`: its certificate."""

    url: str
    secret: str = field(default="", repr=False)
    authorization: str = field(default="", repr=False)
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JobTarget:
    """A job, which the configured runner is asked to run, with `access_token` for its bearer token."""

    job_id: str
    access_token: str = field(repr=False)
    workspace_url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A webhook. `model_name` is empty for one that is told of all models.

    `place` names the cursor of its deliveries; each time that it becomes active it begins a new one. Empty: nothing
    waits for it. `by` is who answers for it: who made it or changed it last (None: a file of before does not say).
    `model_id` is the model's, which a rename leaves as it is. `status_message` is why the server has disabled it.
    """

    id: str
    events: tuple[Event, ...]
    model_name: str
    description: str
    status: Status
    target: HttpTarget | JobTarget
    created: Timestamp
    updated: Timestamp
    place: str = ""
    by: Actor | None = None
    model_id: str = ""
    status_message: str = ""

    def events_of(self, one: Announcement) -> tuple[Event, ...]:
        """The events under which it is told of something; none when that does not concern it."""
        if self.model_name and self.model_name != one.model:
            return ()
        return tuple(event for event in one.events if event in self.events)

    def shown(self) -> dict[str, object]:
        """What a client is shown: no secret, and nothing that is empty."""
        target: dict[str, object]
        if isinstance(self.target, HttpTarget):
            target = {"http_url_spec": {"url": self.target.url, "enable_ssl_verification": self.target.verify}}
        else:
            spec = {"job_id": self.target.job_id, "workspace_url": self.target.workspace_url}
            target = {"job_spec": {name: value for name, value in spec.items() if value}}
        return {
            "id": self.id,
            "events": [event.value for event in self.events],
            "creation_timestamp": int(self.created),
            "last_updated_timestamp": int(self.updated),
            **({"description": self.description} if self.description else {}),
            "status": self.status.value,
            **({"status_message": self.status_message} if self.status_message else {}),
            **target,
            **({"model_name": self.model_name} if self.model_name else {}),
        }


def parse_events(names: Sequence[str], model_name: str) -> tuple[Event, ...]:
    """The events, each once. Raises: Invalid: none, an unknown one, or one that a single model does not have."""
    known = [event.value for event in Event]
    for name in names:
        if name not in known:
            raise Invalid(f"{name[:100]!r} is no event.", hint=f"There are {', '.join(known)}.")
    if not names:
        raise Invalid("A webhook needs events.", hint=f"There are {', '.join(known)}.")
    if model_name and Event.REGISTERED_MODEL_CREATED in names:
        raise Invalid(
            "REGISTERED_MODEL_CREATED is an event of the whole registry.", hint="Leave out model_name, or the event."
        )
    return tuple(dict.fromkeys(Event(name) for name in names))


def parse_event(name: str) -> Event:
    """One event. Raises: Invalid."""
    return parse_events([name], "")[0]


def parse_status(name: str) -> Status:
    """A status. Raises: Invalid."""
    try:
        return Status(name)
    except ValueError:
        hint = f"There are {', '.join(one.value for one in Status)}."
        raise Invalid(f"{name[:100]!r} is no status.", hint=hint) from None


def parse_description(text: str) -> str:
    """A description. Raises: Invalid."""
    return parse_text("description", text, at_most=DESCRIPTION_MAX)


def parse_model(name: str | None) -> str:
    """The name of a model; empty for none. Raises: Invalid."""
    return ModelName.parse(name) if name else ""


def http_target(*, url: str, secret: str = "", authorization: str = "", verify: bool = True) -> HttpTarget:
    """A URL to tell. Raises: Invalid: a URL that cannot be called or would show a password, or no header's value."""
    if len(url) > _URL_MAX or not url.isascii() or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise Invalid(f"The url is longer than {_URL_MAX:,} characters, or holds others than printable ASCII.")
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError as problem:
        raise Invalid(f"The url is none: {problem}.", hint="Write it as https://ci.acme.io/hook.") from None
    if parts.scheme not in ("https", "http") or not host:
        raise Invalid("The url is not one of HTTPS.", hint="Write it as https://ci.acme.io/hook.")
    if parts.username is not None or parts.fragment:
        raise Invalid("The url holds a user or a fragment.", hint="Credentials go into authorization; it is not shown.")
    return HttpTarget(
        url=url,
        secret=_sealed("secret", secret),
        authorization=_header("authorization", authorization),
        verify=verify,
    )


def job_target(*, job_id: str, access_token: str, workspace_url: str = "") -> JobTarget:
    """A job to run. Raises: Invalid: it has no id or token."""
    if not job_id or not access_token:
        raise Invalid("A job_spec needs job_id and access_token.")
    return JobTarget(
        job_id=parse_text("job_id", job_id, at_most=200),
        access_token=_header("access_token", access_token),
        workspace_url=parse_text("workspace_url", workspace_url, at_most=_URL_MAX),
    )


def _header(kind: str, text: str) -> str:
    """What can stand in a header: nothing that would end it. The text itself is in no message: it is a secret."""
    if not text.isascii() or not text.isprintable():
        raise Invalid(f"The {kind} holds others than printable ASCII characters.")
    return _sealed(kind, text)


def _sealed(kind: str, text: str) -> str:
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise Invalid(f"The {kind} cannot be written in UTF-8.") from None
    if size > _SECRET_MAX:
        raise Invalid(f"The {kind} is longer than {_SECRET_MAX:,} bytes.")
    return text

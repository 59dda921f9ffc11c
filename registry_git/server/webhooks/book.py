"""Where webhooks are kept: a file of the server, beside its accounts, for its owner alone. No secret goes into Git."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from registry_git.core.announcements import Event
from registry_git.core.errors import Invalid, NotFound
from registry_git.core.names import Actor
from registry_git.core.times import Timestamp
from registry_git.server.private_file import PrivateFile
from registry_git.server.webhooks.hook import HttpTarget, JobTarget, Status, Webhook

_FORMAT = 1
_MOST = 1_000  # of one registry
Webhooks = tuple[Webhook, ...]


def default_directory(accounts: Path, repository: Path) -> Path:
    """Where a server keeps the webhooks of a registry: beside the accounts, under the repository's name and path."""
    place = repository.resolve()
    return accounts.parent / "webhooks" / f"{place.name}-{sha256(str(place).encode()).hexdigest()[:12]}"


class Book:
    """The webhooks of one registry, oldest first. Safe to share between threads and processes."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._file: PrivateFile[Webhooks] = PrivateFile(
            directory / "webhooks.json", what="file of webhooks", absent=(), parse=_parsed, write=_written
        )

    def webhooks(self) -> Webhooks:
        """All of them. Raises: Corrupt, Unavailable."""
        return self._file.value()

    def webhook(self, id: str) -> Webhook:
        """One of them. Raises: NotFound, Corrupt, Unavailable."""
        return _found(self.webhooks(), id)

    def add(self, webhook: Webhook) -> None:
        """One more. Raises: Invalid: there are too many; Corrupt, Unavailable."""

        def change(webhooks: Webhooks) -> Webhooks:
            if len(webhooks) >= _MOST:
                raise Invalid(f"There are {_MOST:,} webhooks.", hint="Delete those that nobody needs.")
            return (*webhooks, webhook)

        self._file.change(change)

    def change(self, id: str, change: Callable[[Webhook], Webhook]) -> Webhook:
        """Replaces one by what `change` makes of it, and gives that. Raises: NotFound, Corrupt, Unavailable."""
        made: list[Webhook] = []

        def changed(webhooks: Webhooks) -> Webhooks:
            made.append(change(_found(webhooks, id)))
            return tuple(made[-1] if one.id == id else one for one in webhooks)

        self._file.change(changed)
        return made[-1]

    def remove(self, id: str) -> None:
        """Removes one. Raises: NotFound, Corrupt, Unavailable."""

        def change(webhooks: Webhooks) -> Webhooks:
            _found(webhooks, id)
            return tuple(one for one in webhooks if one.id != id)

        self._file.change(change)


def _found(webhooks: Webhooks, id: str) -> Webhook:
    for one in webhooks:
        if one.id == id:
            return one
    raise NotFound("There is no such webhook.", hint="List them at registry-webhooks/list.")


def _written(webhooks: Webhooks) -> str:
    value = {"format": _FORMAT, "webhooks": [_fields(one) for one in webhooks]}
    return json.dumps(value, indent=2) + "\n"


def _fields(one: Webhook) -> dict[str, Any]:
    target = one.target
    if isinstance(target, HttpTarget):
        kept: dict[str, Any] = {
            "http": {
                "url": target.url,
                "secret": target.secret,
                "authorization": target.authorization,
                "verify": target.verify,
            }
        }
    else:
        kept = {
            "job": {
                "job_id": target.job_id,
                "access_token": target.access_token,
                "workspace_url": target.workspace_url,
            }
        }
    return {
        "id": one.id,
        "events": [event.value for event in one.events],
        "model_name": one.model_name,
        "description": one.description,
        "status": one.status.value,
        "created": int(one.created),
        "updated": int(one.updated),
        "place": one.place,
        "by": one.by or "",
        "model_id": one.model_id,
        **({"status_message": one.status_message} if one.status_message else {}),
        **kept,
    }


def _parsed(text: str) -> Webhooks:
    data = json.loads(text)
    if data["format"] != _FORMAT:
        raise ValueError(f"its format is {data['format']}")
    return tuple(_webhook(dict(one)) for one in data["webhooks"])


def _webhook(fields: dict[str, Any]) -> Webhook:
    http, job = fields.pop("http", None), fields.pop("job", None)
    return Webhook(
        **{
            **fields,
            "events": tuple(map(Event, fields["events"])),
            "status": Status(fields["status"]),
            "created": Timestamp.of(fields["created"]),
            "updated": Timestamp.of(fields["updated"]),
            "by": Actor.parse(fields["by"]) if fields.get("by") else None,
            "target": HttpTarget(**http) if http else JobTarget(**job),
        }
    )

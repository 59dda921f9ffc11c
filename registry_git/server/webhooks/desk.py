"""The webhooks of one server: kept, changed, tried, and told of what happens."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from registry_git.core.announcements import Announcement, Event
from registry_git.core.errors import Invalid, RegistryError
from registry_git.core.names import ModelName
from registry_git.core.times import Timestamp
from registry_git.gitstore.store import Store
from registry_git.server.metrics import Metrics
from registry_git.server.webhooks.book import Book, default_directory
from registry_git.server.webhooks.delivering import Deliverer
from registry_git.server.webhooks.hook import Status, Webhook, parse_events
from registry_git.server.webhooks.outbox import Outbox
from registry_git.server.webhooks.payload import payload
from registry_git.server.webhooks.settings import WebhookSettings

if TYPE_CHECKING:
    from registry_git.server.webhooks.sending import Outcome, Sender

OpenStore = Callable[[], AbstractContextManager[Store]]


class Desk:
    """Takes orders about webhooks. Safe to share between threads."""

    def __init__(
        self,
        settings: WebhookSettings,
        *,
        beside: Path,
        repository: Path,
        store: OpenStore,
        state: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        """`beside` is the file of accounts, `store` lends a store, `state` changes when anything has happened."""
        self.book = Book(settings.directory or default_directory(beside, repository))
        self._store = store
        self._outbox = Outbox(self.book.directory / "places")
        self._settings = settings
        self._deliverer = Deliverer(
            self.book, self._outbox, lambda: self._sender, settings=settings, store=store, state=state, metrics=metrics
        )

    @cached_property
    def _sender(self) -> Sender:
        """Made when there is a webhook: most servers have none, and need not wait for what sends to be imported."""
        from registry_git.server.webhooks.addresses import Fence
        from registry_git.server.webhooks.sending import Sender

        settings = self._settings
        return Sender(Fence(settings.allowed), runner=settings.runner, seconds=settings.call_seconds)

    def wake(self) -> None:
        """Says that something may have happened; where there is no webhook, nobody has to know."""
        with suppress(RegistryError):  # the deliverer says what is wrong with the file
            if not self.book.webhooks():
                return
        self._deliverer.wake()

    def close(self) -> None:
        """Ends the calls that are under way; what waits is delivered by the next server."""
        self._deliverer.close()

    def add(self, webhook: Webhook) -> Webhook:
        """Keeps a new webhook; an active one is told of what happens from now on. Raises: Invalid, Unavailable."""
        webhook = self._ready(webhook, before=None)
        self.book.add(webhook)
        self._deliverer.wake()
        return webhook

    def change(self, id: str, change: Callable[[Webhook], Webhook]) -> Webhook:
        """Keeps what `change` makes of a webhook. What waits for one that is no longer active is forgotten.

        Raises:
            NotFound, Invalid, Unavailable.
        """
        before: list[Webhook] = []

        def changed(one: Webhook) -> Webhook:
            before.append(one)
            return self._ready(change(one), before=one)

        after = self.book.change(id, changed)
        self._forget(before[-1], after)
        self._deliverer.wake()
        return after

    def remove(self, id: str) -> None:
        """Forgets a webhook and what waits for it. Raises: NotFound, Unavailable."""
        webhook = self.book.webhook(id)
        self.book.remove(id)
        self._forget(webhook, None)
        self._deliverer.wake()

    def test(self, webhook: Webhook, event: Event | None, at: Timestamp) -> Outcome:
        """Delivers an event that is made up. Raises: Invalid: it is disabled, or does not answer."""
        if webhook.status is Status.DISABLED:
            raise Invalid("The webhook is disabled.", hint="Set its status to TEST_MODE or ACTIVE.")
        chosen = event or webhook.events[0]
        told = payload(webhook, chosen, _made_up(webhook, chosen, at))
        outcome = self._sender.send(webhook, told, f"test.{secrets.token_hex(8)}")
        if not outcome.status:
            raise Invalid(f"The receiver gave no answer: {outcome}.")
        return outcome

    def _ready(self, webhook: Webhook, *, before: Webhook | None) -> Webhook:
        parse_events([event.value for event in webhook.events], webhook.model_name)
        if webhook.status is not Status.DISABLED:
            self._sender.require(webhook)
        if webhook.status is not Status.ACTIVE:
            return replace(webhook, place="")
        if before is not None and before.status is Status.ACTIVE:
            return webhook
        webhook = replace(webhook, place=secrets.token_hex(8))
        with self._store() as store:
            self._outbox.begin(store, webhook)
        return webhook

    def _forget(self, before: Webhook, after: Webhook | None) -> None:
        if before.place and (after is None or after.place != before.place):
            self._outbox.place(before).forget()


def _made_up(webhook: Webhook, event: Event, at: Timestamp) -> Announcement:
    """An event of a version that need not exist."""
    name = event.value
    stages = ("Staging", "Production", "Archived")
    target = next((stage for stage in stages if f"_TO_{stage.upper()}" in name), "Staging")
    moves = "TRANSITION" in name
    return Announcement(
        key="",
        events=(event,),
        model=ModelName(webhook.model_name or "test-model"),
        version=None if event is Event.REGISTERED_MODEL_CREATED else 1,
        at=at,
        text=f"This is a test of the webhook {webhook.id}; nothing has happened.",
        from_stage="None" if moves else "",
        to_stage=target if moves else "",
        tags=(("test", "true"),) if event is Event.MODEL_VERSION_TAG_SET else (),
        comment="A test." if event is Event.COMMENT_CREATED else "",
    )

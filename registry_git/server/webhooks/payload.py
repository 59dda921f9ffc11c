"""What a webhook is sent."""

from __future__ import annotations

from registry_git.core.announcements import Announcement, Event
from registry_git.server.webhooks.hook import Webhook


def payload(webhook: Webhook, event: Event, one: Announcement) -> dict[str, object]:
    """What Databricks sends for an event; nothing that only who may read the registry should know."""
    told: dict[str, object] = {
        "event": event.value,
        "webhook_id": webhook.id,
        "event_timestamp": int(one.at),
        "model_name": one.model,
        "text": one.text,
    }
    if one.version is not None:
        told["version"] = str(one.version)
    if one.to_stage:
        told |= {"to_stage": one.to_stage, "from_stage": one.from_stage}
    if one.tags:
        told["tags"] = [{"key": key, "value": value} for key, value in one.tags]
    if one.comment:
        told["comment"] = one.comment
    return told

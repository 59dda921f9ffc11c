"""Databricks' endpoints for registry webhooks."""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import replace

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from registry_git.app import now
from registry_git.core.errors import Invalid, NotFound
from registry_git.core.names import ModelName
from registry_git.core.search import decode_token, encode_token
from registry_git.server.call import Answer, Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.permissions import MLFLOW_MOUNTS
from registry_git.server.webhooks.hook import (
    HttpTarget,
    JobTarget,
    Status,
    Webhook,
    http_target,
    job_target,
    parse_description,
    parse_event,
    parse_events,
    parse_model,
    parse_status,
)
from registry_git.server.webhooks.managing import may_manage, require_managing

webhooks = Endpoints(MLFLOW_MOUNTS, tag="Webhooks")
_PAGE, _PAGE_MAX = 1_000, 10_000
Json = dict[str, object]


class _Asked(BaseModel):
    model_config = ConfigDict(coerce_numbers_to_str=True)


class HttpUrlSpec(_Asked):
    """Where to send what happens."""

    url: str = Field(description="Called by POST; no redirect is followed.")
    secret: str | None = Field(None, description="Signs the body: X-Databricks-Signature. Never shown.")
    authorization: str | None = Field(None, description="The header Authorization that is sent. Never shown.")
    enable_ssl_verification: StrictBool | None = Field(None, description="Whether its certificate is checked: true.")


class JobSpec(_Asked):
    """A job to run, by the runner that the server is configured with."""

    job_id: str = Field(description="The job's id.")
    access_token: str = Field(description="The bearer token that the runner is sent. Never shown.")
    workspace_url: str | None = Field(None, description="Where the job is.")


class _Spec(_Asked):
    description: str | None = Field(None, description="What it is for.")
    status: str | None = Field(None, description="ACTIVE, DISABLED or TEST_MODE.")
    http_url_spec: HttpUrlSpec | None = Field(None, description="This, or a job_spec; an earlier one is replaced.")
    job_spec: JobSpec | None = Field(None, description="This, or an http_url_spec; an earlier one is replaced.")

    def target(self) -> HttpTarget | JobTarget | None:
        """Who is to be called; None where that is not said. Raises: Invalid."""
        if self.http_url_spec is not None and self.job_spec is not None:
            raise Invalid("A webhook has an http_url_spec or a job_spec, not both.")
        if self.http_url_spec is not None:
            spec = self.http_url_spec
            return http_target(
                url=spec.url,
                secret=spec.secret or "",
                authorization=spec.authorization or "",
                verify=spec.enable_ssl_verification is not False,
            )
        if self.job_spec is None:
            return None
        job = self.job_spec
        return job_target(job_id=job.job_id, access_token=job.access_token, workspace_url=job.workspace_url or "")


class CreateWebhook(_Spec):
    """A new webhook."""

    events: list[str] = Field(description="What it is told of.")
    model_name: str | None = Field(None, description="One model; without it all.")


class UpdateWebhook(_Spec):
    """What is to be different; what is left out stays."""

    id: str = Field(description="The webhook.")
    events: list[str] | None = Field(None, description="All that it is told of from now on.")


class ListWebhooks(_Asked):
    """Which webhooks to list."""

    model_name: str | None = Field(None, description="Those of one model.")
    events: list[str] | None = Field(None, description="Those that are told of any of these; may be repeated.")
    max_results: int | None = Field(None, ge=1, le=_PAGE_MAX, description="How many at most on one page: 1,000.")
    page_token: str | None = Field(None, description="The page, from `next_page_token` of the one before.")


class TestWebhook(_Asked):
    """A webhook to try."""

    id: str = Field(description="The webhook.")
    event: str | None = Field(None, description="The event to make up; by default its first.")


class DeleteWebhook(_Asked):
    """A webhook to delete."""

    id: str = Field(description="The webhook.")


@webhooks.add("POST", "/registry-webhooks/create", takes=CreateWebhook, versioned=False)
def create_webhook(call: Call, asked: CreateWebhook) -> Json:
    """Adds a webhook, which is told of what happens from now on."""
    model, target = parse_model(asked.model_name), asked.target()
    _require(call, model)
    model_id = call.registry.snapshot().model(ModelName(model)).id if model else ""
    if target is None:
        raise Invalid("A webhook needs an http_url_spec or a job_spec.")
    at = now()
    webhook = Webhook(
        id=secrets.token_hex(16),
        events=parse_events(asked.events, model),
        model_name=model,
        description=parse_description(asked.description or ""),
        status=parse_status(asked.status or "ACTIVE"),
        target=target,
        created=at,
        updated=at,
        by=call.actor,
        model_id=model_id,
    )
    return {"webhook": call.service.webhooks.add(webhook).shown()}


@webhooks.add("PATCH", "/registry-webhooks/update", takes=UpdateWebhook, versioned=False)
def update_webhook(call: Call, asked: UpdateWebhook) -> Json:
    """Changes a webhook. One that is made active begins with what happens from now on."""
    target = asked.target()
    _managed(call, asked.id)

    def change(one: Webhook) -> Webhook:
        one = _named_now(call, one)
        return replace(
            one,
            events=parse_events(asked.events, one.model_name) if asked.events else one.events,
            description=one.description if asked.description is None else parse_description(asked.description),
            status=parse_status(asked.status) if asked.status else one.status,
            status_message="" if asked.status else one.status_message,
            target=target or one.target,
            updated=now(),
            by=call.actor,
        )

    return {"webhook": call.service.webhooks.change(asked.id, change).shown()}


@webhooks.add("GET", "/registry-webhooks/list", takes=ListWebhooks, versioned=False)
def list_webhooks(call: Call, asked: ListWebhooks) -> Json:
    """The webhooks that the caller may manage, oldest first."""
    model, wanted = parse_model(asked.model_name), {parse_event(name) for name in asked.events or ()}
    if model:
        _require(call, model)
    policy = call.registry.policy()
    found = [
        one
        for one in (_named_now(call, webhook) for webhook in call.service.webhooks.book.webhooks())
        if (not model or one.model_name == model)
        and (not wanted or wanted & set(one.events))
        and may_manage(policy, call.actor, one.model_name)
    ]
    begin, size = decode_token(asked.page_token or ""), asked.max_results or _PAGE
    told: Json = {"webhooks": [one.shown() for one in found[begin : begin + size]]}
    if len(found) > begin + size:
        told["next_page_token"] = encode_token(begin + size)
    return told


@webhooks.add("POST", "/registry-webhooks/test", takes=TestWebhook, versioned=False)
def test_webhook(call: Call, asked: TestWebhook) -> Json:
    """Sends a webhook an event that is made up, and says what its receiver answered."""
    event = parse_event(asked.event) if asked.event else None
    outcome = call.service.webhooks.test(_managed(call, asked.id), event, now())
    return {"status_code": outcome.status, "body": outcome.body}


@webhooks.add("DELETE", "/registry-webhooks/delete", takes=DeleteWebhook, versioned=False)
def delete_webhook(call: Call, asked: DeleteWebhook) -> Answer:
    """Deletes a webhook; what waits for it is not sent any more."""
    _managed(call, asked.id)
    call.service.webhooks.remove(asked.id)
    return Answer(content={})


def _managed(call: Call, id: str) -> Webhook:
    """The webhook, if the caller may manage it. Raises: NotFound, PermissionDenied."""
    webhook = _named_now(call, call.service.webhooks.book.webhook(id))
    _require(call, webhook.model_name)
    return webhook


def _named_now(call: Call, webhook: Webhook) -> Webhook:
    """The webhook with its model's name of now: one that is told of nothing does not meet with renames."""
    if webhook.model_id and webhook.status is not Status.ACTIVE:
        with suppress(NotFound):
            return replace(webhook, model_name=call.registry.model_named(webhook.model_id))
    return webhook


def _require(call: Call, model: str) -> None:
    require_managing(call.registry.policy(), call.actor, model)

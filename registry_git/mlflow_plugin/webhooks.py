"""MLflow's webhooks: there are none here. Its server asks for them at every write, so nothing is an answer."""

from __future__ import annotations

from typing import Any, NoReturn

from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import NOT_IMPLEMENTED, RESOURCE_DOES_NOT_EXIST
from mlflow.store.entities.paged_list import PagedList
from mlflow.store.model_registry.abstract_store import AbstractStore


class NoWebhooks(AbstractStore):  # type: ignore[misc]
    """The part of a store that would keep webhooks."""

    def list_webhooks(self, max_results: int | None = None, page_token: str | None = None) -> PagedList:
        """An empty page."""
        return PagedList([], None)

    def list_webhooks_by_event(
        self, event: Any, max_results: int | None = None, page_token: str | None = None
    ) -> PagedList:
        """An empty page."""
        return PagedList([], None)

    def create_webhook(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refused. Raises: MlflowException with NOT_IMPLEMENTED."""
        raise MlflowException("A registry in a Git repository keeps no MLflow webhooks.", NOT_IMPLEMENTED)

    def get_webhook(self, webhook_id: str) -> NoReturn:
        """There is none. Raises: MlflowException with RESOURCE_DOES_NOT_EXIST."""
        raise _no_webhook(webhook_id)

    def update_webhook(self, webhook_id: str, *args: Any, **kwargs: Any) -> NoReturn:
        """There is none. Raises: MlflowException with RESOURCE_DOES_NOT_EXIST."""
        raise _no_webhook(webhook_id)

    def delete_webhook(self, webhook_id: str) -> NoReturn:
        """There is none. Raises: MlflowException with RESOURCE_DOES_NOT_EXIST."""
        raise _no_webhook(webhook_id)

    def test_webhook(self, webhook_id: str, event: Any = None) -> NoReturn:
        """There is none. Raises: MlflowException with RESOURCE_DOES_NOT_EXIST."""
        raise _no_webhook(webhook_id)


def _no_webhook(webhook_id: str) -> MlflowException:
    return MlflowException(f"Webhook with ID {webhook_id} not found.", RESOURCE_DOES_NOT_EXIST)

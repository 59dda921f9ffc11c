"""Models and versions in MLflow's words. Texts are empty where MLflow says None; times are in milliseconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


class MlflowVersion(NamedTuple):
    """A model version. `source` is what it was registered by; `last_updated_timestamp` None when it was not asked.

    A tuple, since lists have thousands of them.
    """

    name: str
    version: int
    creation_timestamp: int
    last_updated_timestamp: int | None
    description: str
    user_id: str
    current_stage: str
    source: str
    run_id: str
    run_link: str
    model_id: str
    status: str
    status_message: str
    tags: Mapping[str, str]
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowModel:
    """A registered model with the highest version of each stage, these without their aliases.

    `last_updated_timestamp` is as in `MlflowVersion`.
    """

    name: str
    creation_timestamp: int
    last_updated_timestamp: int | None
    description: str
    user_id: str
    latest_versions: tuple[MlflowVersion, ...]
    tags: Mapping[str, str]
    aliases: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class MlflowPage(Generic[T]):
    """One page of a search; `next_page_token` is empty when it is the last."""

    items: tuple[T, ...]
    next_page_token: str

"""Who acts, where MLflow is used: never nobody."""

from __future__ import annotations

import getpass
import logging
import os
import re
import socket

from registry_git.app import ACTOR_VARIABLE, find_actor
from registry_git.core.errors import Invalid
from registry_git.core.names import Actor
from registry_git.gitstore.repository import Repository

USERNAME_VARIABLE = "MLFLOW_TRACKING_USERNAME"
_LOG = logging.getLogger(__name__)
_UNFIT = re.compile(r"[^\w.@+-]+")


def find_mlflow_actor(repository: Repository | None) -> Actor:
    """`REGISTRY_GIT_ACTOR`, else git's user.name and user.email, else MLflow's user name, else the system's user.

    Jobs and servers that run models often have no git identity, and nobody there to give them one.

    Raises:
        Invalid: `REGISTRY_GIT_ACTOR` is set, and not as `Name <email>`.
    """
    try:
        return find_actor(None, repository)
    except Invalid:
        if os.environ.get(ACTOR_VARIABLE):
            raise
    name = _UNFIT.sub("-", os.environ.get(USERNAME_VARIABLE) or _system_user()).strip("-") or "unknown"
    email = name if re.fullmatch(r"[^@]+@[^@]+", name) else f"{name.replace('@', '-')}@{socket.gethostname()}"
    actor = Actor.parse(f"{email.partition('@')[0]} <{email}>")
    _LOG.info(
        "git has no user.name and user.email here, so changes are by %s; %s names another.", actor, ACTOR_VARIABLE
    )
    return actor


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())

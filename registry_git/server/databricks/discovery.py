"""What Databricks' clients look for before anything else."""

from __future__ import annotations

from pydantic import BaseModel

from registry_git.server.call import Call
from registry_git.server.endpoints import Endpoints
from registry_git.server.mlflow.answers import Json
from registry_git.server.permissions import ROOT_MOUNT

discovery = Endpoints(ROOT_MOUNT, tag="Databricks: discovery")


@discovery.add("GET", "/.well-known/databricks-config", versioned=False)
def databricks_config(call: Call, asked: BaseModel) -> Json:
    """Nothing: there is no account, no cloud, and nobody else to ask for tokens; what the client is told holds."""
    return {}

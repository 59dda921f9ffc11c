"""The protocols of others that the server speaks: their endpoints, each at all mount points of the protocol."""

from __future__ import annotations

from registry_git.server.databricks.access import access
from registry_git.server.databricks.comments import comments
from registry_git.server.databricks.discovery import discovery
from registry_git.server.databricks.requests import requests
from registry_git.server.databricks.versions import databricks
from registry_git.server.mlflow.models import models
from registry_git.server.mlflow.versions import versions

PROTOCOLS = (models, versions, databricks, requests, comments, access, discovery)

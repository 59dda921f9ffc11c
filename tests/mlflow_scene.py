"""What the tests of migration share: an MLflow registry with a bit of everything, and what one holds."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from registry_git.migration.holdings import PROMPT_TAG, PROMPTS

LONG = "y" * 60_000


def new_mlflow(uri: str) -> Any:
    """A client of the registry at `uri`, which is made if need be."""
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


@cache
def _empty() -> bytes:
    """A database without content. MLflow takes seconds to make one, by every migration that it ever had."""
    with TemporaryDirectory() as place:
        file = Path(place) / "mlflow.db"
        new_mlflow(f"sqlite:///{file}").search_registered_models()
        return file.read_bytes()


def sqlite_uri(place: Path) -> str:
    """The URI of the database in a directory, which is made when it is not there."""
    file = place / "mlflow.db"
    if not file.exists():
        file.write_bytes(_empty())
    return f"sqlite:///{file}"


def fill(client: Any, *, source: str = "s3://acme") -> None:
    """Models with gaps, stages, aliases, tags and descriptions; a prompt; names with spaces and of other scripts."""
    client.create_registered_model("fraud", tags={"team": "risk", "mlflow.note": "ü"}, description="finds fraud\n\nü")
    for number in range(1, 6):
        client.create_model_version(
            "fraud",
            f"{source}/fraud/{number}",
            run_id=f"run{number}" if number % 2 else None,
            tags={"auc": f"0.9{number}", "a b/c.d-e:f": "x"} if number != 3 else {},
            run_link=f"https://mlflow.acme.io/#/runs/{number}" if number == 1 else None,
            description=f"number {number}" if number != 4 else None,
        )
    client.delete_model_version("fraud", "2")
    client.delete_model_version("fraud", "5")
    client.transition_model_version_stage("fraud", "1", "Archived")
    client.transition_model_version_stage("fraud", "3", "Production")
    client.transition_model_version_stage("fraud", "4", "Staging")
    client.set_registered_model_alias("fraud", "champion", "3")
    client.set_registered_model_alias("fraud", "challenger", "4")
    client.create_registered_model("empty")
    for name in ("churn by month", "предсказание", "日本 @#"):
        client.create_registered_model(name)
        client.create_model_version(name, f"{source}/other/1", tags={"note": LONG if name == "churn by month" else ""})
    # as register_prompt does it, but that it also notes the prompt in the tracking store of the working directory
    client.create_registered_model("greeting", tags={"lang": "en"}, description="first")
    prompt = {"mlflow.prompt.text": "Hello {{name}}", "_mlflow_prompt_type": "text"}
    client.create_model_version("greeting", "dummy-source", tags=prompt, description="first")
    client.set_model_version_tag("greeting", "1", PROMPT_TAG, "true")
    client.set_registered_model_tag("greeting", PROMPT_TAG, "true")


def holds(client: Any) -> dict[str, Any]:
    """Everything in a registry that does not depend on when and where it was made."""
    found: dict[str, Any] = {}
    for kind in (None, PROMPTS):
        for model in client.search_registered_models(filter_string=kind, max_results=1000):
            aliases = {alias: int(number) for alias, number in dict(model.aliases).items()}
            found[model.name] = {"description": model.description or "", "tags": model.tags, "aliases": aliases}
        for version in client.search_model_versions(filter_string=kind, max_results=1000):
            found[version.name][int(version.version)] = {
                "source": version.source,
                "run_id": version.run_id or "",
                "run_link": version.run_link or "",
                "description": version.description or "",
                "tags": version.tags,
                "stage": version.current_stage,
                "status": version.status,
            }
    return found

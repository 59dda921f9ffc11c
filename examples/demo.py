"""From training to a prediction: what `make demo` runs.

Two classifiers are trained and registered; Alice asks for Production, Bob decides; what is in Production is resolved,
downloaded, verified and used. Everything stays in ./demo/ (or `--into DIRECTORY`) to be looked at.
"""

from __future__ import annotations

import argparse
import pickle
import shlex
import shutil
import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import train_models

import registry_git

ROOT = Path(__file__).resolve().parent.parent
MARKER = ".made-by-registry-git-demo"
MODEL = "breast-cancer"
PRODUCTION = f"models:/{MODEL}/Production"
ALICE = "Alice <alice@acme.io>"
BOB = "Bob <bob@acme.io>"
LEADS = ["alice@acme.io", "bob@acme.io"]


def main() -> None:
    """Run the whole story once, anew."""
    parser = argparse.ArgumentParser(description="Train, register, request, approve, resolve, predict.")
    parser.add_argument("--into", type=Path, default=ROOT / "demo", metavar="DIRECTORY", help="default: ./demo")
    place = start_anew(parser.parse_args().into)
    path = place / "registry.git"

    heading("Alice trains two classifiers and saves them as MLflow writes models")
    data = train_models.load()
    models = train_models.train(data)
    for trained in models:
        train_models.save(trained, data, place / "models" / trained.name)
        print(f"{trained.name:<20}  " + "  ".join(f"{key} {value:.4f}" for key, value in trained.metrics.items()))

    heading("She opens a registry in which Production needs the approval of another lead")
    alice = registry_git.init(
        str(path), name="acme-models", protect=["Production"], roles={"ml-leads": LEADS}, actor=ALICE
    )
    print(f"a bare Git repository: {shown(path)}")

    heading("She registers both as versions of one model")
    code = commit_of_the_code()
    for trained in models:
        version = alice.register(
            MODEL,
            source=str(place / "models" / trained.name),
            description=trained.description,
            tags={key: str(value) for key, value in trained.metrics.items()},
            lineage=registry_git.Lineage(
                run_id=trained.run_id,
                run_name=trained.name,
                experiment_name=train_models.EXPERIMENT,
                git_commit=code,
                datasets=(registry_git.Dataset(name=train_models.DATASET, digest=data.digest),),
            ),
        )
        print(f"version {version.version}  {trained.name:<20}  {version.digest[:19]}…  commit {version.commit[:8]}")

    heading("She asks for Production, twice; Bob says no and yes")
    bob = registry_git.open(str(path), actor=BOB)
    weak = alice.request_stage(MODEL, 1, "Production", comment="Simple, and each decision can be explained.")
    print(f"request {weak.id}: version 1 to Production")
    auc = {number: trained.metrics["auc"] for number, trained in enumerate(models, start=1)}
    bob.reject(weak.id, comment=f"An AUC of {auc[1]} misses too many; version 2 has {auc[2]}.")
    print("    rejected by Bob")
    strong = alice.request_stage(MODEL, 2, "Production", comment=f"AUC {auc[2]} on rows that it never saw.")
    print(f"request {strong.id}: version 2 to Production")
    own = alice.approve(strong.id)
    counted = f"{own.decision.given} of {own.decision.needed} approvals"
    print(f"    Alice approves it herself: recorded, not counted ({counted}, {own.state})")
    bob.approve(strong.id, comment="Checked on the test rows. Go.")
    print("    approved by Bob: a merge commit on main")

    heading(f"A job asks for {PRODUCTION}")
    job = registry_git.open(str(path), actor="Scoring job <scoring@acme.io>")
    resolution = job.resolve(PRODUCTION)
    print(f"version {resolution.version}, {shown(Path(resolution.source))}")
    # A pickle runs code when it is loaded, so the bytes come first: `download` refuses any but those registered.
    served = place / "served"
    job.download(PRODUCTION, str(served))
    print(f"downloaded and verified: {resolution.digest}")
    classifier = pickle.loads((served / "model.pkl").read_bytes())
    for row, label in zip(data.test[:5], data.test_labels[:5], strict=True):
        likely = classifier.predict_proba([row])[0]
        said = data.label_names[likely.argmax()]
        print(f"    predicted {said:<9} ({likely.max():6.1%})   diagnosed {data.label_names[label]}")

    heading("What happened, from the history of the repository")
    for activity in job.activity(MODEL):
        print(told(activity))

    heading("Try next")
    command, where = shlex.quote(shown(Path(sys.executable).parent / "registry-git")), shlex.quote(shown(path))
    for arguments in (
        f"show {MODEL}/Production",
        f"activity {MODEL}",
        f"diff {MODEL}/1 {MODEL}/2",
        f"resolve {PRODUCTION} --output env",
        f"request show {strong.id}",
    ):
        print(f"{command} -R {where} {arguments}")
    print(f"git -C {where} log --graph --oneline main")


def start_anew(place: Path) -> Path:
    """An empty directory at `place`; one that an earlier run of this program made is removed first."""
    place = place.absolute()
    if (place / MARKER).is_file():
        shutil.rmtree(place)
    elif place.exists() or place.is_symlink():
        sys.exit(f"{place} was not made by this program. Move it away, or name another directory with --into.")
    place.mkdir(parents=True)
    (place / MARKER).write_text("The next run of the demo removes this directory.\n")
    return place


def commit_of_the_code() -> str:
    """The commit of this checkout, for the lineage; empty where it is not one."""
    head = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--verify", "HEAD"], capture_output=True, text=True)
    return head.stdout.strip() if head.returncode == 0 else ""


def told(activity: registry_git.Activity) -> str:
    """One activity as one line."""
    when = datetime.fromtimestamp(activity.creation_timestamp / 1000, timezone.utc)
    stages = f" {activity.from_stage or 'None'} → {activity.to_stage}" if activity.to_stage else ""
    version = f" v{activity.version}" if activity.version else ""
    comment = f'  "{activity.comment}"' if activity.comment else ""
    who = activity.user_id.partition(" <")[0]
    return f"{when:%H:%M:%S} {activity.commit[:8]} {who:<6} {activity.activity_type}{version}{stages}{comment}"


def shown(path: Path) -> str:
    """`path` relative to the current directory where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def heading(text: str) -> None:
    """Print what comes next."""
    print(f"\n── {text}")


if __name__ == "__main__":
    main()

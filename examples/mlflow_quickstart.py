"""MLflow on a registry in Git: train, log, ask for Production, approve, load, predict.

    python examples/mlflow_quickstart.py [DIRECTORY]

Everything is made in DIRECTORY, by default ./mlflow-quickstart. It takes `pip install 'registry-git[mlflow]'
scikit-learn mlflow`. The one line that MLflow's users change is `mlflow.set_registry_uri`.
"""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import registry_git

warnings.simplefilter("ignore", FutureWarning)  # MLflow says at every call that its stages are deprecated

place = Path(sys.argv[1] if len(sys.argv) > 1 else "mlflow-quickstart").absolute()
registry = place / "registry.git"
place.mkdir(parents=True, exist_ok=True)

# Once, by whoever runs the platform: a registry in which Production takes the approval of Bob.
if not registry.exists():
    registry_git.init(registry, protect=["Production"], roles={"ml-leads": ["bob@acme.io"]}, actor="Ops <ops@acme.io>")

# The data scientist, Alice (else whom git knows): runs stay where they are, models go to Git.
os.environ.setdefault("REGISTRY_GIT_ACTOR", "Alice <alice@acme.io>")
mlflow.set_tracking_uri(f"sqlite:///{place}/mlflow.db")
mlflow.set_registry_uri(f"git+file://{registry}")
if mlflow.get_experiment_by_name("breast-cancer") is None:
    mlflow.create_experiment("breast-cancer", artifact_location=(place / "artifacts").as_uri())
mlflow.set_experiment("breast-cancer")

features, label = load_breast_cancer(return_X_y=True)
train_x, test_x, train_y, test_y = train_test_split(features, label, random_state=7)
with mlflow.start_run(run_name="logistic-regression"):
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train_x, train_y)
    auc = roc_auc_score(test_y, model.predict_proba(test_x)[:, 1])
    mlflow.log_metric("auc", auc)
    mlflow.sklearn.log_model(
        model,
        name="model",
        signature=mlflow.models.infer_signature(train_x, train_y),
        pip_requirements=["scikit-learn"],
        registered_model_name="breast-cancer",
    )

client = MlflowClient()
version = client.get_latest_versions("breast-cancer", ["None"])[0].version
client.set_model_version_tag("breast-cancer", version, "auc", f"{auc:.4f}")
print(f"registered v{version} with an AUC of {auc:.4f}")

# Production takes an approval, so MLflow's own call is refused, and says what to do.
try:
    client.transition_model_version_stage("breast-cancer", version, "Production")
except MlflowException as refused:
    print(f"refused with {refused.error_code}: {refused.message}")

# She asks; Bob approves. The approval is a merge commit, and nothing else changes what Production is.
alice = registry_git.open(registry)
request = alice.request_stage("breast-cancer", version, "Production", comment=f"AUC {auc:.4f} on unseen rows")
bob = registry_git.open(registry, actor="Bob <bob@acme.io>")
bob.approve(request.id, comment="Looks right.")

# Whoever serves it: the URI that MLflow's users know.
served = mlflow.sklearn.load_model("models:/breast-cancer/Production")
predicted = served.predict(test_x[:5]).tolist()
print(f"models:/breast-cancer/Production predicts {predicted} for {test_y[:5].tolist()}")
for activity in alice.activity("breast-cancer"):
    print(f"{activity.user_id.partition(' <')[0]:<8} {activity.activity_type:<24} {activity.comment}")

"""Train two classifiers on a data set that ships with scikit-learn and save them as MLflow writes models.

MLflow itself is not needed for that: a model is a directory with an `MLmodel` file, the pickled estimator and the
lists of what it needs. `mlflow.sklearn.load_model` and `mlflow.pyfunc.load_model` load what is written here.

    python examples/train_models.py DIRECTORY
"""

from __future__ import annotations

import hashlib
import json
import pickle
import platform
import sys
import uuid
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

import numpy
import sklearn
import yaml
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

DATASET = "breast-cancer-wisconsin"
EXPERIMENT = "breast-cancer-screening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """The measurements and diagnoses, split once into what is learnt from and what is judged on."""

    train: numpy.ndarray
    train_labels: numpy.ndarray
    test: numpy.ndarray
    test_labels: numpy.ndarray
    label_names: tuple[str, ...]
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """A fitted classifier with its metrics on the test rows and the id of the run that made it."""

    name: str
    description: str
    estimator: ClassifierMixin
    metrics: dict[str, float]
    run_id: str


def load() -> Data:
    """569 tumours with 30 measurements each; a quarter of them is kept for the test. The split is always the same."""
    bunch = load_breast_cancer()
    digest = hashlib.sha256(bunch.data.tobytes() + bunch.target.tobytes()).hexdigest()[:16]
    train, test, train_labels, test_labels = train_test_split(
        bunch.data, bunch.target, test_size=0.25, random_state=7, stratify=bunch.target
    )
    return Data(
        train=train,
        train_labels=train_labels,
        test=test,
        test_labels=test_labels,
        label_names=tuple(map(str, bunch.target_names)),
        digest=digest,
    )


def train(data: Data) -> list[Trained]:
    """A weak classifier (one question) and a strong one, in this order."""
    return [
        _fit(
            "decision-stump",
            "Asks one question about one measurement.",
            DecisionTreeClassifier(max_depth=1, random_state=0),
            data,
        ),
        _fit(
            "logistic-regression",
            "Weighs all 30 measurements, standardised.",
            make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            data,
        ),
    ]


def _fit(name: str, description: str, estimator: ClassifierMixin, data: Data) -> Trained:
    estimator.fit(data.train, data.train_labels)
    predicted = estimator.predict(data.test)
    probabilities = estimator.predict_proba(data.test)
    metrics = {
        "auc": roc_auc_score(data.test_labels, probabilities[:, 1]),
        "accuracy": accuracy_score(data.test_labels, predicted),
        "f1": f1_score(data.test_labels, predicted),
        "log_loss": log_loss(data.test_labels, probabilities),
    }
    return Trained(
        name=name,
        description=description,
        estimator=estimator,
        metrics={key: round(float(value), 4) for key, value in metrics.items()},
        run_id=uuid.uuid4().hex,
    )


def save(trained: Trained, data: Data, directory: Path) -> Path:
    """Write the model as a directory in MLflow's format; the directory, which must not exist yet."""
    directory.mkdir(parents=True)
    pickled = pickle.dumps(trained.estimator, protocol=pickle.DEFAULT_PROTOCOL)
    (directory / "model.pkl").write_bytes(pickled)
    requirements = [f"scikit-learn=={sklearn.__version__}", f"numpy=={numpy.__version__}"]
    (directory / "requirements.txt").write_text("".join(f"{line}\n" for line in ["mlflow", *requirements]))
    python = platform.python_version()
    _write_yaml(
        directory / "python_env.yaml",
        {
            "python": python,
            "build_dependencies": ["pip", "setuptools", "wheel"],
            "dependencies": ["-r requirements.txt"],
        },
    )
    _write_yaml(
        directory / "conda.yaml",
        {
            "channels": ["conda-forge"],
            "dependencies": [f"python={python}", "pip", {"pip": ["mlflow", *requirements]}],
            "name": "mlflow-env",
        },
    )
    _write_yaml(
        directory / "MLmodel",
        {
            "flavors": {
                "python_function": {
                    "env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"},
                    "loader_module": "mlflow.sklearn",
                    "model_path": "model.pkl",
                    "predict_fn": "predict",
                    "python_version": python,
                },
                "sklearn": {
                    "code": None,
                    "pickled_model": "model.pkl",
                    "serialization_format": "pickle",
                    "sklearn_version": sklearn.__version__,
                },
            },
            "model_size_bytes": len(pickled),
            "model_uuid": uuid.uuid4().hex,
            "run_id": trained.run_id,
            "signature": _signature(data),
            "utc_time_created": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S.%f"),
        },
    )
    return directory


def _signature(data: Data) -> dict[str, str | None]:
    """The shapes of a call: any number of rows in, one label for each out."""
    rows = {"dtype": str(data.train.dtype), "shape": [-1, data.train.shape[1]]}
    labels = {"dtype": str(data.train_labels.dtype), "shape": [-1]}
    return {
        "inputs": json.dumps([{"type": "tensor", "tensor-spec": rows}]),
        "outputs": json.dumps([{"type": "tensor", "tensor-spec": labels}]),
        "params": None,
    }


def _write_yaml(path: Path, content: dict[str, object]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def main() -> None:
    """Train and save both models into the directory that the command line names."""
    if len(sys.argv) != 2:
        sys.exit("usage: python examples/train_models.py DIRECTORY")
    data = load()
    for trained in train(data):
        directory = save(trained, data, Path(sys.argv[1]) / trained.name)
        print(f"{directory}: {trained.metrics}")


if __name__ == "__main__":
    main()

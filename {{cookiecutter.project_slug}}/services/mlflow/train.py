"""Train as `make train` does without MLflow, and log the run.

While it trains a run is active: `mlflow.log_metric("loss", loss, step=epoch)` in your code is part
of it.
"""

import contextlib
import json
import logging
import os
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import mlflow
import pandas as pd
import requests
from mlflow.exceptions import MlflowException, RestException
from mlflow.models import infer_signature
from packaging.requirements import Requirement

from {{ cookiecutter.package_name }} import features, model, predict, train
from {{ cookiecutter.package_name }}.files import ROOT, one_line_errors
from {{ cookiecutter.package_name }}.services import ServiceError, wait_for

HERE = Path(__file__).parent
EXPERIMENT = "{{ cookiecutter.project_slug }}"


def parameters(trained: model.Model, rows: pd.DataFrame) -> dict[str, object]:
    """Return what tells this run from others. Add your own."""
    known: dict[str, object] = {
        "framework": "{{ cookiecutter.framework }}",
        "rows": len(rows),
        "features": len(model.columns(trained)),
    }
{% if cookiecutter.framework == "pytorch" %}
    known["weights"] = sum(weights.numel() for weights in trained.parameters())
{% elif cookiecutter.framework == "tensorflow" %}
    known["weights"] = trained.count_params()
{% elif cookiecutter.framework == "jax" %}
    known["weights"] = sum(weights.size for weights in trained.weights)
{% elif cookiecutter.framework == "scikit-learn" %}
    settings = trained.get_params().items()
    known |= {name: each for name, each in settings if isinstance(each, str | int | float)}
{% endif %}
    return known


def requirements() -> list[str]:
    """List the packages that the model needs, in the versions that are here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"]
{% if cookiecutter.__network %}
    lines += project["optional-dependencies"][os.environ.get("ACCELERATOR", "cpu")]
{% endif %}
    needed = [Requirement(line) for line in lines]
    return [
        f"{each.name}=={version(each.name).partition('+')[0]}"
        for each in needed
        if each.marker is None or each.marker.evaluate()
    ]


def log() -> None:
    """Log what training wrote."""
    trained = model.load(model.FILE)
    columns = model.columns(trained)
    rows, test = pd.read_parquet(features.TRAIN)[columns], pd.read_parquet(features.TEST)[columns]
    mlflow.log_params(parameters(trained, rows))
    mlflow.log_metrics(json.loads(train.METRICS.read_text()))
    mlflow.log_artifacts(str(train.FIGURES), "figures")
    answers = predict.predict(test, trained)[["probability", "predicted"]]
    mlflow.pyfunc.log_model(
        name="model",
        python_model=str(HERE / "served.py"),
        artifacts={"file": str(model.FILE)},
        code_paths=[str(ROOT / "src" / "{{ cookiecutter.package_name }}")],
        signature=infer_signature(test, answers),
        input_example=test.head(3),
        pip_requirements=requirements(),
    )


@contextlib.contextmanager
def tolerant(outcome: str) -> Iterator[None]:
    """Go on without MLflow where it fails: to train takes longer than to log."""
    try:
        yield
    except RestException as error:
        print(f"note: this run was {outcome}. mlflow says: {error}", file=sys.stderr)
    except (ServiceError, requests.RequestException, MlflowException):
        print(
            f"note: mlflow does not answer, so this run was {outcome}."
            " Start it: make up SERVICE=mlflow.",
            file=sys.stderr,
        )


def begin() -> mlflow.ActiveRun | None:
    """Return a new run, or None where MLflow does not answer."""
    # A server that stops is noticed in seconds, not in minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    # What it would print is an address that holds in containers only.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # MLflow's makers are told nothing.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    mlflow.telemetry.set_telemetry_client()
    mlflow.set_tracking_uri("http://mlflow:5000")
    with tolerant("not logged"):
        wait_for("mlflow", 5000, seconds=2)
        mlflow.set_experiment(EXPERIMENT)
        return mlflow.start_run()
    return None


def main() -> str | None:
    """Train, and return the id of the run, or None where it was not logged, or in part."""
    run = begin()
    try:
        train.main()
    except BaseException:
        with tolerant("logged in part"):
            mlflow.end_run("FAILED")
        raise
    if run:
        with tolerant("logged in part"):
            log()
            mlflow.end_run()
            print(f"logged as {run.info.run_name} in the experiment {EXPERIMENT}")
            return run.info.run_id
        # A second try, at the end of the program, would fail as well.
        with contextlib.suppress(MlflowException):
            mlflow.end_run("FAILED")
    return None


if __name__ == "__main__":
    with one_line_errors():
        main()

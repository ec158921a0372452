"""Train as without MLflow, and log the run.

To log more, call MLflow in your own code: `mlflow.log_metric("loss", loss, step=epoch)`.
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

from {{ cookiecutter.package_name }} import features, model, predict, trace, train
from {{ cookiecutter.package_name }}.files import ROOT, exit_on_os_error

from services.access import ServiceError, wait_for

HERE = Path(__file__).parent
EXPERIMENT = "{{ cookiecutter.project_slug }}"
# Python 3.14 has another format for `except` with several types, so they have a name.
NO_ANSWER = (ServiceError, requests.RequestException, MlflowException)


def parameters(trained: model.Model, rows: pd.DataFrame) -> dict[str, object]:
    """Return the parameters that distinguish this run from others. Add your own."""
    known: dict[str, object] = {
        "framework": "{{ cookiecutter.framework }}",
        "rows": len(rows),
        "features": len(model.columns(trained)),
    }
{% include "frameworks/" ~ cookiecutter.framework ~ "/mlflow_parameters.py" ignore missing %}
    return known


def requirements() -> list[str]:
    """List the packages that the model needs, in the installed versions."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"]
{% if cookiecutter.__uses_gpu %}
    lines += project["optional-dependencies"][os.environ.get("ACCELERATOR", "cpu")]
{% endif %}
    needed = [Requirement(line) for line in lines]
    return [
        f"{each.name}=={version(each.name).partition('+')[0]}"
        for each in needed
        if each.marker is None or each.marker.evaluate()
    ]


def log() -> None:
    """Log the parameters, the metrics, the figures and the model that training wrote."""
    trained = model.load(model.FILE)
    columns = model.columns(trained)
    rows, test = pd.read_parquet(features.TRAIN)[columns], pd.read_parquet(features.TEST)[columns]
    mlflow.log_params(parameters(trained, rows))
    mlflow.set_tags(trace.flat(trace.read()))
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
    """Print a note and go on if MLflow fails, because training takes longer than logging."""
    try:
        yield
    except RestException as error:
        print(f"note: this run was {outcome}. MLflow answered: {error}", file=sys.stderr)
    except NO_ANSWER:
        print(
            f"note: mlflow does not answer, so this run was {outcome}."
            " Start it: make up SERVICE=mlflow.",
            file=sys.stderr,
        )


def begin() -> mlflow.ActiveRun | None:
    """Start a run and return it, or None if MLflow does not answer."""
    # Notice a stopped server in seconds, not minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    # MLflow would print a URL that works only in containers.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    logging.getLogger("mlflow").setLevel(logging.ERROR)
    # Send no telemetry to the developers of MLflow.
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    mlflow.telemetry.set_telemetry_client()
    mlflow.set_tracking_uri("http://mlflow:5000")
    with tolerant("not logged"):
        wait_for("mlflow", 5000, seconds=2)
        mlflow.set_experiment(EXPERIMENT)
        return mlflow.start_run()
    return None


def main() -> str | None:
    """Train, and return the run's ID, or None if logging failed or is incomplete."""
    run = begin()
    try:
        train.main()
    except BaseException:
        with tolerant("partly logged"):
            mlflow.end_run("FAILED")
        raise
    if run:
        with tolerant("partly logged"):
            log()
            mlflow.end_run()
            print(f"logged as {run.info.run_name} in the experiment {EXPERIMENT}")
            return run.info.run_id
        # Otherwise MLflow would try again, and fail, when the program ends.
        with contextlib.suppress(MlflowException):
            mlflow.end_run("FAILED")
    return None


if __name__ == "__main__":
    with exit_on_os_error():
        main()

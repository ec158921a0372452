"""Train, find the run in MLflow, and predict with the model that MLflow has stored."""

import json
import sys

import mlflow
import pandas as pd

from {{ cookiecutter.package_name }} import features, model, predict, train
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import wait_for
from services.mlflow import train as logged


def main() -> None:
    """Train, compare what MLflow has with what training wrote, and print the best runs."""
    wait_for("mlflow", 5000)
    run_id = logged.main()
    if run_id is None:
        sys.exit("error: the run was not logged. See: make logs SERVICE=mlflow.")

    run = mlflow.get_run(run_id)
    metrics = json.loads(train.METRICS.read_text())
    if run.data.metrics != metrics:
        sys.exit(f"error: MLflow has {run.data.metrics}, not {metrics}. Check train.log.")

    rows = pd.read_parquet(features.TEST).drop(columns=features.TARGET)
    stored = mlflow.pyfunc.load_model(f"runs:/{run_id}/model").predict(rows)
    local = predict.predict(rows, model.load(model.FILE))[["probability", "predicted"]]
    pd.testing.assert_frame_equal(stored, local)
    print(f"the model in MLflow predicts the same for {len(stored)} rows as the one in models/\n")

    best = mlflow.search_runs(
        experiment_names=[logged.EXPERIMENT], order_by=["metrics.roc_auc desc"], max_results=5
    )
    table = best[["status", "params.rows", "metrics.accuracy", "metrics.roc_auc"]]
    print(table.set_index(best["tags.mlflow.runName"]))


if __name__ == "__main__":
    with exit_on_os_error():
        main()

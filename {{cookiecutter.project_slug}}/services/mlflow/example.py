"""Train, find the run in MLflow, and let the model that MLflow kept predict."""

import json
import sys

import mlflow
import pandas as pd
import train as logged

from {{ cookiecutter.package_name }} import features, model, predict, train
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import wait_for


def main() -> None:
    """Make the round trip, and show it."""
    wait_for("mlflow", 5000)
    run_id = logged.main()
    if run_id is None:
        sys.exit("error: the run was not logged. Look at the server: make logs SERVICE=mlflow.")

    run = mlflow.get_run(run_id)
    measures = json.loads(train.METRICS.read_text())
    if run.data.metrics != measures:
        sys.exit(f"error: MLflow has {run.data.metrics}, not {measures}. Compare their code.")

    rows = pd.read_parquet(features.TEST).drop(columns=features.TARGET)
    kept = mlflow.pyfunc.load_model(f"runs:/{run_id}/model").predict(rows)
    mine = predict.predict(rows, model.load(model.FILE))[["probability", "predicted"]]
    pd.testing.assert_frame_equal(kept, mine)
    print(f"the model in MLflow predicts the same {len(kept)} rows as the one in models/\n")

    best = mlflow.search_runs(
        experiment_names=[logged.EXPERIMENT], order_by=["metrics.roc_auc desc"], max_results=5
    )
    table = best[["status", "params.rows", "metrics.accuracy", "metrics.roc_auc"]]
    print(table.set_index(best["tags.mlflow.runName"]))


if __name__ == "__main__":
    with one_line_errors():
        main()

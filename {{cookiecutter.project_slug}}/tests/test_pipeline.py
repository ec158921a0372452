"""The pipeline, on its own data and in a folder of its own."""

import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import data, evaluate, features, model


@pytest.fixture(scope="module")
def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    return features.split(features.clean(data.download()))


def test_clean_keeps_complete_rows_once():
    raw = pd.DataFrame(
        {"mean radius": [1.0, 1.0, None], "diagnosis": ["malignant", "malignant", "benign"]}
    )
    expected = pd.DataFrame({"mean_radius": [1.0], "malignant": [True]})
    pd.testing.assert_frame_equal(features.clean(raw), expected)


def test_split_shares_no_row_and_keeps_the_classes(parts):
    train, test = parts
    assert not set(train.index) & set(test.index)
    assert abs(train["malignant"].mean() - test["malignant"].mean()) < 0.01
    pd.testing.assert_frame_equal(test, features.split(features.clean(data.download()))[1])


def test_metrics_of_a_known_case():
    target = pd.Series([True, True, False, False], name="malignant")
    measures = evaluate.metrics(target, np.array([0.9, 0.4, 0.6, 0.1]))
    halves = dict.fromkeys(("accuracy", "precision", "recall"), 0.5)
    assert measures == {**halves, "roc_auc": 0.75, "rows": 4}


def test_model_beats_guessing_and_survives_a_file(parts, tmp_path):
    train, test = parts
    target = test["malignant"]
    trained = model.fit(train.drop(columns="malignant"), train["malignant"])
    scores = model.probability(trained, test)
    assert evaluate.metrics(target, scores)["roc_auc"] > 0.9

    model.save(trained, tmp_path / model.FILE.name)
    again = model.probability(model.load(tmp_path / model.FILE.name), test)
    np.testing.assert_allclose(again, scores)


def run(module: str, folder, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", f"{{ cookiecutter.package_name }}.{module}", *arguments],
        env={**os.environ, "PROJECT_ROOT": str(folder)},
        capture_output=True,
        text=True,
    )


def test_whole_pipeline(tmp_path):
    for module in ("data", "train", "predict"):
        done = run(module, tmp_path)
        assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "reports" / "metrics.json").read_text())["roc_auc"] > 0.9
    assert len(list((tmp_path / "reports" / "figures").glob("*.png"))) == 3
    predictions = pd.read_csv(tmp_path / "data" / "processed" / "predictions.csv")
    assert predictions["probability"].between(0, 1).all()

    # Raw data will do as well, but not a file without the columns.
    raw = tmp_path / "data" / "raw" / "tumours.csv"
    assert run("predict", tmp_path, "--input", raw).returncode == 0
    other = tmp_path / "other.csv"
    other.write_text("a,b\n1,2\n")
    assert "has no column" in run("predict", tmp_path, "--input", other).stderr


def test_predicting_without_a_model_says_what_to_do(tmp_path):
    done = run("predict", tmp_path)
    assert done.returncode != 0
    assert done.stderr.strip().endswith("Train it first: make train.")

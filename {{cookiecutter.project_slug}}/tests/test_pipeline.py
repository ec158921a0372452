"""The pipeline, with the sample data and in an empty folder."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from {{ cookiecutter.package_name }} import data, evaluate, features, model, predict, train
from {{ cookiecutter.package_name }}.files import ROOT


@pytest.fixture(scope="module")
def parts() -> tuple[pd.DataFrame, pd.DataFrame]:
    return features.split(features.clean(data.download()))


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty folder in which the pipeline reads and writes instead of the project's folder."""
    for module in (data, features, model, train, train.trace, predict):
        for name, value in list(vars(module).items()):
            if isinstance(value, Path):
                monkeypatch.setattr(module, name, tmp_path / value.relative_to(ROOT))
    return tmp_path


def test_clean_keeps_complete_rows_once():
    raw = pd.DataFrame(
        {"mean radius": [1.0, 1.0, None], "diagnosis": ["malignant", "malignant", "benign"]}
    )
    expected = pd.DataFrame({"mean_radius": [1.0], "malignant": [True]})
    pd.testing.assert_frame_equal(features.clean(raw), expected)


def test_split_shares_no_rows_and_keeps_the_classes(parts):
    train, test = parts
    assert not set(train.index) & set(test.index)
    assert abs(train[features.TARGET].mean() - test[features.TARGET].mean()) < 0.01
    pd.testing.assert_frame_equal(test, features.split(features.clean(data.download()))[1])


def test_metrics_of_a_known_case():
    target = pd.Series([True, True, False, False], name="malignant")
    measures = evaluate.metrics(target, np.array([0.9, 0.4, 0.6, 0.1]))
    halves = dict.fromkeys(("accuracy", "precision", "recall"), 0.5)
    assert measures == {**halves, "roc_auc": 0.75, "rows": 4}


def test_importance_has_error_bars_and_the_used_feature_first(monkeypatch):
    monkeypatch.setattr(evaluate, "probability", lambda _, rows: rows["used"].to_numpy())
    rows = pd.DataFrame({"ignored": np.zeros(50), "used": np.linspace(0, 1, 50)})
    lost = evaluate.permutation_importance(None, rows, rows["used"] > 0.5, repeats=3)
    assert list(lost.index) == ["used", "ignored"]
    assert lost.loc["used"].min() > 0 and not lost.loc["ignored"].any()
    (bars,) = evaluate.importance_chart(lost).axes[0].containers[1:]
    assert bars.errorbar.has_xerr


def test_model_beats_guessing_and_can_be_saved(parts, tmp_path):
    train, test = parts
    target = test[features.TARGET]
    trained = model.fit(train.drop(columns=features.TARGET), train[features.TARGET])
    scores = model.probability(trained, test)
    assert evaluate.metrics(target, scores)["roc_auc"] > 0.9

    model.save(trained, tmp_path / model.FILE.name)
    loaded = model.load(tmp_path / model.FILE.name)
    np.testing.assert_allclose(model.probability(loaded, test), scores)


def test_whole_pipeline(project):
    data.main()
    train.main()
    predict.main([])
    assert json.loads((project / "reports" / "metrics.json").read_text())["roc_auc"] > 0.9
    assert len(list((project / "reports" / "figures").glob("*.png"))) == 3
    predictions = pd.read_csv(project / "data" / "processed" / "predictions.csv")
    assert predictions["probability"].between(0, 1).all()


def test_trace_finds_what_has_changed(project, capsys, monkeypatch):
    train.main()
    first = train.METRICS.read_bytes()
    train.trace.main([])
    assert capsys.readouterr().out.endswith("\nNothing has changed since then.\n")
    data.RAW.unlink()
    monkeypatch.setenv("TRACE_COMMIT", "123")
    train.trace.main(["reports/metrics.json"])
    lines = capsys.readouterr().out.partition("Since then:\n")[2].splitlines()
    assert lines == ["  commit: now 123", "  data/raw/tumors.csv: it is gone"]
    train.main()
    assert train.METRICS.read_bytes() == first
    with pytest.raises(SystemExit, match="did not make other"):
        train.trace.main(["other"])


def test_predict_takes_raw_data_but_needs_the_columns(project):
    train.main()
    predict.main(["--input", str(data.RAW)])
    other = project / "other.csv"
    other.write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit, match="has no column"):
        predict.main(["--input", str(other)])


def test_predict_without_a_model_says_what_to_do(project):
    with pytest.raises(SystemExit, match="make train"):
        predict.main([])

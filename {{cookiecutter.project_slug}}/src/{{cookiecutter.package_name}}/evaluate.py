{% if cookiecutter.__scikit_learn %}
"""Measure how good a model is, in numbers and in figures."""
{% else %}
"""Measure how good a model is, in numbers and in figures.

The first functions have the names, arguments and results of those in scikit-learn.
"""
{% endif %}

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
{% if cookiecutter.__scikit_learn %}
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    precision_score,
    recall_score,
    roc_auc_score,
    roc_curve,
)
{% endif %}

from {{ cookiecutter.package_name }}.files import atomic_path
from {{ cookiecutter.package_name }}.model import Model, probability


{% if not cookiecutter.__scikit_learn %}
{% include "evaluate/metrics.py" %}


{% endif %}
def metrics(target: pd.Series, scores: np.ndarray) -> dict[str, float]:
    """Return the usual metrics, each from 0 to 1, and the number of rows.

    A score of 0.5 or more counts as true.
    """
    predicted = scores >= 0.5
    return {
        "accuracy": float(accuracy_score(target, predicted)),
        "precision": float(precision_score(target, predicted, zero_division=0)),
        "recall": float(recall_score(target, predicted)),
        "roc_auc": float(roc_auc_score(target, scores)),
        "rows": len(target),
    }


def permutation_importance(model: Model, features: pd.DataFrame, target: pd.Series) -> pd.Series:
    """Return the ROC AUC that the model loses if a feature is shuffled, the largest loss first."""
    random = np.random.default_rng(seed=0)
    baseline = roc_auc_score(target, probability(model, features))
    lost = {}
    for name in features:
        shuffled = features.assign(**{name: random.permutation(features[name])})
        lost[name] = baseline - roc_auc_score(target, probability(model, shuffled))
    return pd.Series(lost).sort_values(ascending=False)


def confusion_chart(target: pd.Series, scores: np.ndarray) -> Figure:
    """Draw the number of rows of each class by the class that the model predicts."""
    counts = confusion_matrix(target, scores >= 0.5, labels=[False, True])
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    for row, column in np.ndindex(2, 2):
        count = counts[row, column]
        color = "white" if count > counts.max() / 2 else "black"
        axes.text(column, row, count, ha="center", va="center", color=color, size=16)
    names = [f"not {target.name}", target.name]
    axes.set(xticks=[0, 1], xticklabels=names, xlabel="predicted", yticks=[0, 1], ylabel="actual")
    axes.set_yticklabels(names, rotation=90, va="center")
    axes.set_title("Confusion matrix")
    return figure


def roc_chart(target: pd.Series, scores: np.ndarray) -> Figure:
    """Draw the share of true cases found against the share of false alarms."""
    alarms, found, _ = roc_curve(target, scores)
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(alarms, found, label=f"model, area {roc_auc_score(target, scores):.3f}")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="guessing")
    axes.set(xlabel="false alarms", ylabel="true cases found", title="ROC curve")
    axes.legend(loc="lower right")
    return figure


def importance_chart(lost: pd.Series) -> Figure:
    """Draw the ten most important features, from the result of `permutation_importance`."""
    top = lost.head(10)[::-1]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.barh(top.index.str.replace("_", " "), top)
    axes.set(xlabel="area under the ROC curve lost if shuffled", title="What the model looks at")
    return figure


def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure to a file."""
    with atomic_path(file) as path:
        figure.savefig(path, dpi=150)

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
from cycler import cycler
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
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

from {{ cookiecutter.package_name }}.features import CLASSES, ROWS
from {{ cookiecutter.package_name }}.files import atomic_path
from {{ cookiecutter.package_name }}.model import Model, probability

# The style of all figures, for a slide. In a notebook: plt.style.use(evaluate.STYLE).
STYLE: dict = {
    # Colors that the color-blind can tell apart, by Okabe and Ito.
    "axes.prop_cycle": cycler(color=["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9"]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "errorbar.capsize": 4,
    "figure.constrained_layout.h_pad": 0.1,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.figsize": (8, 4.5),
    "font.size": 14,
    "lines.linewidth": 2.5,
    "lines.markersize": 10,
    "savefig.dpi": 200,
}


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


def permutation_importance(
    model: Model, features: pd.DataFrame, target: pd.Series, repeats: int = 10
) -> pd.DataFrame:
    """Return the ROC AUC that the model loses if a feature is shuffled.

    There is a row for each feature, the largest mean loss first, and a column for each shuffle.
    """
    random = np.random.default_rng(seed=0)
    baseline = roc_auc_score(target, probability(model, features))
    lost: dict[str, list[float]] = {}
    for name, values in features.items():
        # One call for all shuffles, since most libraries take longer for a call than for its rows.
        shuffled = [features.assign(**{name: random.permutation(values)}) for _ in range(repeats)]
        scores = np.split(probability(model, pd.concat(shuffled)), repeats)
        lost[str(name)] = [baseline - roc_auc_score(target, each) for each in scores]
    frame = pd.DataFrame.from_dict(lost, orient="index")
    return frame.loc[frame.mean(axis=1).sort_values(ascending=False).index]


@rc_context(STYLE)
def confusion_chart(target: pd.Series, scores: np.ndarray) -> Figure:
    """Draw the number and the share of rows of each class by the class that the model predicts."""
    counts = confusion_matrix(target, scores >= 0.5, labels=[False, True])
    shares = counts / counts.sum(axis=1, keepdims=True)
    false, true = CLASSES.values()
    figure = Figure()
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for row, column in np.ndindex(2, 2):
        share = shares[row, column]
        text = f"{counts[row, column]}\n{share:.0%}"
        color = "white" if share > 0.5 else "black"
        axes.text(column, row, text, ha="center", va="center", color=color, size="x-large")
    axes.set(xticks=[0, 1], xticklabels=[false, true], xlabel="predicted (% of the actual class)")
    axes.set(yticks=[0, 1], ylabel="actual")
    axes.set_yticklabels([false, true], rotation=90, va="center")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"{counts[1, 0]} of {counts[1].sum()} {true} {ROWS} missed")
    return figure


@rc_context(STYLE)
def roc_chart(target: pd.Series, scores: np.ndarray) -> Figure:
    """Draw the sensitivity against the false positive rate, for each threshold."""
    alarms, found, _ = roc_curve(target, scores)
    predicted = scores >= 0.5
    false, true = CLASSES.values()
    figure = Figure()
    axes = figure.subplots()
    axes.plot(alarms, found, label="model")
    axes.plot(predicted[~target].mean(), predicted[target].mean(), "o", label="threshold 0.5")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="chance")
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.set_xlabel(f"1 - specificity: {false} {ROWS} called {true}")
    axes.set_ylabel(f"sensitivity: {true} {ROWS} found")
    axes.set_title(f"ROC curve: AUC {roc_auc_score(target, scores):.3f}")
    axes.legend(loc="lower right")
    return figure


@rc_context(STYLE)
def importance_chart(lost: pd.DataFrame) -> Figure:
    """Draw the ten most important features, from the result of `permutation_importance`."""
    top = lost.head(10)[::-1]
    figure = Figure()
    axes = figure.subplots()
    names = top.index.str.replace("_", " ")
    axes.barh(names, top.mean(axis=1), xerr=top.std(axis=1), error_kw={"elinewidth": 1.5})
    axes.axvline(0, color="black", linewidth=1)
    axes.tick_params("y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(f"loss of AUC if shuffled (mean and SD of {top.shape[1]} shuffles)")
    axes.set_title("What the model relies on")
    return figure


@rc_context(STYLE)
def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure to a file."""
    with atomic_path(file) as path:
        figure.savefig(path)

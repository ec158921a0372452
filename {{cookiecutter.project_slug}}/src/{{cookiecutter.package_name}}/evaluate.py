"""How good a model is, in numbers and in pictures."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from {{ cookiecutter.package_name }}.files import replacing
from {{ cookiecutter.package_name }}.model import Model, probability


def auc(target: pd.Series, scores: np.ndarray) -> float:
    """Return the area under the ROC curve: how often a true case scores above a false one.

    It is the Mann-Whitney U statistic, as a share of all pairs.
    """
    true = target.to_numpy(dtype=bool)
    ranks = pd.Series(scores).rank().to_numpy()
    wins = ranks[true].sum() - true.sum() * (true.sum() + 1) / 2
    return float(wins / (true.sum() * (~true).sum()))


def metrics(target: pd.Series, scores: np.ndarray) -> dict[str, float]:
    """Return the usual measures, each from 0 to 1, where a score of 0.5 or more counts as true."""
    true, said = target.to_numpy(dtype=bool), scores >= 0.5
    hits = (true & said).sum()
    return {
        "accuracy": float((true == said).mean()),
        "precision": float(hits / said.sum()) if said.any() else 0.0,
        "recall": float(hits / true.sum()),
        "roc_auc": auc(target, scores),
        "rows": len(true),
    }


def importance(model: Model, features: pd.DataFrame, target: pd.Series) -> pd.Series:
    """Return how much ROC area is lost when a feature is shuffled, the largest loss first."""
    random = np.random.default_rng(seed=0)
    whole = auc(target, probability(model, features))
    lost = {}
    for name in features:
        shuffled = features.assign(**{name: random.permutation(features[name])})
        lost[name] = whole - auc(target, probability(model, shuffled))
    return pd.Series(lost).sort_values(ascending=False)


def confusion_matrix(target: pd.Series, scores: np.ndarray) -> Figure:
    """Draw how many of each class were taken for which."""
    classes = [False, True]
    counts = pd.crosstab(target, scores >= 0.5).reindex(
        index=classes, columns=classes, fill_value=0
    )
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    axes = figure.subplots()
    axes.imshow(counts, cmap="Blues")
    for row, column in np.ndindex(2, 2):
        count = counts.iloc[row, column]
        colour = "white" if count > counts.to_numpy().max() / 2 else "black"
        axes.text(column, row, count, ha="center", va="center", color=colour, size=16)
    names = [f"not {target.name}", target.name]
    axes.set(xticks=[0, 1], xticklabels=names, xlabel="predicted", yticks=[0, 1], ylabel="actual")
    axes.set_yticklabels(names, rotation=90, va="center")
    axes.set_title("Confusion matrix")
    return figure


def roc_curve(target: pd.Series, scores: np.ndarray) -> Figure:
    """Draw how many true cases are found, at the price of how many false alarms."""
    ordered = target.to_numpy(dtype=bool)[np.argsort(-scores, kind="stable")]
    found = np.insert(np.cumsum(ordered) / ordered.sum(), 0, 0)
    alarms = np.insert(np.cumsum(~ordered) / (~ordered).sum(), 0, 0)
    figure = Figure(figsize=(4.5, 4), layout="constrained")
    axes = figure.subplots()
    axes.plot(alarms, found, label=f"model, area {auc(target, scores):.3f}")
    axes.plot([0, 1], [0, 1], "--", color="grey", label="guessing")
    axes.set(xlabel="false alarms", ylabel="true cases found", title="ROC curve")
    axes.legend(loc="lower right")
    return figure


def importance_chart(lost: pd.Series) -> Figure:
    """Draw the features that matter most."""
    top = lost.head(10)[::-1]
    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.subplots()
    axes.barh(top.index.str.replace("_", " "), top)
    axes.set(xlabel="area under the ROC curve lost when shuffled", title="What the model looks at")
    return figure


def save_figure(figure: Figure, file: Path) -> None:
    """Write a figure."""
    with replacing(file) as path:
        figure.savefig(path, dpi=150)

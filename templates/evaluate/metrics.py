def confusion_matrix(target: pd.Series, predicted: np.ndarray, labels: list[bool]) -> np.ndarray:
    """Return the number of rows of each class (rows) by predicted class (columns)."""
    counts = pd.crosstab(target.to_numpy(), predicted)
    return counts.reindex(index=labels, columns=labels, fill_value=0).to_numpy()


def accuracy_score(target: pd.Series, predicted: np.ndarray) -> float:
    """Return the share of rows whose predicted class is right."""
    return (target == predicted).mean()


def precision_score(target: pd.Series, predicted: np.ndarray, zero_division: float) -> float:
    """Return the share of true cases among the rows predicted as true."""
    return target[predicted].mean() if predicted.any() else zero_division


def recall_score(target: pd.Series, predicted: np.ndarray) -> float:
    """Return the share of true cases that are predicted as true."""
    return predicted[target].mean()


def roc_auc_score(target: pd.Series, scores: np.ndarray) -> float:
    """Return the area under the ROC curve: how often a true case scores above a false one.

    This is the Mann-Whitney U statistic as a share of all pairs.
    """
    true, false = target.sum(), (~target).sum()
    wins = pd.Series(scores).rank().to_numpy()[target].sum() - true * (true + 1) / 2
    return wins / (true * false)


def roc_curve(target: pd.Series, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the false alarms and the true cases found, as shares, for each threshold."""
    order = np.argsort(-scores, kind="stable")
    true, scores = target.to_numpy()[order], scores[order]
    # Rows with the same score pass the threshold together.
    last = np.append(np.diff(scores) != 0, True)
    found = np.insert(np.cumsum(true)[last] / true.sum(), 0, 0)
    alarms = np.insert(np.cumsum(~true)[last] / (~true).sum(), 0, 0)
    return alarms, found, np.insert(scores[last], 0, np.inf)

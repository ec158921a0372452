"""Scrub the raw data, and split them into rows to train on and rows to test on."""

import pandas as pd

from {{ cookiecutter.package_name }} import SEED, data
from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

TRAIN = ROOT / "data" / "processed" / "train.parquet"
TEST = ROOT / "data" / "processed" / "test.parquet"

TARGET = "malignant"
# What figures call the rows, and the two values of the target.
ROWS = "tumors"
CLASSES = {False: "benign", True: "malignant"}


def plain_names(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the same columns under names without spaces."""
    return frame.rename(columns=lambda name: name.strip().replace(" ", "_"))


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    """Return the complete rows, each once, with plain column names and a true or false target."""
    frame = plain_names(raw.dropna().drop_duplicates())
    return frame.drop(columns="diagnosis").assign(**{TARGET: frame["diagnosis"] == "malignant"})


def split(frame: pd.DataFrame, test_share: float = 0.25) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return rows to train on and rows to test on.

    The split is the same each time, and both parts have the same share of true cases.
    """
    test = frame.groupby(TARGET).sample(frac=test_share, random_state=SEED)
    return frame.drop(test.index), test


def prepare() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Write both parts to data/processed and return them. Raw data are obtained if missing."""
    if not data.RAW.exists():
        data.main()
    train, test = split(clean(pd.read_csv(data.RAW)))
    for frame, file in ((train, TRAIN), (test, TEST)):
        with atomic_path(file) as path:
            frame.to_parquet(path, index=False)
    return train, test

"""The products of the shop and what customers have bought. Put your own source in `simulate`."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import numpy as np
import pandas as pd

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path

PRODUCTS = Path(__file__).parent / "src" / "products.json"
RAW = ROOT / "data" / "raw" / "purchases.csv"
# What the shop has sold since: raw data are never changed.
SOLD = ROOT / "data" / "interim" / "purchases.sqlite"
COLUMNS = ["customer", "product", "time"]


class Product(TypedDict):
    """A product of the shop."""

    product: str
    name: str
    category: str
    price: float


def products() -> dict[str, Product]:
    """Return the products by their keys.

    Raises:
        OSError: The file is missing or is not a list of products.
    """
    name = PRODUCTS.relative_to(ROOT)
    try:
        listed = json.loads(PRODUCTS.read_text(encoding="utf-8"))
        return {
            str(each["product"]): Product(
                product=str(each["product"]),
                name=str(each["name"]),
                category=str(each["category"]),
                price=float(each["price"]),
            )
            for each in listed
        }
    except FileNotFoundError:
        raise OSError(f"{name} is missing. Correct it.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise OSError(f"{name} is not a list of products ({error}). Correct it.") from None


def simulate(customers: int = 800) -> pd.DataFrame:
    """Return made-up purchases of a year. Each customer prefers the products of two categories."""
    random = np.random.default_rng(seed=0)
    listed = list(products().values())
    keys = np.array([each["product"] for each in listed])
    categories = pd.factorize(pd.Series([each["category"] for each in listed]))[0]
    # A few products sell much better than the others.
    popularity = random.pareto(3, len(keys)) + 0.5
    rows = []
    for number in range(customers):
        favorites = random.choice(categories.max() + 1, size=2, replace=False)
        taste = np.select([categories == each for each in favorites], [30.0, 15.0], 1.0)
        weights = popularity * taste
        bought = random.choice(keys, size=1 + random.poisson(14), p=weights / weights.sum())
        days = np.sort(random.uniform(0, 365, len(bought)))
        rows += [(f"C{number:04d}", *purchase) for purchase in zip(bought, days, strict=True)]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["time"] = pd.Timestamp("2025-01-01") + pd.to_timedelta(frame["time"], "D").dt.round("s")
    return frame.sort_values("time", ignore_index=True)


@contextmanager
def sold() -> Iterator[sqlite3.Connection]:
    """Open the table of what the shop has sold, in a transaction."""
    SOLD.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(SOLD, timeout=10)) as connection, connection:
        connection.execute(
            "create table if not exists purchases"
            " (customer text not null, product text not null, time text not null)"
        )
        yield connection


def add(customer: str, product: str) -> None:
    """Store a purchase. It is on the disk when this returns."""
    now = datetime.now(UTC).replace(tzinfo=None).isoformat(timespec="seconds", sep=" ")
    with sold() as connection:
        connection.execute("insert into purchases values (?, ?, ?)", (customer, product, now))


def read() -> pd.DataFrame:
    """Return all purchases, oldest first, with the columns `customer`, `product` and `time`.

    Raises:
        OSError: A file cannot be read.
    """
    if not RAW.exists():
        with atomic_path(RAW) as path:
            simulate().to_csv(path, index=False)
    try:
        before = _with_times(pd.read_csv(RAW, dtype="str", usecols=COLUMNS))
    except ValueError as error:
        # What pandas advises after the first sentence is for programmers.
        problem = str(error).partition(". ")[0]
        raise OSError(f"{RAW.relative_to(ROOT)} cannot be read: {problem}. Correct it.") from None
    try:
        with sold() as connection:
            since = pd.read_sql("select * from purchases", connection, dtype="str")
    except (sqlite3.DatabaseError, pd.errors.DatabaseError) as error:
        name = SOLD.relative_to(ROOT)
        raise OSError(f"{name} cannot be read: {error}. Move it away or restore it.") from None
    frame = pd.concat([before, _with_times(since)], ignore_index=True)
    return frame.sort_values("time", ignore_index=True)


def _with_times(rows: pd.DataFrame) -> pd.DataFrame:
    """Convert the times of one source, in its own format. Without a time zone, they are UTC."""
    return rows.assign(time=pd.to_datetime(rows["time"], utc=True))

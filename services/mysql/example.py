"""Cluster customers into segments, store both in MySQL, and query them."""

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sqlalchemy import text
from sqlalchemy.dialects.mysql import VARCHAR

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.mysql.client import engine

FEATURES = ["orders", "spending", "days_since_order"]


def sample(count: int = 300) -> pd.DataFrame:
    """Return made-up customers of three kinds, the same ones each time."""
    random = np.random.default_rng(seed=0)
    kind = random.integers(3, size=count)
    means = {"orders": (24, 8, 3), "spending": (600, 1800, 150), "days_since_order": (10, 30, 200)}
    customers = pd.DataFrame({"customer": np.arange(1, count + 1)})
    for name, each in means.items():
        mean = np.array(each)[kind]
        customers[name] = random.normal(mean, 0.15 * mean).round(2)
    customers["orders"] = customers["orders"].round().clip(lower=1).astype("int64")
    return customers.assign(city=random.choice(["Köln", "Łódź", "東京"], size=count))


def cluster(customers: pd.DataFrame) -> pd.Series:
    """Return each customer's segment: 1 is the segment that spends most."""
    model = make_pipeline(StandardScaler(), KMeans(3, n_init=10, random_state=0))
    labels = pd.Series(model.fit_predict(customers[FEATURES]), index=customers.index)
    order = customers["spending"].groupby(labels).mean().rank(ascending=False)
    return labels.map(order).astype("int64")


def main() -> None:
    """Cluster, store and query, and print the results."""
    database = engine()
    customers = sample()
    customers["segment"] = cluster(customers)
    centres = customers.groupby("segment")[FEATURES].mean()
    names = {"spending": "spend most", "orders": "buy most often", "days_since_order": "are gone"}
    segments = centres.assign(name=pd.Series({centres[f].idxmax(): names[f] for f in FEATURES}))
    segments = segments.reset_index(names="segment")
    for table, rows in {"customers": customers, "segments": segments}.items():
        types = {name: VARCHAR(100) for name in ("city", "name") if name in rows}
        rows.to_sql(table, database, if_exists="replace", index=False, dtype=types)
    print(f"wrote {len(customers)} customers and {len(segments)} segments")

    query = """select s.name, count(*) as size, round(avg(c.spending), 2) as mean_spending
               from customers c join segments s on s.segment = c.segment
               group by s.segment, s.name order by s.segment"""
    answer = pd.read_sql(query, database)
    print(answer.to_string(index=False))

    read = pd.read_sql("select * from customers order by customer", database)
    pd.testing.assert_frame_equal(customers, read)
    expected = customers.groupby("segment")["spending"].agg(["size", "mean"])
    if list(answer["size"]) != list(expected["size"]) or not np.allclose(
        answer["mean_spending"], expected["mean"], atol=0.01
    ):
        raise SystemExit("error: SQL and pandas disagree. Check the table customers.")

    # Pass values from outside as parameters; never put them into the text of a query.
    best = text("select count(*) from customers where segment = 1 and city = :city")
    with database.connect() as connection:
        print("customers in Köln who spend most:", connection.scalar(best, {"city": "Köln"}))


if __name__ == "__main__":
    with exit_on_os_error():
        main()

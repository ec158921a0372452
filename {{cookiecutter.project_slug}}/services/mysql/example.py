"""Cluster customers, store the segments in MySQL, and ask it about them."""

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sqlalchemy import URL, create_engine, text
from sqlalchemy.dialects.mysql import VARCHAR

from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import password, wait_for

FEATURES = ["orders", "spending", "days_since_order"]


def sample(count: int = 300) -> pd.DataFrame:
    """Return made-up customers, the same each time: who buys often, who buys much, who is gone."""
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
    """Return the number of each customer's segment, from 1 for those who spend most."""
    model = make_pipeline(StandardScaler(), KMeans(3, n_init=10, random_state=0))
    labels = pd.Series(model.fit_predict(customers[FEATURES]), index=customers.index)
    order = customers["spending"].groupby(labels).mean().rank(ascending=False)
    return labels.map(order).astype("int64")


def main() -> None:
    """Make the round trip, and show it."""
    wait_for("mysql", 3306)
    address = URL.create(
        "mysql+pymysql",
        username="analyst",
        password=password("mysql_password"),
        host="mysql",
        database="{{ cookiecutter.package_name }}",
    )
    engine = create_engine(address)

    customers = sample()
    customers["segment"] = cluster(customers)
    centres = customers.groupby("segment")[FEATURES].mean()
    names = {"spending": "spend most", "orders": "buy most often", "days_since_order": "are gone"}
    segments = centres.assign(name=pd.Series({centres[f].idxmax(): names[f] for f in FEATURES}))
    segments = segments.reset_index(names="segment")
    for table, rows in {"customers": customers, "segments": segments}.items():
        types = {name: VARCHAR(100) for name in ("city", "name") if name in rows}
        rows.to_sql(table, engine, if_exists="replace", index=False, dtype=types)
    print(f"wrote {len(customers)} customers and {len(segments)} segments")

    query = """select s.name, count(*) as size, round(avg(c.spending), 2) as mean_spending
               from customers c join segments s on s.segment = c.segment
               group by s.segment, s.name order by s.segment"""
    answer = pd.read_sql(query, engine)
    print(answer.to_string(index=False))

    read = pd.read_sql("select * from customers order by customer", engine)
    pd.testing.assert_frame_equal(customers, read)
    expected = customers.groupby("segment")["spending"].agg(["size", "mean"])
    if list(answer["size"]) != list(expected["size"]) or not np.allclose(
        answer["mean_spending"], expected["mean"], atol=0.01
    ):
        raise SystemExit("error: SQL and pandas do not agree. Look at the table customers.")

    # What comes from outside goes in as a parameter, never into the text.
    best = text("select count(*) from customers where segment = 1 and city = :city")
    with engine.connect() as connection:
        print("those who spend most in Köln:", connection.scalar(best, {"city": "Köln"}))


if __name__ == "__main__":
    with one_line_errors():
        main()

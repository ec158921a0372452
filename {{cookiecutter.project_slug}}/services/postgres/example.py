"""Write a table to Postgres and read it back by SQL, with the same types. Then ask it something."""

import pandas as pd
from sqlalchemy import URL, create_engine, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import password, wait_for


def table() -> pd.DataFrame:
    """Return the project's data, and a column of each type that they do not have."""
    if not data.RAW.exists():
        data.main()
    rows = features.clean(pd.read_csv(data.RAW)).reset_index(drop=True)
    number = rows.index.to_series()
    taken = pd.Timestamp("2026-03-28 12:30") + pd.to_timedelta(number, "h")
    return rows.assign(
        number=number,
        hospital=number.map(lambda n: ["Köln", "O'Fallon", None][n % 3]).astype("str"),
        taken=taken.astype("datetime64[us]"),
        reported=taken.dt.tz_localize("UTC").astype("datetime64[us, UTC]"),
        day=taken.dt.date,
        age=(20 + number % 60).astype("Int64").mask(number % 7 == 0),
        device=[{"name": f"scanner {n % 2}", "settings": {"zoom": n % 5}} for n in number],
        stains=[["haematoxylin", "eosin"][: n % 3] for n in number],
    )


def main() -> None:
    """Make the round trip, and show it."""
    wait_for("postgres", 5432)
    address = URL.create(
        "postgresql+psycopg",
        username="analyst",
        password=password("postgres_password"),
        host="postgres",
        database="{{ cookiecutter.package_name }}",
    )
    engine = create_engine(address)

    rows = table()
    # In one transaction: who reads meanwhile sees the old table or the new one.
    with engine.begin() as connection:
        special = {"device": JSONB, "stains": ARRAY(TEXT)}
        rows.to_sql("tumours", connection, if_exists="replace", index=False, dtype=special)
    print(f"wrote {len(rows)} rows to the table tumours")

    # pandas cannot see in the rows which of its types a column had; the others come by themselves.
    types = rows.dtypes[["hospital", "taken", "reported", "age"]].to_dict()
    read = pd.read_sql("select * from tumours order by number", engine, dtype=types)
    pd.testing.assert_frame_equal(rows, read)
    columns = pd.read_sql(
        """select data_type, count(*) as columns, min(column_name) as example
           from information_schema.columns where table_name = 'tumours'
           group by data_type order by columns desc, data_type""",
        engine,
    )
    print("read the same by SQL, with these types:", columns.to_string(index=False), sep="\n")

    # What comes from outside goes in as a parameter, never into the text.
    query = text(
        """select device ->> 'name' as device, count(*) as tumours,
                  round(100.0 * avg(malignant::int), 1)::float as percent_malignant,
                  percentile_cont(0.5) within group (order by age) as median_age
           from tumours where taken >= :since and 'eosin' = any(stains)
           group by device ->> 'name' order by device"""
    )
    answer = pd.read_sql(query, engine, params={"since": "2026-04-01"})
    print("tumours since April with eosin, by device:", answer.to_string(index=False), sep="\n")
    chosen = rows[(rows["taken"] >= "2026-04-01") & rows["stains"].map(lambda s: "eosin" in s)]
    if answer["tumours"].sum() != len(chosen):
        raise SystemExit("error: SQL and pandas do not agree. Look at the table tumours.")


if __name__ == "__main__":
    with one_line_errors():
        main()

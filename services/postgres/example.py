"""Write a table to Postgres, read it back with the same types, and query it with SQL."""

import pandas as pd
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TEXT

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.postgres.client import engine


def table() -> pd.DataFrame:
    """Return the project's data, with a column for each common type that it lacks."""
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
    """Write, read and query, and print the results."""
    database = engine()
    rows = table()
    # One transaction: other readers see the old table or the new one, never half of it.
    with database.begin() as connection:
        special = {"device": JSONB, "stains": ARRAY(TEXT)}
        rows.to_sql("tumors", connection, if_exists="replace", index=False, dtype=special)
    print(f"wrote {len(rows)} rows to the table tumors")

    # The database does not store which pandas type these columns had; the others are unambiguous.
    types = rows.dtypes[["hospital", "taken", "reported", "age"]].to_dict()
    read = pd.read_sql("select * from tumors order by number", database, dtype=types)
    pd.testing.assert_frame_equal(rows, read)
    columns = pd.read_sql(
        """select data_type, count(*) as columns, min(column_name) as example
           from information_schema.columns where table_name = 'tumors'
           group by data_type order by columns desc, data_type""",
        database,
    )
    print("read the same rows back, with these types:", columns.to_string(index=False), sep="\n")

    # Pass values from outside as parameters; never put them into the text of a query.
    query = text(
        """select device ->> 'name' as device, count(*) as tumors,
                  round(100.0 * avg(malignant::int), 1)::float as percent_malignant,
                  percentile_cont(0.5) within group (order by age) as median_age
           from tumors where taken >= :since and 'eosin' = any(stains)
           group by device ->> 'name' order by device"""
    )
    answer = pd.read_sql(query, database, params={"since": "2026-04-01"})
    print("tumors since April with eosin, by device:", answer.to_string(index=False), sep="\n")
    chosen = rows[(rows["taken"] >= "2026-04-01") & rows["stains"].map(lambda s: "eosin" in s)]
    if answer["tumors"].sum() != len(chosen):
        raise SystemExit("error: SQL and pandas disagree. Check the table tumors.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

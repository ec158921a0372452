"""Write a table to Oracle, read it back with the same types, and query it with SQL."""

import json

import pandas as pd
from sqlalchemy import BigInteger, Column, Date, MetaData, Table, select, text
from sqlalchemy.dialects.oracle import BINARY_DOUBLE, TIMESTAMP, VARCHAR2

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.oracle.client import engine

# The type for each kind of column in pandas.
TYPES = {
    "i": BigInteger(),
    "f": BINARY_DOUBLE(),
    # Oracle's DATE has no fractions of a second.
    "M": TIMESTAMP(),
    # A text of up to 4000 bytes; CLOB has no limit, but cannot be compared.
    "O": VARCHAR2(1000),
}
# Rows by device. Values are passed as parameters, never put into the text of a query.
QUERY = """
    select json_value(device, '$.name') as device, count(*) as tumors,
           round(100 * avg(malignant), 1) as percent_malignant, median(age) as median_age
    from tumors where taken >= :since
    group by json_value(device, '$.name') order by 1"""
COLUMN_TYPES = """
    select data_type, count(*) as columns, min(column_name) as example
    from user_tab_columns where table_name = 'TUMORS'
    group by data_type order by columns desc, data_type"""


def rows() -> pd.DataFrame:
    """Return the project's data, with a column for each common type that it lacks."""
    if not data.RAW.exists():
        data.main()
    frame = features.clean(pd.read_csv(data.RAW)).reset_index(drop=True)
    number = frame.index.to_series()
    taken = pd.Timestamp("2026-03-28 12:30:00.123456") + pd.to_timedelta(number, "h")
    return frame.assign(
        scan=number,
        # SQL computes with 0 and 1, but not with a BOOLEAN.
        malignant=frame["malignant"].astype("int64"),
        # Oracle stores an empty text as null.
        hospital=number.map(lambda n: ["Köln", "O'Fallon", None][n % 3]).astype("str"),
        # The driver ignores time zones, so store times in UTC.
        taken=taken.astype("datetime64[us]"),
        day=taken.dt.date,
        age=(20 + number % 60).astype("Int64").mask(number % 7 == 0),
        device=[json.dumps({"name": f"scanner {n % 2}", "zoom": n % 5}) for n in number],
    )


def table(frame: pd.DataFrame) -> Table:
    """Describe a table for these rows."""
    columns = [
        Column(name, Date() if name == "day" else TYPES[dtype.kind], primary_key=name == "scan")
        for name, dtype in frame.dtypes.items()
    ]
    return Table("tumors", MetaData(), *columns)


def main() -> None:
    """Write, read and query, and print the results.

    Raises:
        SystemExit: Oracle returns other rows or counts than pandas.
    """
    database = engine()
    frame = rows()
    tumors = table(frame)
    # Oracle commits whenever a table is created or dropped. The rows follow in one transaction.
    tumors.metadata.drop_all(database)
    tumors.metadata.create_all(database)
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    with database.begin() as connection:
        connection.execute(tumors.insert(), records)
    print(f"wrote {len(frame)} rows to the table tumors")

    read = pd.read_sql(select(tumors).order_by(tumors.c.scan), database).astype(frame.dtypes)
    pd.testing.assert_frame_equal(frame, read)
    columns = pd.read_sql(text(COLUMN_TYPES), database)
    print("read the same rows back, with these types:", columns.to_string(index=False), sep="\n")

    since = pd.Timestamp("2026-04-01")
    answer = pd.read_sql(text(QUERY), database, params={"since": since.to_pydatetime()})
    print("tumors since April, by device:", answer.to_string(index=False), sep="\n")
    chosen = frame[frame["taken"] >= since]
    if answer["tumors"].sum() != len(chosen):
        raise SystemExit("error: SQL and pandas disagree. Check the table tumors.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

"""Write a table with every type of column as an extract, and read it back unchanged."""

import sys
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

from services.tableau.extract import TABLE, write

# Outside data/processed, whose extracts `make publish-tableau` publishes.
FILE = ROOT / "data" / "interim" / "example.parquet"

SUMMER = datetime(2026, 3, 29, 3, 30, tzinfo=ZoneInfo("Europe/Berlin"))
ROWS = pa.table(
    {
        "text": ["Zürich", None, ""],
        "whole": pa.array([1, None, 2**53 + 1], pa.int64()),
        "small": pa.array([1, None, -3], pa.int32()),
        "decimals": [1.5, None, -0.25],
        "exact": pa.array([Decimal("19.99"), None, Decimal("-0.50")], pa.decimal128(10, 2)),
        "flag": [True, None, False],
        "day": [date(2026, 2, 28), None, date(1969, 12, 31)],
        "local_time": [datetime(2026, 3, 29, 2, 30, 0, 1), None, datetime(1900, 1, 1)],
        "moment": pa.array([SUMMER, None, datetime(1900, 1, 1)], pa.timestamp("us", "UTC")),
    }
)


def main() -> None:
    """Make the round trip and print it."""
    with atomic_path(FILE) as path:
        pq.write_table(ROWS, path)
    extract = write(FILE)

    import pantab

    read = pantab.frame_from_hyper(extract, table=TABLE, return_type="pyarrow")
    for field in ROWS.schema:
        back = read.column(field.name)
        # Text comes back as the type for columns of more than 2 GB.
        same_type = back.type in (field.type, pa.large_string())
        if not same_type or back.to_pylist() != ROWS.column(field.name).to_pylist():
            sys.exit(f"error: {field.name} came back as {back.type}: {back.to_pylist()}.")
        print(f"{field.name:10} {field.type!s:20} {back.to_pylist()[0]}")
    print(f"read back {read.num_rows} rows and {read.num_columns} columns without a difference")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

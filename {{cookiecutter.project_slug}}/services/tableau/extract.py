"""Write each table in data/processed, Parquet or CSV, as an extract for Tableau beside it.

One table a file, under the name that Tableau gives to its own: every Tableau Server takes those.
"""

import platform
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pc
import pyarrow.parquet as pq

from {{ cookiecutter.package_name }}.files import ROOT, one_line_errors, replacing

FOLDER = ROOT / "data" / "processed"
TABLE = ("Extract", "Extract")

# What Hyper has no type for, and the next larger one that it has.
WIDER = {
    pa.uint8(): pa.int16(),
    pa.uint16(): pa.int32(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float16(): pa.float64(),
    pa.float32(): pa.float64(),
    pa.date64(): pa.date32(),
    pa.null(): pa.string(),
}


def fitting(kind: pa.DataType) -> pa.DataType:
    """Return the type to use in an extract."""
    if pa.types.is_dictionary(kind):
        return fitting(kind.value_type)
    if pa.types.is_time(kind):
        return pa.time64("us")
    # Hyper counts microseconds.
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_decimal(kind):
        exact = 0 <= kind.scale <= 18
        return pa.decimal128(min(kind.precision, 18), kind.scale) if exact else pa.float64()
    return WIDER.get(kind, kind)


def cannot_be_exact(column: pa.ChunkedArray) -> bool:
    """Say whether pantab 5 would fail on these decimals: it misplaces the sign of -0.05."""
    small = pa.compute.and_(
        pa.compute.less(column, Decimal(0)), pa.compute.greater(column, Decimal("-0.1"))
    )
    return bool(pa.compute.any(small).as_py())


def prepared(table: pa.Table, name: str) -> pa.Table:
    """Return the table in types that an extract can hold.

    Errors: SystemExit where a column has none, with its name.
    """
    # The numbers of rows, which pandas keeps where they have gaps.
    if "__index_level_0__" in table.column_names:
        table = table.drop_columns("__index_level_0__")
    for index, field in enumerate(table.schema):
        what = f"{name}: {field.name} ({field.type})"
        if pa.types.is_nested(field.type) or pa.types.is_duration(field.type):
            sys.exit(f"error: {what} is no type of Tableau's. Make it a number or a text.")
        kind, column = fitting(field.type), table.column(index)
        if pa.types.is_decimal(kind) and cannot_be_exact(column):
            print(f"note: {what} is written as floats, because of numbers between -0.1 and 0")
            kind = pa.float64()
        # Beyond microseconds nothing is kept.
        safe = not pa.types.is_timestamp(field.type)
        try:
            table = table.set_column(index, field.name, column.cast(kind, safe=safe))
        except pa.ArrowInvalid:
            sys.exit(f"error: {what} has numbers too large for Tableau. Make them floats.")
    return table


def tables() -> dict[str, Path]:
    """Return the files with tables, by name. Errors: SystemExit where two have the same."""
    found: dict[str, Path] = {}
    for path in sorted([*FOLDER.glob("*.parquet"), *FOLDER.glob("*.csv")]):
        if path.name.startswith("."):
            continue
        if path.stem in found:
            both = f"{found[path.stem].name} and {path.name}"
            sys.exit(f"error: {both} would be the same extract. Rename one.")
        found[path.stem] = path
    return found


def read(path: Path) -> pa.Table:
    """Return the table in a file. Errors: SystemExit where it is none."""
    try:
        return pc.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except pa.ArrowInvalid as error:
        why = str(error).splitlines()[0][:150].rstrip(". ")
        sys.exit(f"error: {path.name} is no table: {why}. Write it again.")


def write(path: Path) -> Path:
    """Write the extract of a file, and return where."""
    try:
        import pantab
    except ModuleNotFoundError:
        sys.exit(
            f"error: Tableau's engine Hyper does not exist for {platform.machine()}. "
            "Use a machine with an Intel or AMD processor."
        )
    table = prepared(read(path), path.name)
    extract = path.with_suffix(".hyper")
    with replacing(extract) as temporary:
        pantab.frame_to_hyper(table, temporary, table=TABLE)
    size = f"{table.num_rows} rows, {table.num_columns} columns"
    print(f"wrote {extract.relative_to(ROOT)}: {size}")
    return extract


def main() -> None:
    """Write them all."""
    found = tables()
    if not found:
        sys.exit("error: there are no tables in data/processed. Make some: make train.")
    for path in found.values():
        write(path)


if __name__ == "__main__":
    with one_line_errors():
        main()

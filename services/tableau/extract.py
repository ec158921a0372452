"""Write each table in data/processed, Parquet or CSV, as a Tableau extract next to it.

A file has one table with the name that Tableau's own extracts use: every server accepts those.
"""

import platform
import sys
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.csv as pc
import pyarrow.parquet as pq

from {{ cookiecutter.package_name }}.files import ROOT, atomic_path, exit_on_os_error

FOLDER = ROOT / "data" / "processed"
TABLE = ("Extract", "Extract")

# Types that Hyper lacks, and the next larger type that it has.
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


def hyper_type(kind: pa.DataType) -> pa.DataType:
    """Return the type of an extract's column for this type."""
    if pa.types.is_dictionary(kind):
        return hyper_type(kind.value_type)
    if pa.types.is_time(kind):
        return pa.time64("us")
    # Hyper's resolution is a microsecond.
    if pa.types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz)
    if pa.types.is_decimal(kind):
        exact = 0 <= kind.scale <= 18
        return pa.decimal128(min(kind.precision, 18), kind.scale) if exact else pa.float64()
    return WIDER.get(kind, kind)


def loses_sign(column: pa.ChunkedArray) -> bool:
    """Return whether pantab 5 would misplace the sign of one of these decimals, such as -0.05."""
    small = pa.compute.and_(
        pa.compute.less(column, Decimal(0)), pa.compute.greater(column, Decimal("-0.1"))
    )
    return bool(pa.compute.any(small).as_py())


def convert(table: pa.Table, name: str) -> pa.Table:
    """Return the table with types that an extract can hold.

    Raises:
        SystemExit: A column has no such type. The message names it.
    """
    # The row numbers, which pandas writes if they have gaps.
    if "__index_level_0__" in table.column_names:
        table = table.drop_columns("__index_level_0__")
    for index, field in enumerate(table.schema):
        label = f"{name}: {field.name} ({field.type})"
        if pa.types.is_nested(field.type) or pa.types.is_duration(field.type):
            sys.exit(f"error: {label} is not a Tableau type. Convert it to numbers or text.")
        kind, column = hyper_type(field.type), table.column(index)
        if pa.types.is_decimal(kind) and loses_sign(column):
            print(f"note: {label} is written as floats because it has numbers between -0.1 and 0")
            kind = pa.float64()
        # Casting timestamps truncates them to microseconds.
        safe = not pa.types.is_timestamp(field.type)
        try:
            table = table.set_column(index, field.name, column.cast(kind, safe=safe))
        except pa.ArrowInvalid:
            sys.exit(f"error: {label} has numbers too large for Tableau. Convert them to floats.")
    return table


def tables() -> dict[str, Path]:
    """Return the files with tables, by name.

    Raises:
        SystemExit: Two files have the same name.
    """
    found: dict[str, Path] = {}
    for path in sorted([*FOLDER.glob("*.parquet"), *FOLDER.glob("*.csv")]):
        if path.name.startswith("."):
            continue
        if path.stem in found:
            both = f"{found[path.stem].name} and {path.name}"
            sys.exit(f"error: {both} have the same extract. Rename one.")
        found[path.stem] = path
    return found


def read(path: Path) -> pa.Table:
    """Return the table in a file.

    Raises:
        SystemExit: The file is not a table.
    """
    try:
        return pc.read_csv(path) if path.suffix == ".csv" else pq.read_table(path)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0][:150].rstrip(". ")
        sys.exit(f"error: {path.name} is not a table: {reason}. Write it again.")


def write(path: Path) -> Path:
    """Write the extract of a file, and return the extract's path."""
    try:
        import pantab
    except ModuleNotFoundError:
        sys.exit(
            f"error: Tableau's engine Hyper does not exist for {platform.machine()}. "
            "Use a machine with an Intel or AMD processor."
        )
    table = convert(read(path), path.name)
    extract = path.with_suffix(".hyper")
    with atomic_path(extract) as temporary:
        pantab.frame_to_hyper(table, temporary, table=TABLE)
    size = f"{table.num_rows} rows, {table.num_columns} columns"
    print(f"wrote {extract.relative_to(ROOT)}: {size}")
    return extract


def main() -> None:
    """Write all extracts."""
    found = tables()
    if not found:
        sys.exit("error: there are no tables in data/processed. Run: make train.")
    for path in found.values():
        write(path)


if __name__ == "__main__":
    with exit_on_os_error():
        main()

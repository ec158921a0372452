"""Sum up a table that is larger than a worker's memory, and check it against the closed form."""

import sys

import dask.dataframe as dd
import pandas as pd
from distributed import Client

from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import wait_for

ROWS = 400_000
GROUPS = 10


def part(number: int) -> pd.DataFrame:
    """Make one part of the table, on a worker: consecutive numbers, and the group of each."""
    value = pd.RangeIndex(number * ROWS, (number + 1) * ROWS).to_series(index=range(ROWS))
    return pd.DataFrame({"group": value % GROUPS, "value": value, "half": value / 2})


def closed_form(rows: int) -> pd.DataFrame:
    """Return what must come out."""
    each = rows // GROUPS
    total = [each * group + GROUPS * each * (each - 1) // 2 for group in range(GROUPS)]
    return pd.DataFrame({"value": total, "half": [each / 2 for each in total]})


def main() -> None:
    """Make the table, hold all of it, and ask it."""
    wait_for("dask", 8786)
    with Client("tcp://dask:8786") as client:
        client.wait_for_workers(1, timeout=30)
        workers = client.scheduler_info(n_workers=-1)["workers"]
        limit = min(worker["memory_limit"] for worker in workers.values())
        size = part(0).memory_usage(index=True).sum()
        parts = range(int(1.25 * limit / size))
        gigabytes = len(parts) * size / 1e9
        print(f"{len(workers)} workers with {limit / 1e9:.2f} GB each")
        print(f"{gigabytes:.2f} GB in {len(parts)} parts, all of them held at the same time")

        table = dd.from_map(part, parts).persist()
        sums = table.groupby("group")[["value", "half"]].sum(split_out=1).compute()
        spilled = client.run(lambda dask_worker: dask_worker.data.spilled_total.disk)
        print(f"{sum(spilled.values()) / 1e9:.2f} GB were on disk at the end")
        print(sums)

    expected = closed_form(len(parts) * ROWS)
    if not sums.sort_index().reset_index(drop=True).equals(expected):
        sys.exit(f"error: the closed form gives other sums. Compare:\n{expected}")


if __name__ == "__main__":
    with one_line_errors():
        main()

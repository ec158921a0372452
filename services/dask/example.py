"""Aggregate a table that is larger than a worker's memory, and check the sums with a formula."""

import sys

import dask.dataframe as dd
import pandas as pd

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.dask.client import client

ROWS = 400_000
GROUPS = 10


def partition(number: int) -> pd.DataFrame:
    """Return one partition of the table: consecutive numbers, and the group of each."""
    value = pd.RangeIndex(number * ROWS, (number + 1) * ROWS).to_series(index=range(ROWS))
    return pd.DataFrame({"group": value % GROUPS, "value": value, "half": value / 2})


def closed_form(rows: int) -> pd.DataFrame:
    """Return the sums that a table with this many rows must have."""
    size = rows // GROUPS
    total = [size * group + GROUPS * size * (size - 1) // 2 for group in range(GROUPS)]
    return pd.DataFrame({"value": total, "half": [value / 2 for value in total]})


def main() -> None:
    """Create the table, keep all of it on the workers, and aggregate it."""
    with client() as cluster:
        cluster.wait_for_workers(1, timeout=30)
        workers = cluster.scheduler_info(n_workers=-1)["workers"]
        limit = min(worker["memory_limit"] for worker in workers.values())
        size = partition(0).memory_usage(index=True).sum()
        partitions = range(int(1.25 * limit / size))
        gigabytes = len(partitions) * size / 1e9
        print(f"{len(workers)} workers with {limit / 1e9:.2f} GB each")
        print(f"{gigabytes:.2f} GB in {len(partitions)} partitions, all held at the same time")

        table = dd.from_map(partition, partitions).persist()
        sums = table.groupby("group")[["value", "half"]].sum(split_out=1).compute()
        spilled = cluster.run(lambda dask_worker: dask_worker.data.spilled_total.disk)
        print(f"{sum(spilled.values()) / 1e9:.2f} GB were on disk at the end")
        print(sums)

    expected = closed_form(len(partitions) * ROWS)
    if not sums.sort_index().reset_index(drop=True).equals(expected):
        sys.exit(f"error: the sums differ from the formula's. Compare:\n{expected}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

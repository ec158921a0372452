"""Use the cluster from a notebook: `from services.dask.client import client`, then `client()`."""

from distributed import Client

from services.access import wait_for


def client() -> Client:
    """Connect to the scheduler. From then on, Dask computes on the workers.

    Raises:
        ServiceError: The scheduler is not running.
    """
    wait_for("dask", 8786)
    return Client("tcp://dask:8786")

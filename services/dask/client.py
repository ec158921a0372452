"""Use the cluster from a notebook: `from services.dask.client import client`, then `client()`."""

import os
from urllib.parse import urlsplit

from distributed import Client

from services.access import wait_for


def client() -> Client:
    """Connect to the scheduler. From then on, Dask computes on the workers.

    The setting DASK_SCHEDULER_ADDRESS is for a scheduler elsewhere, such as one on Kubernetes.

    Raises:
        ServiceError: The scheduler is not running.
    """
    address = os.environ.get("DASK_SCHEDULER_ADDRESS", "tcp://dask:8786")
    scheduler = urlsplit(address)
    wait_for(scheduler.hostname or "", scheduler.port or 8786, "dask")
    return Client(address)

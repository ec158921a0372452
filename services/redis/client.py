"""Connect to the project's Redis."""

from typing import Any

import redis

from services.access import password, wait_for


def client(**options: Any) -> redis.Redis:
    """Return a client once Redis accepts connections. It takes the options of `redis.Redis`.

    Raises:
        ServiceError: Redis is not running, or was never started.
    """
    wait_for("redis", 6379)
    return redis.Redis("redis", password=password("redis_password"), **options)

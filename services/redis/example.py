"""Cache a feature in Redis so that it is computed once, and watch it expire."""

import hashlib
import inspect
import io
import time
from collections.abc import Callable

import pandas as pd
import redis

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.redis.client import client


def outliers() -> pd.DataFrame:
    """Return how much each row differs from the others: the feature."""
    frame = features.clean(pd.read_csv(data.RAW)).drop(columns=features.TARGET)
    ranks = frame.rank(pct=True).sub(0.5).abs()
    return pd.DataFrame({"mean": ranks.mean(axis=1), "largest": ranks.max(axis=1)})


def key_of(compute: Callable[[], pd.DataFrame]) -> str:
    """Return a key that changes whenever the data or the code of `compute` changes."""
    digest = hashlib.sha256(data.RAW.read_bytes() + inspect.getsource(compute).encode())
    return f"features:{compute.__name__}:{digest.hexdigest()[:16]}"


def cached(
    cache: redis.Redis, compute: Callable[[], pd.DataFrame], seconds: int
) -> tuple[pd.DataFrame, str]:
    """Return the result of `compute`, and `hit` if it came from the cache, else `miss`."""
    if stored := cache.get(key_of(compute)):
        return pd.read_parquet(io.BytesIO(stored)), "hit"
    frame = compute()
    cache.set(key_of(compute), frame.to_parquet(), ex=seconds)
    return frame, "miss"


def main() -> None:
    """Miss, hit, and miss again after the key has expired."""
    cache = client()
    if not data.RAW.exists():
        data.main()
    cache.delete(key_of(outliers))

    computed, first = cached(cache, outliers, seconds=3600)
    read, second = cached(cache, outliers, seconds=3600)
    pd.testing.assert_frame_equal(computed, read)
    print(f"first {first}: computed for {len(computed)} rows; then {second}: the same from Redis")

    cache.expire(key_of(outliers), 1)
    start = time.monotonic()
    while cache.exists(key_of(outliers)):
        time.sleep(0.1)
    again, third = cached(cache, outliers, seconds=3600)
    pd.testing.assert_frame_equal(computed, again)
    print(f"the key had 1 s left and expired after {time.monotonic() - start:.1f} s: {third}")
    if [first, second, third] != ["miss", "hit", "miss"]:
        raise SystemExit("error: Redis did not cache the feature. See: make logs SERVICE=redis.")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

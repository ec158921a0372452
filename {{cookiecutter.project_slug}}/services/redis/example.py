"""Keep a feature in Redis, so that it is computed once; and see it go when its time is over."""

import hashlib
import inspect
import io
import time
from collections.abc import Callable

import pandas as pd
import redis

from {{ cookiecutter.package_name }} import data, features
from {{ cookiecutter.package_name }}.files import one_line_errors
from {{ cookiecutter.package_name }}.services import password, wait_for


def outliers() -> pd.DataFrame:
    """Return for each row by how much it differs from the others: the feature."""
    frame = features.clean(pd.read_csv(data.RAW)).drop(columns=features.TARGET)
    ranks = frame.rank(pct=True).sub(0.5).abs()
    return pd.DataFrame({"mean": ranks.mean(axis=1), "largest": ranks.max(axis=1)})


def key_of(compute: Callable[[], pd.DataFrame]) -> str:
    """Return a name with the data and the code in it: where they change, it is another one."""
    digest = hashlib.sha256(data.RAW.read_bytes() + inspect.getsource(compute).encode())
    return f"features:{compute.__name__}:{digest.hexdigest()[:16]}"


def cached(
    client: redis.Redis, compute: Callable[[], pd.DataFrame], seconds: int
) -> tuple[pd.DataFrame, str]:
    """Return the frame that `compute` makes, and whether it was stored: `hit` or `miss`."""
    if stored := client.get(key_of(compute)):
        return pd.read_parquet(io.BytesIO(stored)), "hit"
    frame = compute()
    client.set(key_of(compute), frame.to_parquet(), ex=seconds)
    return frame, "miss"


def main() -> None:
    """Miss, hit, and miss again when the time is over."""
    wait_for("redis", 6379)
    client = redis.Redis("redis", password=password("redis_password"))
    if not data.RAW.exists():
        data.main()
    client.delete(key_of(outliers))

    computed, first = cached(client, outliers, seconds=3600)
    read, second = cached(client, outliers, seconds=3600)
    pd.testing.assert_frame_equal(computed, read)
    print(f"first {first}: computed for {len(computed)} rows; then {second}: the same from Redis")

    client.expire(key_of(outliers), 1)
    start = time.monotonic()
    while client.exists(key_of(outliers)):
        time.sleep(0.1)
    again, third = cached(client, outliers, seconds=3600)
    pd.testing.assert_frame_equal(computed, again)
    print(f"it had one second more, and was gone after {time.monotonic() - start:.1f}: {third}")
    if [first, second, third] != ["miss", "hit", "miss"]:
        raise SystemExit("error: Redis did not keep the feature. See: make logs SERVICE=redis.")


if __name__ == "__main__":
    with one_line_errors():
        main()

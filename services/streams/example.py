"""Compare the rows in the database with what pandas computes from the same readings."""

import time

import pandas as pd
from confluent_kafka import Producer
from sqlalchemy import Engine, text

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import ServiceError
from services.kafka.client import producer, read
from services.kafka.fleet import TOPIC, fleet, send
from services.postgres.client import engine

TABLE = "car_minutes"
DEAD_LETTERS = "car-minutes-dead"
KEY = ["car", "minute_start"]


def expected(readings: pd.DataFrame) -> pd.DataFrame:
    """Return what the table must contain, from messages as `read` returns them."""
    minute = pd.to_datetime(readings["time"], utc=True).dt.tz_localize(None).dt.floor("min")
    groups = readings.assign(minute_start=minute).groupby(KEY)
    return groups.agg(
        readings=("time", "size"),
        speed=("speed", "mean"),
        engine_temperature=("engine_temperature", "mean"),
        engine_temperature_max=("engine_temperature", "max"),
        vibration=("vibration", "mean"),
        vibration_max=("vibration", "max"),
        fuel=("fuel", "mean"),
        failing=("failing", "last"),
    ).sort_index()


def stored(database: Engine, cars: str) -> pd.DataFrame:
    """Return the rows of the cars whose name begins with `cars`."""
    query = text(f"select * from {TABLE} where car like :cars")
    return pd.read_sql(query, database, params={"cars": f"{cars}%"}).set_index(KEY).sort_index()


def follow(database: Engine, cars: str, count: int, seconds: float = 120) -> pd.DataFrame:
    """Print the progress until the table contains this many readings, and return its rows.

    Raises:
        ServiceError: The number of readings has not changed for `seconds`.
    """
    before, end = -1, time.monotonic() + seconds
    while time.monotonic() < end:
        rows = stored(database, cars)
        written = int(rows["readings"].sum())
        if written != before:
            print(f"{written} of {count} readings are in {len(rows)} rows", flush=True)
            before, end = written, time.monotonic() + seconds
        if written >= count:
            return rows
        time.sleep(0.5)
    raise ServiceError(f"{TABLE} has only {before} readings. See make logs SERVICE=streams.")


def send_with_poison(client: Producer, seed: int, **options: int) -> tuple[str, int]:
    """Send a fleet and a poison message. Return the prefix of its cars, and a count."""
    readings = fleet(seed, **options)
    client.produce(TOPIC, f"not a reading of fleet {seed}")
    send(client, readings)
    return f"car-{seed}-", len(readings)


def check(database: Engine, cars: str, count: int) -> None:
    """Compare the rows of these cars with the messages in Kafka, and find the dead letter."""
    rows = follow(database, cars, count)
    messages = read(TOPIC)
    mine = messages[messages["car"].str.startswith(cars, na=False)]
    # Sums of floating-point numbers depend on their order, in the last digits.
    pd.testing.assert_frame_equal(
        rows, expected(mine), check_dtype=False, check_index_type=False, rtol=1e-9
    )
    print(f"{len(rows)} rows are equal to those that pandas computes from {len(mine)} messages")
    letters = read(DEAD_LETTERS)
    seed = cars.split("-")[1]
    found = letters[letters["value"] == f"not a reading of fleet {seed}"]
    if len(mine) != count or len(found) != 1:
        raise SystemExit(f"error: {len(mine)} of {count} readings, {len(found)} of 1 dead letters.")
    print(f"the message that is not a reading is in {DEAD_LETTERS}")


def main() -> None:
    """Send readings, wait until they are in the table, and compare."""
    # The seed is part of the names of the cars, so those of each run are new.
    cars, count = send_with_poison(producer(), seed=int(time.time()))
    check(engine(), cars, count)


if __name__ == "__main__":
    with exit_on_os_error():
        main()

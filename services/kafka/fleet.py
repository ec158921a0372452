"""A simulated fleet of cars, whose sensors send readings to the topic `car-readings`.

In some cars a part is failing, and their readings drift away: `failing` is the label for a model.
"""

import argparse
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from confluent_kafka import Message

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import ServiceError

TOPIC = "car-readings"
# Messages that are not readings go to the dead-letter topic, where somebody can look at them.
DEAD_LETTERS = f"{TOPIC}-dead"
# Seconds between two readings of a car.
INTERVAL = 5
# The fields of a reading. `failing` is `none` or a part in PARTS.
FIELDS = {
    "car": str,
    "time": str,
    "speed": float,  # km/h
    "engine_temperature": float,  # °C
    "vibration": float,  # mm/s
    "fuel": float,  # % of the tank
    "failing": str,
}
PARTS = ("cooling", "bearing", "fuel pump")


def follow(target: np.ndarray, first: float, share: float) -> np.ndarray:
    """Return values that go `share` of the way to their target in each step."""
    values = np.empty(len(target))
    for step, goal in enumerate(target):
        first += share * (goal - first)
        values[step] = first
    return values


def car(seed: int, number: int, start: datetime, minutes: int) -> pd.DataFrame:
    """Return the readings of one car, as `fleet` does."""
    random = np.random.default_rng([seed, number])
    steps = minutes * 60 // INTERVAL
    # About once a minute the road changes: a red light, a town, a country road, a motorway.
    roads = random.choice([0, 50, 80, 120], size=steps, p=[0.15, 0.45, 0.25, 0.15])
    changes = random.random(steps) < INTERVAL / 60
    changes[0] = True
    target = roads[np.maximum.accumulate(np.where(changes, np.arange(steps), 0))]
    speed = follow(target + random.normal(0, 4, steps), 0, 0.4).clip(0)
    # From a random moment on, a part gets worse. In more than half of the cars, none does.
    failing = random.choice(["none", *PARTS], p=[0.55, 0.15, 0.15, 0.15])
    onset = random.uniform(0, 0.5) * steps
    worse = ((np.arange(steps) - onset) / (steps - onset)).clip(0)
    cooling, bearing, pump = (worse * (failing == part) for part in PARTS)
    heat = follow(85 + speed / 12 + 35 * cooling, random.uniform(60, 85), 0.05)
    vibration = (0.8 + speed / 60) * (1 + 2.5 * bearing)
    rate = (2 + speed / 15) * (1 + 3 * pump)  # % of the tank per hour
    fuel = random.uniform(40, 100) - np.cumsum(rate) * INTERVAL / 3600
    frame = pd.DataFrame(
        {
            "car": f"car-{seed}-{number:03}",
            "time": pd.date_range(start, periods=steps, freq=f"{INTERVAL}s"),
            "speed": speed,
            "engine_temperature": heat + random.normal(0, 0.7, steps),
            "vibration": vibration * random.lognormal(0, 0.15, steps),
            # A tank is filled when it is empty.
            "fuel": fuel % 100,
            "failing": np.where(worse > 0, failing, "none"),
        }
    )
    return frame.round({field: 2 for field, kind in FIELDS.items() if kind is float})


def fleet(
    seed: int = 1, cars: int = 20, minutes: int = 30, start: datetime | None = None
) -> pd.DataFrame:
    """Return the readings of all cars, in the order of time.

    The same arguments give the same readings. Without a `start`, the last ones are of now.
    The name of a car contains the seed, so two fleets have no car in common.
    """
    start = start or datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=minutes)
    frames = [car(seed, number, start, minutes) for number in range(cars)]
    return pd.concat(frames).sort_values(["time", "car"], ignore_index=True)


def messages(readings: pd.DataFrame) -> Iterator[tuple[str, bytes]]:
    """Yield the key and the value of a message for each reading.

    The key is the car, so all readings of a car are in one partition, in their order.
    """
    for reading in readings.to_dict("records"):
        moment = reading["time"].isoformat().replace("+00:00", "Z")
        yield reading["car"], json.dumps({**reading, "time": moment}).encode()


def parse(value: bytes | None) -> dict[str, Any]:
    """Return the reading in a message.

    Raises:
        ValueError: It is not a reading. The message says why.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not a number")

    try:
        reading = json.loads(value or b"", parse_constant=refuse)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(reading, dict):
        raise ValueError("not a JSON object")
    for field, kind in FIELDS.items():
        if type(reading.get(field)) not in ((int, float) if kind is float else (kind,)):
            raise ValueError(f"{field} is missing or not {'a number' if kind is float else 'text'}")
    if datetime.fromisoformat(reading["time"]).tzinfo is None:
        raise ValueError("time has no time zone")
    return reading


def send(producer: Any, readings: pd.DataFrame, progress: bool = True) -> None:
    """Send readings to the topic, and return when Kafka has stored all of them.

    Raises:
        ServiceError: Kafka has not stored some of them.
    """
    lost = []

    def delivered(problem: Any, message: Message) -> None:
        if problem:
            lost.append(problem)

    for number, (key, value) in enumerate(messages(readings), start=1):
        while True:
            try:
                producer.produce(TOPIC, value, key, on_delivery=delivered)
                break
            except BufferError:
                # The queue is full: wait until Kafka has stored a part of it.
                producer.poll(1)
        producer.poll(0)
        if progress and number % 5000 == 0:
            print(f"sent {number} of {len(readings)} readings")
    left = producer.flush(300)
    if lost or left:
        reason = lost[0] if lost else "Kafka does not answer"
        number = len(lost) + left
        raise ServiceError(f"{number} readings are not stored: {reason}. Send them again.")
    if progress:
        print(f"sent {len(readings)} of {len(readings)} readings")


def positive(name: str, text: str) -> int:
    """Return the value of a setting that must be a whole number above 0.

    Raises:
        SystemExit: It is not.
    """
    if not re.fullmatch("[1-9][0-9]*", text):
        raise SystemExit(f"error: {name}='{text}' is not a number above 0. Use one such as 20.")
    return int(text)


def main() -> None:
    """Send a fleet's readings: those of the last minutes at once, or new ones as they happen."""
    from services.kafka.client import producer

    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in {"SEED": 1, "CARS": 20, "MINUTES": 30}.items():
        parser.add_argument(f"--{name.lower()}", type=partial(positive, name), default=default)
    parser.add_argument("--live", action="store_true", help="send each reading at its time")
    options = parser.parse_args()
    start = datetime.now(UTC).replace(microsecond=0) if options.live else None
    readings = fleet(options.seed, options.cars, options.minutes, start)
    client = producer()
    if not options.live:
        send(client, readings)
        return
    for moment, part in readings.groupby("time"):
        time.sleep(max(0, (moment - datetime.now(UTC)).total_seconds()))
        send(client, part, progress=False)
        print(f"{moment:%H:%M:%S}: sent {len(part)} readings")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

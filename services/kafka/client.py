"""Connect to the project's Kafka: produce, consume, and read a topic into a DataFrame."""

import json
import sys
from typing import Any

import pandas as pd
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient

from services.access import ServiceError, password, wait_for


def _connect(kind: type, **options: Any) -> Any:
    """Return a client of Kafka that has logged in, with options of librdkafka."""
    wait_for("kafka", 9092)
    problems: list[int] = []
    connected = False

    def failed(problem: KafkaError) -> None:
        problems.append(problem.code())
        if connected and problem.code() == KafkaError._ALL_BROKERS_DOWN:
            print("kafka does not answer; trying again", file=sys.stderr)

    settings = {
        "bootstrap.servers": "kafka:9092",
        "security.protocol": "SASL_PLAINTEXT",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "analyst",
        "sasl.password": password("kafka_password"),
        "error_cb": failed,
        # The library itself would write a line for each attempt.
        "log_level": 2,
    }
    client = kind({**settings, **options})
    try:
        client.list_topics(timeout=10)
    except KafkaException as error:
        # Calls `failed`.
        client.poll(0)
        refused = KafkaError._AUTHENTICATION in problems
        reason = "does not accept the password in .env" if refused else f"does not answer ({error})"
        raise ServiceError(f"kafka {reason}. Restart it: make up SERVICE=kafka.") from None
    connected = True
    return client


def producer(**options: Any) -> Producer:
    """Return a producer. It sends each message again until Kafka has stored it, once and in order.

    Messages wait in memory: call `flush()` in the end. An option such as `linger.ms` is given as
    `producer(**{"linger.ms": 50})`.

    Raises:
        ServiceError: Kafka is not running, or was never started.
    """
    return _connect(Producer, **{"acks": "all", "enable.idempotence": True, **options})


def consumer(group: str, *topics: str, **options: Any) -> Consumer:
    """Return a consumer that shares the partitions of `topics` with others of its group.

    A new group starts with the oldest message. `commit()` stores how far the group has come.

    Raises:
        ServiceError: Kafka is not running, or was never started.
    """
    defaults = {"group.id": group, "auto.offset.reset": "earliest", "enable.auto.commit": False}
    client = _connect(Consumer, **{**defaults, **options})
    if topics:
        client.subscribe(list(topics))
    return client


def admin() -> AdminClient:
    """Return a client that creates, describes and deletes topics and groups.

    Raises:
        ServiceError: Kafka is not running, or was never started.
    """
    return _connect(AdminClient)


def _fields(message: Message) -> dict[str, Any]:
    """Return the headers of a message, and the fields of its JSON object or else its `value`."""
    value = message.value()
    text = None if value is None else value.decode(errors="replace")
    try:
        fields = json.loads(text or "")
    except ValueError:
        fields = None
    pairs = message.headers() or []
    headers = {name: (each or b"").decode(errors="replace") for name, each in pairs}
    return {**headers, **(fields if isinstance(fields, dict) else {"value": text})}


def read(topic: str) -> pd.DataFrame:
    """Return all messages that a topic has now, with their partition and offset as the index.

    Each header and each field of a JSON object is a column. The text of a message that is not a
    JSON object is in the column `value`.

    Raises:
        ServiceError: Kafka is not running, stops answering, or does not have this topic.
    """
    # A group is required, although this consumer neither joins it nor commits.
    reader = consumer("read", **{"enable.partition.eof": True})
    try:
        partitions = reader.list_topics(topic, timeout=20).topics[topic].partitions
        if not partitions:
            raise ServiceError(f"kafka has no topic {topic}. Add it to services/kafka/topics.txt.")
        reader.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in partitions])
        places, rows, ended, silent = [], [], set[int](), 0
        while len(ended) < len(partitions):
            found = reader.consume(1000, timeout=1)
            silent = 0 if found else silent + 1
            if silent == 60:
                problem = "kafka has not answered for 60 seconds"
                raise ServiceError(f"{topic} cannot be read: {problem}. See make logs.")
            for message in found:
                problem = message.error()
                if problem and problem.code() == KafkaError._PARTITION_EOF:
                    ended.add(message.partition())
                elif problem:
                    raise ServiceError(f"{topic} cannot be read: {problem}. See make logs.")
                else:
                    places.append((message.partition(), message.offset()))
                    rows.append(_fields(message))
    finally:
        reader.close()
    index = pd.DataFrame(places, columns=["partition", "offset"])
    return pd.DataFrame(rows, index=pd.MultiIndex.from_frame(index))

"""Two consumers share the readings of a fleet. One dies, and the other continues for it."""

import multiprocessing
import time
from collections import Counter
from multiprocessing.connection import Connection, wait

from confluent_kafka import Consumer, Producer, TopicPartition

from {{ cookiecutter.package_name }}.files import exit_on_os_error

from services.access import ServiceError
from services.kafka.client import consumer, producer, read
from services.kafka.fleet import DEAD_LETTERS, TOPIC, fleet, parse, send

# Messages that are not readings, as a faulty sensor may send them.
POISON = (b"not JSON", b'{"car": "car-0", "time": "2026-01-01T00:00:00Z", "speed": "fast"}', b"")
SEE = "See make logs SERVICE=kafka."


def process(reader: Consumer, writer: Producer, report: Connection) -> None:
    """Read a batch: report its readings, park the other messages, and commit the position."""
    places, poison = [], []
    for message in reader.consume(200, timeout=0.5):
        if message.error():
            raise ServiceError(f"{message.error()}. {SEE}")
        try:
            parse(message.value())
            places.append((message.partition(), message.offset()))
        except ValueError as error:
            poison.append((message, str(error)))
    if not places and not poison:
        return
    report.send(("read", places))
    # The other process may kill this one here, before the commit.
    report.recv()
    # One transaction: a message is parked and the offset is committed, or neither.
    writer.begin_transaction()
    for message, reason in poison:
        place = f"{message.topic()} {message.partition()} {message.offset()}"
        headers = {"place": place, "reason": reason}
        writer.produce(DEAD_LETTERS, message.value(), message.key(), headers=headers)
    positions = reader.position(reader.assignment())
    writer.send_offsets_to_transaction(positions, reader.consumer_group_metadata())
    writer.commit_transaction()
    report.send(("committed", len(poison)))


def work(group: str, name: str, report: Connection) -> None:
    """Be one consumer of a group, in a process of its own."""

    def assigned(_: Consumer, partitions: list[TopicPartition]) -> None:
        report.send(("assigned", {each.partition for each in partitions}))

    with exit_on_os_error():
        # If a consumer dies, Kafka gives its partitions to the others after this time.
        reader = consumer(group, **{"session.timeout.ms": 6000, "heartbeat.interval.ms": 1000})
        writer = producer(
            **{"transactional.id": f"{group}-{name}", "transaction.timeout.ms": 10000}
        )
        writer.init_transactions()
        reader.subscribe([TOPIC], on_assign=assigned)
        while True:
            process(reader, writer, report)


class Worker:
    """A consumer in a process of its own, and what it has reported."""

    def __init__(self, group: str, name: str) -> None:
        self.name = name
        self.partitions: set[int] = set()
        self.batches: list[list[tuple[int, int]]] = []
        self.committed = 0
        self.parked = 0
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.process = context.Process(target=work, args=(group, name, other), daemon=True)
        self.process.start()
        other.close()

    def receive(self) -> str:
        """Take note of one report, and return what it is about."""
        try:
            about, value = self.connection.recv()
        except EOFError:
            raise ServiceError(f"the consumer {self.name} has ended. {SEE}") from None
        if about == "assigned":
            self.partitions = value
        elif about == "read":
            self.batches.append(value)
        else:
            self.committed += 1
            self.parked += value
        return about

    def done(self) -> list[tuple[int, int]]:
        """Return partition and offset of each reading in a batch that is committed."""
        return [place for batch in self.batches[: self.committed] for place in batch]


def receive(workers: list[Worker], end: float) -> list[tuple[Worker, str]]:
    """Wait for reports, and return from whom and about what they are."""
    ready = wait([each.connection for each in workers], timeout=max(0, end - time.monotonic()))
    if not ready:
        raise ServiceError(f"the consumers have not read all messages within a minute. {SEE}")
    return [(each, each.receive()) for each in workers if each.connection in ready]


def skip_older_messages(group: str) -> None:
    """Commit the end of the topic, so that the group reads only what comes later."""
    with_group = consumer(group)
    ends = []
    for number in with_group.list_topics(TOPIC, timeout=20).topics[TOPIC].partitions:
        place = TopicPartition(TOPIC, number)
        place.offset = with_group.get_watermark_offsets(place, timeout=20)[1]
        ends.append(place)
    with_group.commit(offsets=ends, asynchronous=False)
    with_group.close()


def main() -> None:
    """Send the readings, kill a consumer, and count what arrived."""
    # The seed is part of the names of the cars, so those of each run are new. So is the group.
    seed = int(time.time())
    group = f"example-{seed}"
    readings = fleet(seed)
    parked_before = len(read(DEAD_LETTERS))
    skip_older_messages(group)

    end = time.monotonic() + 60
    survivor, victim = workers = [Worker(group, "A"), Worker(group, "B")]
    shares = [set(), set()]
    while not all(shares) or shares[0] & shares[1]:
        receive(workers, end)
        shares = [each.partitions for each in workers]
    for each in workers:
        print(f"consumer {each.name} has partitions {sorted(each.partitions)}")

    client = producer()
    for value in POISON:
        client.produce(TOPIC, value)
    send(client, readings)
    sent = read(TOPIC)
    expected = sent.index[sent["car"].isin(readings["car"])].to_list()

    alive = workers
    while survivor.parked + victim.parked < len(POISON) or (
        len(survivor.done()) + len(victim.done()) < len(expected)
    ):
        for each, about in receive(alive, end):
            if about != "read":
                continue
            if each is victim and victim.committed == 2:
                victim.process.kill()
                alive = [survivor]
                print(f"kill consumer B before it commits {len(victim.batches[-1])} readings")
                continue
            each.connection.send("go on")
            count = len(survivor.done()) + len(victim.done())
            if len(each.batches) % 5 == 0:
                print(f"read {count} of {len(expected)} readings")
    survivor.process.kill()

    print(f"A read {len(survivor.done())} readings, and B {len(victim.done())} before it died")
    lost = set(victim.batches[-1]) - set(survivor.done())
    if alive == workers or lost:
        raise SystemExit(f"error: {len(lost)} readings of consumer B are lost. {SEE}")
    arrived = Counter(survivor.done() + victim.done())
    if arrived != Counter(expected) or len(expected) != len(readings):
        raise SystemExit(f"error: of {len(readings)} readings, {len(arrived)} arrived. {SEE}")
    print(f"all {len(readings)} readings arrived: A read again what B had not committed")

    parked = read(DEAD_LETTERS).iloc[parked_before:]
    print(f"{len(parked)} messages are in {DEAD_LETTERS}:", *parked["reason"], sep="\n  ")
    if len(parked) != len(POISON):
        raise SystemExit(f"error: {len(POISON)} messages should be there. {SEE}")


if __name__ == "__main__":
    with exit_on_os_error():
        main()

"""Kafka: what was acknowledged survives a kill, and so does what was not acknowledged yet."""

import re
import socket
import subprocess

import pytest
from support import docker, running

pytestmark = pytest.mark.docker

IMAGE = "apache/kafka:4.3.1"


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("kafka")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The project with a healthy broker, whatever state the test before left it in."""
    if not started.containers("health=healthy"):
        started.ok("up")
    return started


@pytest.fixture
def program(project):
    """Write a Python program for the development image, and return the command that runs it."""
    file = project.path / "reports" / "program.py"

    def write(code: str) -> str:
        file.write_text(code, encoding="utf-8")
        return "python -u reports/program.py"

    yield write
    file.unlink()


def in_volume(project, command: str, data: bytes = b"") -> bytes:
    """Run a shell command in the folder of the broker's volume, with its input and output."""
    (volume,) = docker("volume", "ls", "--quiet", "--filter", f"name={project.slug}.*_kafka$").split()
    run = ["docker", "run", "--rm", "--interactive", "--volume", f"{volume}:/v", "--workdir", "/v", "--entrypoint"]
    return subprocess.run([*run, "sh", IMAGE, "-c", command], input=data, capture_output=True, check=True).stdout


def crc32c(data: bytes) -> int:
    """Return the checksum that Kafka keeps of its records."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x82F63B78 * (crc & 1)
    return crc ^ 0xFFFFFFFF


def of_newer_version(log: bytes) -> bytes:
    """Return a log of metadata as a newer version of Kafka would have written it."""
    batches, start = [], 0
    while start < len(log):
        end = start + 12 + int.from_bytes(log[start + 8 : start + 12])
        batch = bytearray(log[start:end])
        # The name of this feature, and its level in two bytes.
        if found := re.search(rb"metadata\.version..", batch, re.DOTALL):
            batch[found.end() - 1] = 99
            batch[17:21] = crc32c(batch[21:]).to_bytes(4)
        batches.append(batch)
        start = end
    return b"".join(batches)


def set_password(project, password: str) -> None:
    file = project.path / ".env"
    text, count = re.subn(r"(?m)^KAFKA_PASSWORD=.*$", lambda _: f"KAFKA_PASSWORD={password}", file.read_text())
    assert count == 1
    file.write_text(text)


def test_killed_broker_loses_and_repeats_no_message(project, program):
    """Messages wait in the producer while the broker is away. Those it had acknowledged are on its disk."""
    command = program("""
from pathlib import Path
from services.kafka.client import producer

writer, acknowledged, number, told = producer(), [], 0, False
while not Path("reports/killed").exists():
    number += 1
    writer.produce("car-readings", f"test {number}", "key", on_delivery=lambda error, _: acknowledged.append(error))
    writer.poll(0.001)
    if acknowledged and not told:
        told = True
        print("the first are acknowledged")
print(len(writer))
print(writer.flush(120), set(acknowledged), len(acknowledged) == number, number)
""")
    killed = project.path / "reports" / "killed"
    with running("make", "run", f"CMD={command}", folder=project.path) as process:
        assert process.stdout.readline() == "the first are acknowledged\n"
        docker("kill", "--signal", "KILL", project.container("kafka"))
        killed.touch()
        assert int(process.stdout.readline()) > 0
        project.ok("up")
        output, notes = process.communicate(timeout=180)
        *result, number = output.split()
    killed.unlink()
    assert (process.returncode, " ".join(result)) == (0, "0 {None} True")
    assert set(notes.splitlines()) == {"kafka does not answer; trying again"}

    command = program(f"""
from services.kafka.client import read

values = read("car-readings")["value"].dropna()
mine = values[values.str.startswith("test ")].str.removeprefix("test ")
print(mine.astype(int).to_list() == list(range(1, {number} + 1)))
""")
    assert project.run(command) == "True\n"
    docker("restart", project.container("kafka"))
    project.ok("up")
    assert project.run(command) == "True\n"


def test_example_replays_what_a_dead_consumer_read(project):
    output = project.ok("example-kafka")
    shares = re.findall(r"consumer [AB] has partitions \[([\d, ]+)\]", output)
    assert sorted(number for share in shares for number in share.split(", ")) == ["0", "1", "2"]
    sent, lost, count = (
        int(re.search(pattern, output)[1])
        for pattern in (r"sent (\d+) of \1", r"before it commits (\d+)", r"all (\d+) readings arrived")
    )
    assert lost > 0 and sent == count
    # The two consumers park them in any order.
    assert "3 messages are in car-readings-dead:\n" in output and "\n  not JSON: " in output


def test_readings_are_sent_at_once_or_as_they_happen(project, program):
    assert project.ok("send-readings", "CARS=2", "MINUTES=1", "SEED=5").endswith("sent 24 of 24 readings\n")
    for text in ("0", "1.5", "$(id)"):
        line = project.error("send-readings", f"CARS={text}")
        assert line == f"error: CARS='{text}' is not a number above 0. Use one such as 20."
    command = program("""
from services.kafka import fleet

fleet.INTERVAL = 60
fleet.main()
""")
    output = project.run(f"{command} --live --cars 2 --minutes 1")
    assert re.fullmatch(r"\d\d:\d\d:\d\d: sent 2 readings\n", output)


def test_fleet_is_the_same_for_the_same_seed(project, program):
    """The code in the README runs in a notebook, and a failing part can be seen in the readings."""
    (code,) = re.findall(r"```python\n(.*?)```", project.read("services/kafka/README.md"), re.DOTALL)
    command = program(
        code
        + """
import pandas as pd
from services.kafka.fleet import FIELDS, PARTS, fleet, messages, parse

start = pd.Timestamp("2026-01-01", tz="UTC")
first = fleet(seed=7, cars=30, minutes=20, start=start)
assert first.equals(fleet(seed=7, cars=30, minutes=20, start=start))
assert not first["speed"].equals(fleet(seed=8, cars=30, minutes=20, start=start)["speed"])
assert list(first) == list(FIELDS) and set(first["failing"]) == {"none", *PARTS}
assert all(parse(value)["car"] == key for key, value in messages(first))
late = first[first["time"] > first["time"].max() - pd.Timedelta("3min")].groupby("failing").mean(numeric_only=True)
print(late["engine_temperature"].idxmax(), late["vibration"].idxmax())
"""
    )
    assert project.run(command).splitlines()[-1] == "cooling bearing"


def test_other_containers_need_the_password(project):
    """They reach only one listener. The controller, and the one without a password, listen in the container alone."""
    properties = "security.protocol=SASL_PLAINTEXT\\nsasl.mechanism=PLAIN\\nsasl.jaas.config="
    properties += (
        'org.apache.kafka.common.security.plain.PlainLoginModule required username="analyst" password="wrong";'
    )
    script = f"""
printf '{properties}\\n' >/tmp/wrong
exec 2>&1
/opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:9092 --command-config /tmp/wrong --list
for port in 9092 9093 9094 19092; do
  if bash -c "exec 3<>/dev/tcp/kafka/$port" 2>/dev/null; then echo "$port is open"; fi
done"""
    network = ("--network", project.network())
    output = docker("run", "--rm", *network, "--entrypoint", "sh", IMAGE, "-c", script)
    assert "Authentication failed" in output
    assert re.findall(r"\d+ is open", output) == ["9092 is open"]

    password, container = project.setting("KAFKA_PASSWORD"), project.container("kafka")
    assert password not in docker("inspect", container)
    assert password not in docker("top", container, "-eo", "pid,args")
    assert password not in docker("logs", container)


def test_programs_on_this_machine_can_connect_on_request(project):
    assert docker("port", project.container("kafka")) == ""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert project.error("up", f"KAFKA_PORT={port}").startswith(f"error: port {port} is in use.")
    project.ok("up", f"KAFKA_PORT={port}")
    assert project.port("kafka") == port
    code = f"""
from confluent_kafka import Producer
writer = Producer({{
    "bootstrap.servers": "127.0.0.1:{port}", "security.protocol": "SASL_PLAINTEXT", "sasl.mechanism": "PLAIN",
    "sasl.username": "analyst", "sasl.password": "{project.setting("KAFKA_PASSWORD")}",
}})
writer.produce("car-readings", "from this machine")
print(writer.flush(30))
"""
    assert docker("run", "--rm", "--network", "host", project.image, "python", "-c", code) == "0"
    project.ok("up")
    assert docker("port", project.container("kafka")) == ""


def test_changed_password_is_used_and_topics_grow(project, program):
    """Messages stay. A line that cannot be read is named, and so is a password that Kafka cannot have."""
    old = project.setting("KAFKA_PASSWORD")
    count = program("from services.kafka.client import read\nprint(len(read('car-readings')))")
    before = project.run(count)
    file = project.path / "services/kafka/topics.txt"
    topics = file.read_text()

    set_password(project, "ümlaut")
    assert project.error("up").startswith("error: KAFKA_PASSWORD has characters that Kafka cannot read.")
    set_password(project, "it's \"new\\ #1")
    file.write_text(topics.replace("car-readings      3  7", "car-readings 5 forever\nnew few 1"))
    assert project.error("up").startswith("error: line 4 of services/kafka/topics.txt is wrong.")
    file.write_text(topics.replace("car-readings      3  7", "car-readings 5 forever\nnew 2 1"))
    project.ok("up")
    assert project.run(count) == before
    described = docker(
        *("exec", project.container("kafka"), "/opt/kafka/bin/kafka-topics.sh"),
        *("--bootstrap-server", "localhost:9094", "--describe"),
    )
    assert re.search(r"Topic: car-readings\s.*PartitionCount: 5\s.*retention.ms=-1", described)
    assert re.search(r"Topic: new\s.*PartitionCount: 2\s.*retention.ms=86400000", described)
    file.write_text(topics)
    set_password(project, old)
    project.ok("up")
    assert project.run(count) == before


def test_foreign_volume_is_left_alone(project):
    """One of another cluster, and one of a newer version."""
    project.ok("down")
    in_volume(project, "cp meta.properties kept && sed -i s/node.id=1/node.id=2/ meta.properties")
    line = project.error("up")
    assert line.startswith("error: the volume of kafka belongs to another cluster.")
    project.ok("down")
    log = "__cluster_metadata-0/00000000000000000000.log"
    written = in_volume(project, f"mv kept meta.properties && cat {log}")
    newer = of_newer_version(written)
    assert newer != written
    in_volume(project, f"cat >{log}", newer)
    line = project.error("up")
    assert line.startswith("error: the volume of kafka was written by a newer version.")
    project.ok("down")
    in_volume(project, f"cat >{log}", written)
    project.ok("up")


def test_client_says_what_to_do(started, program):
    command = program(
        """
from services.kafka.client import read
from {{package}}.files import exit_on_os_error

with exit_on_os_error():
    read("car-reading")
""".replace("{{package}}", started.slug.replace("-", "_"))
    )
    started.ok("up")
    line = started.error("run", f"CMD=KAFKA_PASSWORD=old {command}")
    assert line == "error: kafka does not accept the password in .env. Restart it: make up SERVICE=kafka."
    line = started.error("run", f"CMD={command}")
    assert line == "error: kafka has no topic car-reading. Add it to services/kafka/topics.txt."
    started.ok("down")
    line = started.error("run", f"CMD={command}")
    assert line == "error: nothing answers at kafka:9092. Start it: make up SERVICE=kafka."

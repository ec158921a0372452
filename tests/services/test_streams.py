"""Streams: each reading is counted once, whatever is killed midway."""

import json
import re
import subprocess
from datetime import UTC, datetime

import pytest
from support import docker, running, wait_until

pytestmark = pytest.mark.docker

READINGS = 43_200
SEND = """
from services.kafka.client import producer
from services.postgres.client import engine
from services.streams.example import follow, send_with_poison

cars, count = send_with_poison(producer(), seed=7, cars=60, minutes=60)
follow(engine(), cars, count)
print(cars, count)
"""
CHECK = "from services.streams.example import check, engine; check(engine(), {!r}, {})"


@pytest.fixture(scope="module")
def started(with_service):
    project = with_service("streams")
    project.ok("up")
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The project with healthy services, whatever state the test before left them in."""
    started.ok("up")
    return started


def progress(process) -> int:
    """Return how many readings are in the table, from the next line of the program that says so."""
    for line in process.stdout:
        if found := re.match(r"(\d+) of \d+ readings are in", line):
            return int(found[1])
    raise AssertionError(process.stderr.read())


def sql(project, statement: str) -> str:
    """Return what psql prints."""
    client = 'psql --username analyst --dbname "$POSTGRES_DB" --quiet --no-align --tuples-only --command'
    return docker("exec", project.container("postgres"), "sh", "-c", f'{client} "{statement}"')


def produce(project, car: str) -> None:
    """Send one reading to the topic that the application reads."""
    numbers = dict.fromkeys(("speed", "engine_temperature", "vibration", "fuel"), 1)
    reading = json.dumps({"car": car, "time": datetime.now(UTC).isoformat(), **numbers, "failing": "none"})
    code = "from services.kafka.client import producer; import sys; p = producer(); p.produce(*sys.argv[1:])"
    project.run(f"python -c '{code}; p.flush()' car-readings '{reading}'")


def test_rows_equal_those_of_pandas_whatever_is_killed(project):
    """The application is killed when it has written some rows, and then the broker when it has written more."""
    program = project.path / "reports" / "program.py"
    program.write_text(SEND)
    with running("make", "run", "CMD=python -u reports/program.py", folder=project.path) as process:
        written = 0
        for service in ("streams", "kafka"):
            before = written
            while written == before:
                written = progress(process)
            assert written < READINGS
            docker("kill", "--signal", "KILL", project.container(service))
            project.ok("up")
        output, errors = process.communicate(timeout=300)
    program.unlink()
    assert process.returncode == 0, errors
    # Only now, since all rows may be written before the broker is back.
    *_, cars, count = output.split()
    said = project.run(f'python -c "{CHECK.format(cars, count)}"')
    assert f"rows are equal to those that pandas computes from {READINGS} messages" in said


def test_readings_wait_for_the_database_and_a_new_password(project):
    """The application notices that its passwords have changed, and starts again."""
    docker("stop", project.container("postgres"))
    produce(project, "waiting")
    wait_until(lambda: "the database does not answer, trying again" in docker("logs", project.container("streams")))
    project.ok("up")
    wait_until(lambda: sql(project, "select readings from car_minutes where car = 'waiting'") == "1")

    file = project.path / ".env"
    file.write_text(re.sub(r"(KAFKA|POSTGRES)_PASSWORD=.*", r"\1_PASSWORD=changed", file.read_text()))
    project.ok("password-postgres")
    project.ok("up")
    produce(project, "changed")
    wait_until(lambda: sql(project, "select readings from car_minutes where car = 'changed'") == "1")


def test_wrong_database_is_one_line(project):
    cases = {
        "jdbc:oracle:thin:@//db:1521/FREEPDB1": "the image of streams has no driver for STREAMS_JDBC_URL.",
        "jdbc:postgresql://postgres:1/none": "streams cannot reach the database.",
    }
    for url, message in cases.items():
        assert project.error("up", f"STREAMS_JDBC_URL={url}").startswith(f"error: {message}")
    line = project.error("up", "STREAMS_JDBC_USER=nobody")
    assert line.startswith("error: streams cannot log in to the database.")
    line = project.error("up", "STREAMS_JDBC_URL=jdbc:postgresql://postgres:5432/none")
    assert line.startswith('error: streams cannot open the database: FATAL: database "none" does not exist.')
    password = project.path / "reports" / "password"
    password.write_text("wrong")
    line = project.error("up", f"STREAMS_JDBC_PASSWORD_FILE={password}")
    assert line.startswith("error: streams cannot log in to the database.")
    password.unlink()


def test_source_that_does_not_compile_is_one_line(project):
    source = project.path / "services" / "streams" / "src" / "main" / "java" / "streams" / "Minute.java"
    correct = source.read_text()
    source.write_text(correct.replace("record Minute(", "record Minut("))
    assert project.error("up").startswith("error: the sources of streams do not compile")
    source.write_text(correct)


def test_missing_topic_is_named(project):
    command = ["docker", "compose", "run", "--rm", "--no-TTY", "--env", "SOURCE_TOPIC=none", "streams"]
    done = subprocess.run(command, cwd=project.path, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "error: Kafka has no topic none\n"

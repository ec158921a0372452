"""Postgres: column types, restoring dependent objects, and volumes of other versions."""

import subprocess

import pytest
from support import docker, running

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("postgres")
    project.ok("up")
    yield project
    project.make("down")


def sql(project, *statements):
    """Return what psql prints."""
    client = 'psql --username analyst --dbname "$POSTGRES_DB" --quiet --no-align --tuples-only --set ON_ERROR_STOP=1'
    command = ["docker", "exec", "--interactive", project.container("postgres"), "sh", "-c", client]
    done = subprocess.run(command, input="\n".join(statements), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_example_stores_each_column_in_its_own_type(project):
    project.ok("example-postgres")
    types = dict(
        line.split("|")
        for line in sql(
            project, "select column_name, data_type from information_schema.columns where table_name = 'tumors';"
        ).splitlines()
    )
    expected = {
        "malignant": "boolean",
        "number": "bigint",
        "hospital": "text",
        "taken": "timestamp without time zone",
        "reported": "timestamp with time zone",
        "day": "date",
        "age": "bigint",
        "device": "jsonb",
        "stains": "ARRAY",
    }
    assert expected.items() <= types.items()
    assert set(types.values()) - set(expected.values()) == {"double precision"}
    rows = sql(project, "select count(*), count(age), count(hospital), min(reported at time zone 'UTC') from tumors;")
    count, ages, hospitals, first = rows.split("|")
    assert int(count) > int(ages) > int(hospitals) > 0
    assert first == "2026-03-28 12:30:00"


def test_engine_reconnects_after_a_restart(project):
    """The connections of a notebook's engine may have been closed meanwhile."""
    code = """
from pathlib import Path
from time import sleep
from sqlalchemy import text
from services.postgres.client import engine

def ask():
    with engine().connect() as connection:
        return connection.scalar(text("select 41 + 1"))

print(ask(), engine() is engine())
restarted = Path("reports/restarted")
while not restarted.exists():
    sleep(0.1)
print(ask())
"""
    program = project.path / "reports" / "ask.py"
    restarted = program.with_name("restarted")
    program.write_text(code)
    with running("make", "run", "CMD=python -u reports/ask.py", folder=project.path) as process:
        assert process.stdout.readline() == "42 True\n"
        docker("restart", project.container("postgres"))
        restarted.touch()
        assert process.communicate(timeout=60)[0] == "42\n"
    for file in (program, restarted):
        file.unlink()


def test_restore_replaces_dependent_and_locked_objects(project):
    sql(
        project,
        "drop schema if exists s cascade; create schema s;",
        "create table s.a (n int primary key); create table s.b (n int references s.a); create view s.v as table s.b;",
        "insert into s.a values (1); insert into s.b values (1);",
    )
    project.ok("backup-postgres")
    sql(project, "create view s.later as table s.v; delete from s.b; create table s.new (n int);")
    command = ["docker", "exec", "--interactive", project.container("postgres"), "sh", "-c"]
    client = 'psql --username analyst --dbname "$POSTGRES_DB" --quiet --tuples-only --no-align'
    busy = subprocess.Popen([*command, client], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    busy.stdin.write("begin; lock table s.a; select 'locked';\n")
    busy.stdin.flush()
    assert busy.stdout.readline() == "locked\n"
    project.ok("restore-postgres")
    busy.kill()
    assert sql(project, "table s.v;") == "1"
    assert sql(project, "select count(*) from pg_class where relname in ('later', 'new');") == "0"
    assert sql(project, "select string_agg(datname, ' ') from pg_database where datname ~ '_(restored|before)$';") == ""


def test_volume_of_another_major_version_is_left_alone(project):
    sql(project, "drop table if exists kept; create table kept as select 1 as n;")
    (volume,) = [each["Name"] for each in project.inspect(project.container("postgres"))["Mounts"] if each.get("Name")]
    project.ok("down")

    def write(version):
        command = f"echo {version} >/volume/pgdata/PG_VERSION"
        docker("run", "--rm", "--volume", f"{volume}:/volume", "--entrypoint", "sh", "postgres:17", "-c", command)

    write(16)
    line = project.error("up")
    assert line == (
        "error: the volume of postgres was written by another major version. "
        "Use the old image, back up and restore: see services/postgres/README.md."
    )
    write(17)
    project.ok("up")
    assert sql(project, "table kept;") == "1"


def test_stop_notes_that_services_stop_too(project):
    done = project.make("stop")
    assert done.returncode == 0
    assert done.stderr == "note: services were stopped too. 'make up' starts them.\n"
    project.ok("up")

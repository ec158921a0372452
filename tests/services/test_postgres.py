"""Postgres: types, what a restore does with what depends on each other, volumes of other versions."""

import subprocess

import pytest
from support import docker

pytestmark = pytest.mark.docker


@pytest.fixture
def project(serving):
    return serving("postgres")


def sql(project, *lines):
    """Return what psql prints for some statements."""
    client = 'psql --username analyst --dbname "$POSTGRES_DB" --quiet --no-align --tuples-only --set ON_ERROR_STOP=1'
    command = ["docker", "exec", "--interactive", project.container("postgres"), "sh", "-c", client]
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_example_stores_each_column_in_a_type_of_its_own(project):
    project.ok("example-postgres")
    types = dict(
        line.split("|")
        for line in sql(
            project, "select column_name, data_type from information_schema.columns where table_name = 'tumours';"
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
    rows = sql(project, "select count(*), count(age), count(hospital), min(reported at time zone 'UTC') from tumours;")
    count, ages, hospitals, first = rows.split("|")
    assert int(count) > int(ages) > int(hospitals) > 0
    assert first == "2026-03-28 12:30:00"


def test_restore_replaces_what_depends_on_each_other_and_what_is_in_use(project):
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


def test_a_volume_of_another_major_version_is_named_and_left_alone(project):
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

"""What holds for every database: the same faults, the same lines for them, and nothing is lost."""

import gzip
import re
import shutil
import socket
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest
from support import Project, docker

pytestmark = pytest.mark.docker


@dataclass
class Database:
    """How one database is asked: what is typed into its client, in the container and from another one."""

    service: str
    port: int
    client: str
    # Who may not log in from another container without a password; a client that asks for none.
    strangers: list[str]
    stranger: str
    # Makes a list, and adds a number to it; its answer is the number, when it is stored.
    create: str
    add: str
    list: str
    drop: str
    # The beginning of a transaction that adds -1, and is still open when it answers with `open`.
    half: str
    opened: str

    def open(self, project: Project) -> subprocess.Popen:
        container = project.container(self.service)
        command = ["docker", "exec", "--interactive", container, "sh", "-c", self.client]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def ask(self, project: Project, lines: str) -> str:
        return self.open(project).communicate(lines + "\n", timeout=60)[0].strip()

    def numbers(self, project: Project) -> list[int]:
        return [int(number) for number in self.ask(project, self.list).split()]

    def fill(self, project: Project, *numbers: int) -> None:
        self.ask(project, "\n".join([self.drop, self.create, *(self.add.format(number) for number in numbers)]))
        assert self.numbers(project) == list(numbers)


DATABASES = [
    Database(
        service="postgres",
        port=5432,
        client='psql --username analyst --dbname "$POSTGRES_DB" --quiet --no-align --tuples-only',
        strangers=["analyst", "postgres"],
        stranger="psql --host postgres --username {} --no-password --dbname postgres --command 'select 1'",
        create="create table numbers (n int);",
        add="insert into numbers values ({0}) returning n;",
        list="select n from numbers order by n;",
        drop="drop table if exists numbers;",
        half="begin; insert into numbers values (-1) returning 'open';",
        opened="open",
    ),
    Database(
        service="mysql",
        port=3306,
        client="MYSQL_PWD=$(cat /run/secrets/mysql_password) "
        'mysql --user analyst --batch --skip-column-names --unbuffered "$MYSQL_DATABASE"',
        strangers=["analyst", "root", "''"],
        stranger="mysql --host mysql --user {} --execute 'select 1'",
        create="create table numbers (n int);",
        add="insert into numbers values ({0}); select {0};",
        list="select n from numbers order by n;",
        drop="drop table if exists numbers;",
        half="begin; insert into numbers values (-1); select 'open';",
        opened="open",
    ),
    Database(
        service="redis",
        port=6379,
        client="REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli",
        strangers=["default"],
        stranger="redis-cli -e -h redis get {}",
        create="echo numbers",
        # Its answer is the length of the list, which is the number as long as they come in order.
        add="rpush numbers {0}",
        list="lrange numbers 0 -1",
        drop="del numbers",
        half="multi\nrpush numbers -1",
        opened="QUEUED",
    ),
]


@pytest.fixture(scope="module", params=DATABASES, ids=lambda each: each.service)
def database(request):
    return request.param


@pytest.fixture(scope="module")
def built_project(with_service, database):
    project = with_service(database.service)
    yield project
    project.make("down")


@pytest.fixture
def project(built_project):
    """The project with its database up, where a test left it so."""
    if not built_project.containers("health=healthy"):
        built_project.ok("up")
    return built_project


@pytest.fixture
def copy(project, open_folder):
    """A second project with the same image in another folder: its containers and volumes are its own."""
    folder = open_folder / "copy"
    shutil.copytree(project.path, folder, ignore=shutil.ignore_patterns(".local", ".env"))
    copy = Project(folder)
    yield copy
    copy.make("down")


def passwords(project):
    return re.findall(r"^\w+_PASSWORD=(.+)$", project.read(".env"), re.MULTILINE)


def set_password(project, password):
    file = project.path / ".env"
    file.write_text(re.sub(r"_PASSWORD=.*", lambda _: f"_PASSWORD={password}", file.read_text()))


def test_nobody_comes_in_from_another_container_without_the_password(project, database):
    image = project.inspect(project.container(database.service))["Config"]["Image"]
    for user in database.strangers:
        command = ["docker", "run", "--rm", "--network", project.network(), "--entrypoint", "sh", image, "-c"]
        done = subprocess.run([*command, database.stranger.format(user)], capture_output=True, text=True)
        assert done.returncode != 0, done.stdout
        assert re.search("no password supplied|Access denied|NOAUTH", done.stdout + done.stderr), done.stderr


def test_the_password_is_in_no_place_that_the_engine_shows(project, database):
    (password,) = passwords(project)
    container = project.container(database.service)
    assert password not in docker("inspect", container)
    assert password not in docker("top", container, "-eo", "pid,args")
    assert password not in docker("logs", container)


def test_no_port_is_published_unless_it_is_set_and_then_on_this_machine_only(project, database):
    assert docker("port", project.container(database.service)) == ""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        name = f"{database.service.upper()}_PORT"
        line = project.error("up", f"{name}={port}")
        assert line == (
            f"error: port {port} is in use. Use another: make up {name}={port + 1}, or put {name}={port + 1} into .env."
        )
    project.ok("up", f"{name}={port}")
    assert project.port(database.service) == port
    socket.create_connection(("127.0.0.1", port)).close()
    # What only needs it leaves it as it runs.
    first = docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", project.container(database.service))
    project.ok(f"backup-{database.service}")
    project.ok(f"example-{database.service}")
    assert docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", project.container(database.service)) == first
    project.ok("up")
    assert docker("port", project.container(database.service)) == ""


def test_a_restored_backup_is_what_was_there(project, database):
    database.fill(project, 1, 2, 3)
    file = project.ok(f"backup-{database.service}").split()[-1]
    assert file.startswith(f"{project.path}/data/backups/{database.service}-")
    database.fill(project, 4)
    assert project.ok(f"restore-{database.service}").split()[-1] == file
    assert database.numbers(project) == [1, 2, 3]
    # And the next start has it too.
    docker("kill", project.container(database.service))
    project.ok("up")
    assert database.numbers(project) == [1, 2, 3]


def test_a_file_that_is_no_whole_backup_is_refused_and_nothing_is_lost(project, database, tmp_path):
    database.fill(project, 5, 6)
    whole = Path(project.ok(f"backup-{database.service}").split()[-1]).read_bytes()
    database.fill(project, 7)
    contents = {
        "cut": whole[: len(whole) * 2 // 3],
        "empty": b"",
        "text": b"drop table numbers;\n",
        "zipped": gzip.compress(b"drop table numbers;\n"),
    }
    for name, content in contents.items():
        file = tmp_path / name
        file.write_bytes(content)
        line = project.error(f"restore-{database.service}", f"FILE={file}")
        assert line.startswith(f"error: {file} was not restored, and {database.service} is as it was: "), line
        assert database.numbers(project) == [7]
    line = project.error(f"restore-{database.service}", f"FILE={tmp_path}/none")
    assert line.startswith(f"error: there is no file {tmp_path}/none.")


def test_what_was_committed_outlives_a_kill_and_half_a_transaction_does_not(project, database):
    database.fill(project)
    half, writer = database.open(project), database.open(project)
    half.stdin.write(database.half + "\n")
    half.stdin.flush()
    while half.stdout.readline().strip() != database.opened:
        assert half.poll() is None

    def write():
        try:
            for number in range(1, 1_000_000):
                writer.stdin.write(database.add.format(number) + "\n")
        except BrokenPipeError:
            pass

    threading.Thread(target=write, daemon=True).start()
    answers = [writer.stdout.readline() for _ in range(200)]
    docker("kill", "--signal", "KILL", project.container(database.service))
    # The last answer may be cut off.
    answers += writer.stdout.read().splitlines(keepends=True)
    last = max(int(line) for line in answers if re.fullmatch(r"\d+\n", line))
    half.kill()
    project.ok("up")
    stored = database.numbers(project)
    assert last >= 200
    assert stored[:last] == list(range(1, last + 1))
    assert -1 not in stored


def test_two_projects_have_data_and_passwords_of_their_own(project, copy, database):
    database.fill(project, 1)
    theirs = project.container(database.service)
    project.ok("down")
    copy.ok("up")
    assert copy.container(database.service) != theirs
    assert not re.fullmatch(r"[\d\s]+", database.ask(copy, database.list))
    database.fill(copy, 2)
    assert not set(passwords(project)) & set(passwords(copy))
    copy.ok("down")
    project.ok("up")
    assert database.numbers(project) == [1]


def test_data_are_removed_only_where_that_is_asked_for_and_only_here(project, copy, database):
    database.fill(project, 1)
    project.ok("down")
    copy.ok("up")
    database.fill(copy, 2)
    assert "Name the service" in copy.error("down", "VOLUMES=1")
    assert database.numbers(copy) == [2]
    said = copy.ok("down", f"SERVICE={database.service}", "VOLUMES=1")
    assert said == f"stopped, and removed all that {database.service} stored in volumes\n"
    copy.ok("up")
    assert not re.fullmatch(r"[\d\s]+", database.ask(copy, database.list))
    copy.ok("down")
    project.ok("up")
    assert database.numbers(project) == [1]


def test_stop_says_that_it_stops_services_too(project):
    done = project.make("stop")
    assert done.returncode == 0
    assert done.stderr == "note: services were stopped too. 'make up' starts them.\n"
    project.ok("up")


def test_code_that_comes_too_early_says_what_to_start(built_project, database):
    project = built_project
    project.ok("down")
    line = project.error("run", f"CMD=python services/{database.service}/example.py")
    assert line == (
        f"error: nothing answers at {database.service}:{database.port}. Start it: make up SERVICE={database.service}."
    )


def test_a_password_changed_in_env_reaches_the_database(project, database):
    """Redis takes it as it starts. The others keep theirs in the volume, and take a new one from a command."""
    service = database.service
    database.fill(project, 8)
    (old,) = passwords(project)
    set_password(project, "it's \"new\\ #1")
    if service == "redis":
        project.ok("up")
    else:
        line = project.error("up")
        assert line == (
            f"error: {service} has another password than .env: it was changed after the first start. "
            f"Put the old one back, or give it the new one: make password-{service}."
        )
        set_password(project, old)
        project.ok("up")
        assert database.numbers(project) == [8]
        set_password(project, "it's \"new\\ #1")
        assert project.ok(f"password-{service}") == f"{service} has the password of .env; next: make up\n"
        project.ok("up")
    assert database.numbers(project) == [8]


def test_the_volume_outlives_the_container_and_what_runs_is_not_started_twice(project, database):
    database.fill(project, 9)
    first = docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", project.container(database.service))
    project.ok("up")
    assert docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", project.container(database.service)) == first
    project.ok("down")
    project.ok("up")
    assert database.numbers(project) == [9]


def test_code_in_the_readme_runs(project, database):
    project.ok(f"example-{database.service}")
    (code,) = re.findall(r"```python\n(.*?)```", project.read(f"services/{database.service}/README.md"), re.DOTALL)
    (project.path / "notebooks" / "readme.py").write_text(code)
    project.run("python notebooks/readme.py")

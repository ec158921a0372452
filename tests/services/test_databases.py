"""What holds for every database: the same faults give the same errors, and nothing is lost."""

import gzip
import re
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest
from support import Project, docker

pytestmark = pytest.mark.docker


class Database:
    """A database and the statements that the tests give to its client. A subclass describes one engine.

    The tests store a list of numbers in it.
    """

    service: str
    port: int
    # The shell command that opens the client in the service's container.
    client: str
    # The users who must not get in from another container without a password, and the command that tries.
    users: tuple[str, ...]
    log_in: str
    drop_numbers: str
    create_numbers: str
    # Answers with the number once it is stored.
    insert: str
    select_numbers: str
    # Starts a transaction that inserts -1, and answers with `transaction_open`.
    start_transaction: str
    transaction_open: str

    def open_client(self, project: Project) -> subprocess.Popen:
        """Start the client; its input and output are pipes."""
        command = ["docker", "exec", "--interactive", project.container(self.service), "sh", "-c", self.client]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def ask(self, project: Project, *statements: str) -> str:
        """Return what the client prints."""
        return self.open_client(project).communicate("\n".join(statements) + "\n", timeout=60)[0].strip()

    def numbers(self, project: Project) -> list[int]:
        return [int(number) for number in self.ask(project, self.select_numbers).split()]

    def has_numbers(self, project: Project) -> bool:
        return bool(re.fullmatch(r"[\d\s]+", self.ask(project, self.select_numbers)))

    def store(self, project: Project, *numbers: int) -> None:
        """Replace the list of numbers."""
        inserts = [self.insert.format(number) for number in numbers]
        self.ask(project, self.drop_numbers, self.create_numbers, *inserts)
        assert self.numbers(project) == list(numbers)


class Postgres(Database):
    service = "postgres"
    port = 5432
    client = 'psql --username analyst --dbname "$POSTGRES_DB" --quiet --no-align --tuples-only'
    users = ("analyst", "postgres")
    log_in = "psql --host postgres --username {} --no-password --dbname postgres --command 'select 1'"
    drop_numbers = "drop table if exists numbers;"
    create_numbers = "create table numbers (n int);"
    insert = "insert into numbers values ({0}) returning n;"
    select_numbers = "select n from numbers order by n;"
    start_transaction = "begin; insert into numbers values (-1) returning 'open';"
    transaction_open = "open"


class MySQL(Database):
    service = "mysql"
    port = 3306
    client = (
        "MYSQL_PWD=$(cat /run/secrets/mysql_password) "
        'mysql --user analyst --batch --skip-column-names --unbuffered "$MYSQL_DATABASE"'
    )
    users = ("analyst", "root", "''")
    log_in = "mysql --host mysql --user {} --execute 'select 1'"
    drop_numbers = Postgres.drop_numbers
    create_numbers = Postgres.create_numbers
    insert = "insert into numbers values ({0}); select {0};"
    select_numbers = Postgres.select_numbers
    start_transaction = "begin; insert into numbers values (-1); select 'open';"
    transaction_open = "open"


class Redis(Database):
    service = "redis"
    port = 6379
    client = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli"
    users = ("default",)
    log_in = "redis-cli -e -h redis get {}"
    drop_numbers = "del numbers"
    create_numbers = "echo numbers"
    # Answers with the length of the list, which is the number as long as they are stored in order.
    insert = "rpush numbers {0}"
    select_numbers = "lrange numbers 0 -1"
    start_transaction = "multi\nrpush numbers -1"
    transaction_open = "QUEUED"


@pytest.fixture(scope="module", params=[Postgres(), MySQL(), Redis()], ids=lambda each: each.service)
def database(request):
    return request.param


@pytest.fixture(scope="module")
def started(with_service, database):
    project = with_service(database.service)
    yield project
    project.make("down")


@pytest.fixture
def project(started):
    """The project with a healthy database, whatever state the test before left it in."""
    if not started.containers("health=healthy"):
        started.ok("up")
    return started


@pytest.fixture
def copy(project, open_folder):
    """A second project with the same image in another folder: its containers and volumes are its own."""
    folder = open_folder / "copy"
    shutil.copytree(project.path, folder, ignore=shutil.ignore_patterns(".local", ".env"))
    copy = Project(folder)
    yield copy
    copy.make("down")


def started_at(project, service) -> str:
    """Return what identifies a container and its last start."""
    return docker("inspect", "--format", "{{.Id}} {{.State.StartedAt}}", project.container(service))


def password_of(project) -> str:
    (password,) = re.findall(r"^\w+_PASSWORD=(.+)$", project.read(".env"), re.MULTILINE)
    return password


def set_password(project, password):
    file = project.path / ".env"
    file.write_text(re.sub(r"_PASSWORD=.*", lambda _: f"_PASSWORD={password}", file.read_text()))


def test_other_containers_need_the_password(project, database):
    image = project.inspect(project.container(database.service))["Config"]["Image"]
    for user in database.users:
        command = ["docker", "run", "--rm", "--network", project.network(), "--entrypoint", "sh", image, "-c"]
        done = subprocess.run([*command, database.log_in.format(user)], capture_output=True, text=True)
        assert done.returncode != 0, done.stdout
        assert re.search("no password supplied|Access denied|NOAUTH", done.stdout + done.stderr), done.stderr


def test_engine_shows_the_password_nowhere(project, database):
    password = password_of(project)
    container = project.container(database.service)
    assert password not in docker("inspect", container)
    assert password not in docker("top", container, "-eo", "pid,args")
    assert password not in docker("logs", container)


def test_port_is_published_on_request_and_only_locally(project, database):
    """A command that needs the service leaves a running container as it is."""
    service = database.service
    assert docker("port", project.container(service)) == ""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        name = f"{service.upper()}_PORT"
        line = project.error("up", f"{name}={port}")
        assert line.startswith(f"error: port {port} is in use.")
        assert line.endswith(f"make up {name}={port + 1}, or put {name}={port + 1} into .env.")
    project.ok("up", f"{name}={port}")
    assert project.port(service) == port
    socket.create_connection(("127.0.0.1", port)).close()
    before = started_at(project, service)
    project.ok(f"backup-{service}")
    assert started_at(project, service) == before
    project.ok("up")
    assert docker("port", project.container(service)) == ""


def test_backup_restores_what_was_there(project, database):
    database.store(project, 1, 2, 3)
    file = project.ok(f"backup-{database.service}").split()[-1]
    assert file.startswith(f"{project.path}/data/backups/{database.service}-")
    database.ask(project, database.insert.format(4))
    assert project.ok(f"restore-{database.service}").split()[-1] == file
    assert database.numbers(project) == [1, 2, 3]
    # The restored data is on disk, too.
    docker("kill", project.container(database.service))
    project.ok("up")
    assert database.numbers(project) == [1, 2, 3]


def test_damaged_backup_is_refused_and_nothing_is_lost(project, database, tmp_path):
    database.store(project, 5, 6)
    whole = Path(project.ok(f"backup-{database.service}").split()[-1]).read_bytes()
    database.store(project, 7)
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
        assert f"{file} was not restored, and the data of {database.service} is unchanged: " in line
        assert database.numbers(project) == [7]
    line = project.error(f"restore-{database.service}", f"FILE={tmp_path}/none")
    assert line.startswith(f"error: there is no file {tmp_path}/none.")


def test_committed_data_survives_a_kill(project, database):
    """A confirmed insert is there after a crash; an open transaction is not."""
    database.store(project)
    transaction, writer = database.open_client(project), database.open_client(project)
    transaction.stdin.write(database.start_transaction + "\n")
    transaction.stdin.flush()
    while transaction.stdout.readline().strip() != database.transaction_open:
        assert transaction.poll() is None

    def write():
        try:
            for number in range(1, 1_000_000):
                writer.stdin.write(database.insert.format(number) + "\n")
        except BrokenPipeError:
            pass

    threading.Thread(target=write, daemon=True).start()
    answers = [writer.stdout.readline() for _ in range(200)]
    docker("kill", "--signal", "KILL", project.container(database.service))
    # The last answer may be cut off.
    answers += writer.stdout.read().splitlines(keepends=True)
    last = max(int(line) for line in answers if re.fullmatch(r"\d+\n", line))
    transaction.kill()
    project.ok("up")
    stored = database.numbers(project)
    assert last >= 200
    assert stored[:last] == list(range(1, last + 1))
    assert -1 not in stored


def test_projects_share_no_data_passwords_or_volumes(project, copy, database):
    """VOLUMES=1 removes the data of one service in one project, and only with the service's name."""
    database.store(project, 1)
    first = project.container(database.service)
    project.ok("down")
    copy.ok("up")
    assert copy.container(database.service) != first
    assert password_of(copy) != password_of(project)
    assert not database.has_numbers(copy)
    database.store(copy, 2)
    assert "Name the service" in copy.error("down", "VOLUMES=1")
    assert database.numbers(copy) == [2]
    copy.ok("down", f"SERVICE={database.service}", "VOLUMES=1")
    copy.ok("up")
    assert not database.has_numbers(copy)
    copy.ok("down")
    project.ok("up")
    assert database.numbers(project) == [1]


def test_example_before_up_says_what_to_start(started, database):
    started.ok("down")
    line = started.error("run", f"CMD=python -m services.{database.service}.example")
    assert line == (
        f"error: nothing answers at {database.service}:{database.port}. Start it: make up SERVICE={database.service}."
    )


def test_changed_password_reaches_the_database(project, database):
    """Redis reads it when it starts. The others keep theirs in the volume; a command changes it."""
    service, new = database.service, "it's \"new\\ #1"
    database.store(project, 8)
    old = password_of(project)
    set_password(project, new)
    if service == "redis":
        project.ok("up")
    else:
        line = project.error("up")
        assert line == (
            f"error: {service} does not accept the password in .env, which was changed after the first start. "
            f"Put the old one back, or set the new one: make password-{service}."
        )
        set_password(project, old)
        project.ok("up")
        assert database.numbers(project) == [8]
        set_password(project, new)
        project.ok(f"password-{service}")
        project.ok("up")
    assert database.numbers(project) == [8]


def test_volume_outlives_the_container(project, database):
    """A second `make up` leaves a running container as it is."""
    database.store(project, 9)
    before = started_at(project, database.service)
    project.ok("up")
    assert started_at(project, database.service) == before
    project.ok("down")
    project.ok("up")
    assert database.numbers(project) == [9]


def test_code_in_the_readme_runs_in_a_notebook(project, database):
    """The README's code needs no path or password, in a notebook's folder as elsewhere."""
    project.ok(f"example-{database.service}")
    (code,) = re.findall(r"```python\n(.*?)```", project.read(f"services/{database.service}/README.md"), re.DOTALL)
    (project.path / "notebooks" / "readme.py").write_text(code)
    project.run("cd notebooks && python readme.py")

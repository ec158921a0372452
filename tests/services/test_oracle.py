"""Oracle, without its server: what the client and the example send, and how the container's scripts read answers."""

import json
import os
import re
import subprocess

import pytest
from conftest import TEMPLATE
from support import docker, unique

# Answers each connection as Oracle's listener does before the database is open, or hangs up.
LISTENER = """
import socketserver, struct, sys

class Listener(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.recv(4096)
        if sys.argv[1] == "refuse":
            text = b"(DESCRIPTION=(TMP=)(VSNNUM=0)(ERR=12514)(ERROR_STACK=(ERROR=(CODE=12514)(EMFI=4))))"
            body = struct.pack(">BBH", 34, 0, len(text)) + text
            self.request.sendall(struct.pack(">HHBBH", 8 + len(body), 0, 4, 0, 0) + body)

socketserver.ThreadingTCPServer(("", 1521), Listener).serve_forever()
"""
STATEMENTS = """
import json
from sqlalchemy import select, text
from sqlalchemy.schema import CreateTable
from services.oracle import client, example
engine = client._engine("a /@:word")
frame = example.rows()
table = example.table(frame)
query = text(example.QUERY).compile(dialect=engine.dialect)
_, arguments = engine.dialect.create_connect_args(engine.url)
print(json.dumps({
    "create": str(CreateTable(table).compile(dialect=engine.dialect)),
    "insert": str(table.insert().compile(dialect=engine.dialect)),
    "query": str(query),
    "parameters": list(query.params),
    "rows": len(frame),
    "thin": engine.dialect.dbapi.is_thin_mode(),
    "arguments": {name: str(value) for name, value in arguments.items()},
}))
"""


@pytest.mark.docker
def test_client_says_what_is_wrong_with_the_server(with_service):
    """The listener accepts connections before the database is open."""
    project = with_service("oracle")
    example = "CMD=python -m services.oracle.example"
    assert project.error("run", example) == ("error: nothing answers at oracle:1521. Start it: make up SERVICE=oracle.")
    for answer, message in {
        "refuse": "oracle is still starting. Wait until it is healthy: make up SERVICE=oracle.",
        "hang up": "oracle has closed the connection. See make logs SERVICE=oracle.",
    }.items():
        name = unique("listener")
        network = ("--network", project.network(), "--network-alias", "oracle")
        try:
            docker("run", "--detach", "--name", name, *network, project.image, "python", "-c", LISTENER, answer)
            assert project.error("run", example) == f"error: {message}"
        finally:
            docker("rm", "--force", "--volumes", name)


@pytest.mark.docker
def test_example_speaks_the_sql_of_oracle(with_service):
    project = with_service("oracle")
    (project.path / "reports" / "statements.py").write_text(STATEMENTS)
    found = json.loads(project.run("python reports/statements.py").splitlines()[-1])
    columns = dict(re.findall(r'^\t"?(\w+)"? (\w+(?:\(.*?\))?)', found["create"], re.MULTILINE))
    expected = {"hospital": "VARCHAR2(1000 CHAR)", "taken": "TIMESTAMP", "day": "DATE", "age": "NUMBER(19)"}
    assert expected.items() <= columns.items()
    assert set(columns.values()) - {*expected.values(), "KEY"} == {"BINARY_DOUBLE"}
    assert set(re.findall(r':"?(\w+)"?', found["insert"])) == set(columns) - {"PRIMARY"}
    assert found["rows"] > 0 and found["parameters"] == ["since"] and ":since" in found["query"]
    arguments = found["arguments"]
    assert (arguments["user"], arguments["password"]) == ("analyst", "a /@:word")
    assert "(HOST=oracle)(PORT=1521)" in arguments["dsn"] and "(SERVICE_NAME=FREEPDB1)" in arguments["dsn"]
    assert found["thin"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ORA-01017: invalid credential or not authorized; logon denied", "does not accept the password in .env"),
        ("ORA-28000: The account is locked.", "the user analyst of oracle is locked"),
        ("ORA-00845: MEMORY_TARGET not supported on this system", "oracle has too little memory"),
        ("ORA-39700: database must be opened with UPGRADE option", "was written by another version"),
        ("ORA-00205: error in identifying control file, check alert log", "is not one of Oracle"),
        ("ORA-01102: cannot mount database in EXCLUSIVE mode", "another container uses the volume of oracle"),
    ],
)
def test_error_number_is_explained(baked, tmp_path, line, message):
    project = baked(services="oracle")
    (tmp_path / "log").write_text(f"CONTAINER: starting up Oracle Database...\n{line}\n")
    script = '. docker/lib/faults.sh; known_fault "$1" services/oracle/faults.txt docker/lib/faults.txt'
    done = subprocess.run(["sh", "-c", script, "sh", tmp_path / "log"], cwd=project, capture_output=True, text=True)
    assert message in done.stdout, done.stderr


@pytest.fixture
def image(tmp_path):
    """Run a script as in Oracle's image, with programs that answer as the real ones: `image(script, sqlplus="…")`."""
    docker("image", "inspect", "busybox:1")
    secret = tmp_path / "oracle_password"
    secret.write_text("s3cret")

    def run(script: str, *arguments: str, **programs: str) -> tuple[int, str]:
        for name, body in {"healthcheck.sh": "exit 0", "lsnrctl": "", **programs}.items():
            file = tmp_path / name.replace("_entrypoint", "-entrypoint.sh")
            # No password in an argument, where everybody could read it.
            file.write_text(f'#!/bin/sh\ncase "$*" in *s3cret*) echo "password in arguments" ;; esac\n{body}\n')
            file.chmod(0o755)
        command = ["docker", "run", "--rm", "--init", "--volume", f"{tmp_path}:/bin/fakes:ro"]
        command += ["--volume", f"{secret}:/run/secrets/oracle_password:ro", "--env", "PATH=/bin/fakes:/bin"]
        done = subprocess.run([*command, "busybox:1", "sh", "-c", script, *arguments], capture_output=True, text=True)
        return done.returncode, done.stdout + done.stderr

    return run


def health_check(project) -> str:
    """Return the script of the health check, as Compose passes it to the container."""
    done = subprocess.run(
        ["docker", "compose", "--file", "services/oracle/compose.yaml", "config", "--format", "json"],
        cwd=project,
        env={**os.environ, "HOST_UID": "1000", "HOST_GID": "1000"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["services"]["oracle"]["healthcheck"]["test"][1].replace("$$", "$")


@pytest.mark.docker
def test_health_check_reports_what_oracle_answers(engine, baked, image):
    """A new container stops if the password is wrong. One that was healthy keeps running."""
    script = health_check(baked(services="oracle"))
    connects = 'grep -qxF \'connect analyst/"s3cret"@//localhost/FREEPDB1\' && echo "answer: 42"'
    assert image(script, sqlplus=connects) == (0, "")
    assert image(script, **{"healthcheck.sh": "exit 1"}) == (1, "the database is not open yet\n")
    wrong = "cat >/dev/null; echo ERROR:; echo 'ORA-01017: invalid credential'; echo SP2-0640: Not connected"
    status, output = image(f"touch /tmp/healthy; {script}", sqlplus=wrong)
    assert (status, output) == (1, "ORA-01017: invalid credential\n")
    waiting = f"trap 'exit 9' TERM; ({script}) & wait $!; sleep 60 & wait $!"
    assert image(waiting, sqlplus=wrong) == (9, "ORA-01017: invalid credential\n")
    starting = "cat >/dev/null; echo 'ORA-12514: TNS:listener does not currently know of service'"
    assert image(script, sqlplus=starting)[0] == 1


@pytest.mark.docker
def test_password_is_set_by_the_owner_of_the_files(engine, baked, image):
    """No password is an argument of a program, and the database is closed again."""
    script = (baked(services="oracle") / "services" / "oracle" / "password.sh").read_text()
    programs = {"container_entrypoint": '[ "$1" = --nowait ]', "sqlplus": "cat >&2"}
    status, output = image(script, **programs)
    assert status == 0 and "password in arguments" not in output
    assert 'alter user analyst identified by "s3cret" account unlock;' in output
    assert output.endswith("shutdown immediate\n")
    status, output = image(
        script, **{**programs, "sqlplus": "cat >/dev/null; echo 'ORA-00988: missing password'; exit 1"}
    )
    assert (status, output) == (1, "ORA-00988: missing password\n")
    failing = "echo 'ORA-00205: error in identifying control file'; exit 1"
    assert image(script, **{**programs, "container_entrypoint": failing})[0] == 1


@pytest.mark.docker
def test_copy_of_the_volume_is_restored(engine, baked, tmp_path):
    """The commands of the README, with a volume of the same name. A damaged copy replaces nothing."""
    readme = (baked(services="oracle") / "services" / "oracle" / "README.md").read_text(encoding="utf-8")
    back_up, restore = re.findall(r"```sh\n(make down.*?)```", readme, re.DOTALL)
    clone = unique("oracle")
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "clone").write_text(f"{clone}\n{tmp_path}\n")

    def sh(script: str) -> str:
        return subprocess.run(
            ["sh", "-c", f"make() {{ :; }}\n{script}"], cwd=tmp_path, capture_output=True, text=True
        ).stdout

    def data(script: str) -> str:
        return docker(
            "run", "--rm", "--volume", f"{clone}_oracle:/data", "busybox:1", "sh", "-c", f"cd /data; {script}"
        )

    show = "stat -c '%a %u %n' *; cat system.dbf"
    try:
        data("echo kept >system.dbf; chmod 640 system.dbf; chown -R 54321 .")
        kept = data(show)
        assert kept == "640 54321 system.dbf\nkept"
        sh(back_up)
        data("echo lost >system.dbf; touch more.dbf")
        sh(restore)
        assert data(show) == kept
        copy = tmp_path / "data" / "backups" / "oracle.tar.gz"
        copy.write_bytes(copy.read_bytes()[:-20])
        sh(restore)
        assert data(show) == kept
    finally:
        docker("volume", "rm", f"{clone}_oracle", check=False)


def test_readme_names_what_the_files_have(baked):
    """The image, the user and the service are those of compose.yaml and client.py."""
    folder = baked(services="oracle") / "services" / "oracle"
    readme, client = ((folder / name).read_text(encoding="utf-8") for name in ("README.md", "client.py"))
    assert "APP_USER: analyst" in (TEMPLATE / "services" / "oracle" / "compose.yaml").read_text()
    for word in ("analyst", "FREEPDB1", "1521"):
        assert word in readme and word in client

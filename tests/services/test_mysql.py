"""MySQL: the example's segments, restoring more than tables, and volumes of other versions."""

import struct
import subprocess

import pytest
from support import docker

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("mysql")
    project.ok("up")
    yield project
    project.make("down")


def sql(project, *lines, user="analyst"):
    """Return what the client prints."""
    client = f"MYSQL_PWD=$(cat /run/secrets/mysql_password) mysql --user {user} --batch --skip-column-names"
    command = ["docker", "exec", "--interactive", project.container("mysql"), "sh", "-c", f'{client} "$MYSQL_DATABASE"']
    done = subprocess.run(command, input="\n".join(lines), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_example_finds_the_kinds_of_customers(project):
    shown = project.ok("example-mysql")
    stored = sql(
        project,
        "select s.name, count(*), round(avg(c.spending)) from customers c join segments s using (segment)",
        "group by s.segment, s.name order by s.segment;",
    )
    rows = [line.split("\t") for line in stored.splitlines()]
    assert [name for name, _, _ in rows] == ["spend most", "buy most often", "are gone"]
    assert sum(int(count) for _, count, _ in rows) == 300
    for (_, count, spending), mean in zip(rows, (1800, 600, 150), strict=True):
        assert count in shown
        assert abs(float(spending) - mean) < 0.05 * mean
    assert sql(project, "select count(distinct city) from customers where city in ('Köln', 'Łódź', '東京');") == "3"


def test_client_supports_the_login_of_the_real_server(project):
    """The image that stands in for MySQL here has another one. MySQL's needs RSA if there is no TLS."""
    code = "from pymysql import _auth; assert _auth._have_cryptography"
    project.run(f"python -c '{code}'")


def test_restore_includes_views_triggers_and_procedures(project):
    sql(
        project,
        "drop table if exists a, b, new; drop view if exists v; drop procedure if exists p;",
        "create table a (n int primary key, x blob); create table b (n int, foreign key (n) references a (n));",
        "create view v as select n from b; create trigger t after insert on a for each row",
        "insert into b values (new.n); create procedure p() select 42;",
        "insert into a values (1, x'00ff270a');",
        user="root",
    )
    project.ok("backup-mysql")
    sql(
        project,
        "drop view v; drop table b; drop trigger t; drop procedure p; update a set x = ''; create table new (n int);",
    )
    project.ok("restore-mysql")
    assert sql(project, "select * from v; select hex(x) from a; call p();", user="root").split() == [
        "1",
        "00FF270A",
        "42",
    ]
    assert sql(project, "insert into a values (2, ''); select max(n) from v;") == "2"
    assert "new" not in sql(project, "show tables;").split()
    assert "restored" not in sql(project, "show databases;", user="root")
    left = docker("exec", project.container("mysql"), "sh", "-c", "ls -A /var/lib/mysql")
    assert "restore" not in left


def test_backup_that_cannot_be_loaded_is_refused(project, tmp_path):
    sql(project, "create table if not exists kept (n int);")
    file = tmp_path / "file"
    command = "printf '%s\n' '-- make backup-mysql' 'create table z (n int); insert into nowhere values (1);' | gzip"
    file.write_bytes(subprocess.run(command, shell=True, capture_output=True, check=True).stdout)
    line = project.error("restore-mysql", f"FILE={file}")
    assert "nowhere" in line
    tables = sql(project, "show tables;").split()
    assert "kept" in tables and "z" not in tables


def crc32c(data):
    """Return the checksum of a log header."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def test_volume_of_another_version_is_left_alone(project):
    """A log format that no version has stands for one that this version does not know."""
    sql(project, "create table if not exists kept (n int); insert into kept values (7);")
    (volume,) = [each["Name"] for each in project.inspect(project.container("mysql"))["Mounts"] if each.get("Name")]
    project.ok("down")
    command = [
        "docker",
        "run",
        "--rm",
        "--interactive",
        "--volume",
        f"{volume}:/volume",
        "--entrypoint",
        "sh",
        "mysql:8.4",
    ]
    log = "$(ls /volume/ib_logfile0 '/volume/#innodb_redo/#ib_redo'[0-9]* 2>/dev/null | tail -n 1)"

    def read():
        return subprocess.run([*command, "-c", f'head -c 512 "{log}"'], capture_output=True, check=True).stdout

    def write(header):
        subprocess.run([*command, "-c", f'dd of="{log}" conv=notrunc status=none'], input=header, check=True)

    header = read()
    other = struct.pack(">I", struct.unpack_from(">I", header)[0] + 1) + header[4:508]
    write(other + struct.pack(">I", crc32c(other)))
    line = project.error("up")
    assert line == (
        "error: the volume of mysql was written by another version. "
        "Use the old image, back up and restore: see services/mysql/README.md."
    )
    write(header)
    project.ok("up")
    assert sql(project, "select n from kept limit 1;") == "7"


@pytest.mark.parametrize(
    "message",
    [
        "[ERROR] [MY-014060] [Server] Invalid MySQL server upgrade: Cannot upgrade from 50744 to 80400.",
        "[ERROR] [MY-014061] [InnoDB] Invalid MySQL server downgrade: Cannot downgrade from 90700 to 80400.",
        "[ERROR] [MY-013171] [InnoDB] Cannot boot server version 80400 on data directory built by version 90000. "
        "Downgrade is not supported",
    ],
)
def test_faults_include_the_messages_of_the_real_server(baked, message):
    """The image that stands in for MySQL here has others."""
    lines = (baked(services="mysql") / "services" / "mysql" / "faults.txt").read_text(encoding="utf-8").splitlines()
    faults = [line.split(" | ") for line in lines if not line.startswith("#")]
    (error,) = [
        error
        for pattern, error in faults
        if subprocess.run(["grep", "-qE", pattern], input=message, text=True).returncode == 0
    ]
    assert error.startswith("the volume of mysql was written by another version.")

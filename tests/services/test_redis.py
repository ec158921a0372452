"""Redis: keys that expire, all databases and types, and volumes of other versions."""

import subprocess
from pathlib import Path

import pytest
from support import docker

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def project(with_service):
    project = with_service("redis")
    project.ok("up")
    yield project
    project.make("down")


def redis(project, *commands):
    """Return the words that the client prints."""
    client = "REDISCLI_AUTH=$(cat /run/secrets/redis_password) redis-cli"
    command = ["docker", "exec", "--interactive", project.container("redis"), "sh", "-c", client]
    done = subprocess.run(command, input="\n".join(commands), capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_example_misses_then_hits_then_expires(project):
    shown = project.ok("example-redis")
    assert "first miss: computed for" in shown
    assert "then hit: the same from Redis" in shown
    assert shown.splitlines()[-1].endswith(": miss")
    (key,) = redis(project, "keys features:*")
    assert 0 < int(redis(project, f"ttl {key}")[0]) <= 3600


def test_restore_includes_all_databases_types_and_expiry(project):
    redis(project, "flushall", "set s 1", "hset h f 1", "zadd z 1 m", "select 3", "set t 2 ex 1000")
    project.ok("backup-redis")
    redis(project, "flushall", "set later 1", "select 5", "set later 1")
    project.ok("restore-redis")
    assert redis(project, "dbsize", "get s", "hget h f", "zscore z m") == ["3", "1", "1", "1"]
    _, value, seconds, _, size = redis(project, "select 3", "get t", "ttl t", "select 5", "dbsize")
    assert (value, size) == ("2", "0")
    assert 0 < int(seconds) <= 1000
    # It is its own master again, and accepts writes.
    assert redis(project, "set new 1", "role")[:2] == ["OK", "master"]
    assert docker("exec", project.container("redis"), "ls", "/data") == "appendonlydir"


def test_backup_of_a_newer_version_is_refused(project, tmp_path):
    redis(project, "flushall", "set kept 1")
    backup = Path(project.ok("backup-redis").split()[-1]).read_bytes()
    newer = tmp_path / "newer"
    newer.write_bytes(b"REDIS0099" + backup[9:])
    line = project.error("restore-redis", f"FILE={newer}")
    assert "Can't handle RDB format version 99" in line
    assert redis(project, "get kept", "role")[:2] == ["1", "master"]


def test_volume_of_a_newer_version_is_left_alone(project):
    redis(project, "flushall", "set kept 1", "bgrewriteaof")
    (volume,) = [each["Name"] for each in project.inspect(project.container("redis"))["Mounts"] if each.get("Name")]
    project.ok("down")

    def write(version):
        command = (
            f"printf {version} | dd of=$(ls /volume/appendonlydir/*.base.rdb) conv=notrunc bs=1 seek=5 status=none"
        )
        docker("run", "--rm", "--volume", f"{volume}:/volume", "--entrypoint", "sh", "redis:8", "-c", command)

    command = "head -c 9 /volume/appendonlydir/*.base.rdb"
    magic = docker("run", "--rm", "--volume", f"{volume}:/volume", "--entrypoint", "sh", "redis:8", "-c", command)
    write("0099")
    line = project.error("up")
    assert line == (
        "error: the volume of redis was written by a newer version. Put that version into services/redis/compose.yaml."
    )
    write(magic.removeprefix("REDIS"))
    project.ok("up")
    assert redis(project, "get kept") == ["1"]

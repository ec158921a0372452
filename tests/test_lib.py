"""Functions of docker/lib in the generated project, each called in a shell that has sourced its file alone."""

import shutil
import subprocess

import pytest

SHELLS = [name for name in ("dash", "bash", "busybox") if shutil.which(name)]


@pytest.fixture(params=SHELLS)
def call(request, default, tmp_path):
    """Run a line of shell in an empty folder that has the library: `call("engine.sh", "is_older 2.0 2.1")`."""
    shutil.copytree(default / "docker" / "lib", tmp_path / "docker" / "lib")
    shell = [request.param] if request.param != "busybox" else ["busybox", "sh"]

    def run(topic, line, *arguments):
        script = f". docker/lib/output.sh; . docker/lib/{topic}; {line}"
        command = [*shell, "-euc", script, "sh", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    run.folder = tmp_path
    return run


@pytest.mark.parametrize(
    ("version", "minimum", "older"),
    [
        ("2.20.3", "2.21", True),
        ("v2.20", "2.21", True),
        ("2.21.0", "2.21", False),
        ("10.0", "9.9", False),
        ("5", "2.21", False),
        ("1", "2.21", True),
        ("dev", "2.21", False),
        ("", "2.21", False),
        ("26.1.5+dfsg1", "25.0", False),
        ("2.26.1-4", "2.27", True),
    ],
)
def test_is_older(call, version, minimum, older):
    assert (call("engine.sh", 'is_older "$1" "$2"', version, minimum).returncode == 0) == older


@pytest.mark.parametrize(
    ("name", "plain"),
    [("ann", "ann"), ("_x-1.y", "_x-1.y"), ("Ann", "user"), ("1ann", "user"), ("a:b", "user"), ("", "user")],
)
def test_plain_name(call, name, plain):
    assert call("identity.sh", 'plain_name "$1"', name).stdout == f"{plain}\n"


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=1", "1"),
        ('A="one two"', "one two"),
        ("A='it is'", "it is"),
        ("A=a=b", "a=b"),
        ("A='", "'"),
        ("A=", "default"),
        ("AB=1", "default"),
        ("#A=1", "default"),
        ("A=1\nA=2", "2"),
        ("A=back\\slash$x", "back\\slash$x"),
    ],
)
def test_setting_from_env_file(call, line, value):
    (call.folder / ".env").write_text(f"{line}\n")
    assert call("settings.sh", 'unset A; setting A default; printf %s "$A"').stdout == value


def test_environment_precedes_env_file(call):
    (call.folder / ".env").write_text("A=file\n")
    assert call("settings.sh", 'A=environment; setting A default; printf %s "$A"').stdout == "environment"


FAULTS = """# a comment | with a bar
first (one|two) fault | the fault \\1 & more. Fix it.
alpha|beta | letters. Read on.
fault | any fault. Read on.
"""


@pytest.mark.parametrize(
    ("log", "message"),
    [
        ("x first one fault y", "the fault one & more. Fix it."),
        ("a fault\nfirst two fault\nsome words", "the fault two & more. Fix it."),
        ("first two fault\na fault", "any fault. Read on."),
        ("some beta here", "letters. Read on."),
        ("\xff fault \xfe", "any fault. Read on."),
        ("nothing", None),
        ("", None),
    ],
)
def test_known_fault(call, log, message):
    """The last line of the log that matches counts, and for it the first line of the file."""
    (call.folder / "log").write_bytes(log.encode("latin-1"))
    (call.folder / "faults.txt").write_text(FAULTS)
    done = call("faults.sh", "known_fault log missing.txt faults.txt")
    assert (done.returncode, done.stdout) == ((0, f"{message}\n") if message else (1, "")), done.stderr


def test_replace_keeps_an_equal_file(call):
    file = call.folder / "file"
    file.write_text("same\n")
    before = file.stat()
    assert call("files.sh", "hand_over() { :; }; echo same | replace file").returncode == 0
    assert file.stat().st_ino == before.st_ino
    call("files.sh", "hand_over() { :; }; echo other | replace file")
    assert file.read_text() == "other\n" and [path.name for path in call.folder.glob("file*")] == ["file"]


def test_lock_of_a_process_that_is_gone_is_taken_over(call):
    lock = call.folder / ".local" / "x.lock"
    lock.mkdir(parents=True)
    (lock / "pid").write_text("999999999\n")
    assert call("files.sh", "lock x; cat .local/x.lock/pid; clean_up").returncode == 0
    assert not lock.exists()


@pytest.mark.parametrize("value", ["/a b/it's", "/do$lar${X}", 'quo"te', "back\\slash", "#hash", "数据"])
def test_value_in_env_file_is_read_as_it_was(call, value):
    """By the setting function as by Compose; test_engine asks Compose itself."""
    line = "HOST_DATA_DIR=$1; hand_over() { :; }; . docker/lib/files.sh; write_env"
    done = call("project.sh", line, value)
    assert done.returncode == 0, done.stderr
    assert f"HOST_DATA_DIR='{value.replace(chr(39), chr(92) + chr(39))}'\n" in (call.folder / ".env").read_text()
    assert call("settings.sh", "require_readable_env").returncode == 0

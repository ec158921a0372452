"""Copying data between the data folder and where it is kept: `make pull-data` and `make push-data`."""

import contextlib
import filecmp
import hashlib
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import TEMPLATE
from support import Project, docker, unique, wait_until
from test_faults import WORKING, stub
from test_progress import on_terminal
from test_services import faults

from generation.answers import data_source_problem, schemes

DATA = TEMPLATE / "{{cookiecutter.project_slug}}" / "docker" / "data"
KEY, SECRET = "the-key", "it's $the secret"
# The user who copies, if the tests run as root.
PERSON = (54321, 54321) if os.getuid() == 0 else None
RCLONE = "rclone/rclone:1"


# --- Without an engine


@pytest.mark.parametrize(
    "answer", ["none", "s3://b", "s3://b/my data/ü", "sftp://me@host:22/~/x", "https://h/a/", "../x y"]
)
def test_place_of_data_can_be(answer):
    assert data_source_problem(answer) is None


@pytest.mark.parametrize(
    "answer", ["", " ", "ftp://h/x", "s3://", "s3:///x", "s3://b/$x", "https://me@h/", "sftp://me:pw@h/", "a#b", "a\nb"]
)
def test_place_of_data_cannot_be(answer):
    assert data_source_problem(answer)


def test_wrong_place_of_data_is_refused_without_its_password(command):
    done = command("--no-input", "data_source=sftp://me:hidden@host/x")
    assert done.returncode != 0
    assert 'error: data_source "sftp://…@host/x" contains a password.' in done.stdout
    assert "hidden" not in done.stderr + done.stdout


def test_makefile_has_the_place_of_the_data(bake):
    project = Project(bake(data_source="/no such/folder"))
    assert "the folder /no such/folder in DATA_SOURCE does not exist" in project.error("pull-data")


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "DATA_SOURCE is not set. Put the address of the data into .env"),
        (["DATA_SOURCE=ftp://me:hidden@host/x"], "DATA_SOURCE cannot begin with ftp://. Use s3://, gs://, azure://"),
        (["DATA_SOURCE=s3://"], "DATA_SOURCE=s3:// is not complete"),
        (["DATA_SOURCE=sftp:///x"], "DATA_SOURCE=sftp:///x is not complete"),
        (["DATA_SOURCE=sftp://me:hidden@host/x"], "DATA_SOURCE contains a password"),
        (["DATA_SOURCE=https://hidden@host/x"], "DATA_SOURCE contains a password"),
        (["DATA_SOURCE=/no/where"], "the folder /no/where in DATA_SOURCE does not exist"),
        (["DATA_SOURCE=data/raw"], "DATA_SOURCE is in the data folder"),
        (["DATA_SOURCE=."], "DATA_SOURCE contains the data folder"),
        (["DATA_SOURCE=s3://b", "DRY=yes"], "DRY='yes' is not valid"),
        (["DATA_SOURCE=s3://b", "DELETE=1"], "DELETE='1' is not valid"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("target", ["pull-data", "push-data"])
def test_place_that_will_not_do(target, arguments, words, untouched, host):
    stub(host, WORKING)
    error = untouched.error(target, *arguments, PATH=str(host))
    assert words in error and "hidden" not in error


def test_web_server_takes_no_files(untouched, host):
    stub(host, WORKING)
    assert "can only be read" in untouched.error("push-data", "DATA_SOURCE=https://host/x", PATH=str(host))


def test_azure_uses_the_key_in_env(untouched, host, tmp_path):
    """With env_auth, rclone ignores a key and an SAS address."""
    (untouched.path / ".env").write_text("RCLONE_CONFIG_DATA_ACCOUNT=me\nRCLONE_CONFIG_DATA_KEY=secret==\n")
    keep = f"cat .local/tmp.*/pass >'{tmp_path}/given'; exit 1"
    stub(host, f"""case "$*" in *" run "*) {keep} ;; *" config "*) exit 0 ;; esac\n{WORKING}""")
    untouched.error("pull-data", "DATA_SOURCE=azure://container/x", PATH=str(host))
    given = (tmp_path / "given").read_text()
    assert "DATA_KEY='secret=='" in given and "DATA_TYPE='azureblob'" in given and "ENV_AUTH" not in given


# What rclone 1.60 and 1.76 say.
SAID = {
    "directory not found": "ERROR : : error listing: directory not found",
    "SignatureDoesNotMatch": "Failed to lsf: error in ListJSON: SignatureDoesNotMatch: The request signature",
    "NoCredentialProviders": "CRITICAL: Failed to create file system: failed to refresh, get credentials",
    "AccessDenied": "ERROR : a b.txt: Failed to copy: AccessDenied: Access Denied.",
    "BucketRegionError": "Failed to copy: BucketRegionError: incorrect region, the bucket is not in 'us-east-1' region",
    "key is unknown": 'Failed to create file system for "data:/x": ssh: handshake failed: knownhosts: key is unknown',
    "key mismatch": "couldn't connect SSH: ssh: handshake failed: knownhosts: key mismatch",
    "passphrase": "failed to parse private key file: ssh: this private key is passphrase protected",
    "space": "ERROR : x: Failed to copy: preallocate: file too big for remaining disk space",
    "/data/": "ERROR : x/5 ü.txt: Failed to copy: open /data/x/5 ü.txt: permission denied",
    "/source/": "ERROR : x: Failed to copy: open /source/x: read-only file system",
    "differences": "NOTICE: Failed to check: 2 differences found",
    "malformed rule": 'Failed to load filters: malformed rule "x y"',
    "no such host": 'Get "http://x": dial tcp: lookup x on 127.0.0.11:53: no such host',
}


@pytest.mark.parametrize("pattern, message", faults(DATA / "faults.txt").items())
def test_what_rclone_says_becomes_one_line(pattern, message, untouched, host):
    (words,) = [words for part, words in SAID.items() if part in pattern]
    (host / "words").write_text(f"2026/11/22 09:06:30 {words}\n")
    stub(host, f"""case "$*" in *" run "*) cat '{host}/words' >&2; exit 1 ;; *" config "*) exit 0 ;; esac\n{WORKING}""")
    error = untouched.error("pull-data", "DATA_SOURCE=s3://b", PATH=str(host))
    assert all(part in error for part in message.split(r"\1")), error


def test_links_are_named_on_a_terminal(untouched, host):
    """There, rclone shows its progress and writes its messages to a file."""
    (host / "words").write_text("2026/11/22 09:06:30 NOTICE: raw/a link: Can't follow symlink without -L\n")
    say = f"for log in .local/tmp.*/log; do cat '{host}/words' '{host}/words' >>$log; done; exit 0"
    stub(host, f"""case "$*" in *" run "*) {say} ;; *" config "*) exit 0 ;; esac\n{WORKING}""")
    command = ["env", f"PATH={host}", shutil.which("make"), "--silent", "push-data", "DATA_SOURCE=s3://b"]
    assert on_terminal(command, untouched.path).splitlines()[0] == "left out the link raw/a link"


# --- With an engine


@pytest.fixture
def project(generate, open_folder):
    """A project that belongs to PERSON, in a folder with a space, and with the network that its containers are in."""
    folder = open_folder / "my project"
    shutil.copytree(generate("data").path, folder, symlinks=True)
    (open_folder / "empty").mkdir()
    mine = Project(folder)
    give(open_folder)
    assert "there are no files in ../empty, so nothing was done" in mine.error(
        "pull-data", "DATA_SOURCE=../empty", user=PERSON, HOME=str(open_folder)
    )
    return mine


def give(folder: Path) -> None:
    """Give a folder, with what is in it, to PERSON."""
    if PERSON:
        subprocess.run(["chown", "-R", "{}:{}".format(*PERSON), folder], check=True)


@contextlib.contextmanager
def server(project: Project, *arguments: str):
    """Run a server beside the project's containers, and return its name."""
    name = unique("server")
    try:
        docker("run", "--detach", "--name", name, "--network", project.network(), *arguments)
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def gateway(project: Project, store: Path, *options: str):
    """A server with the protocol of S3 that keeps its objects as files."""
    keys = ("--env", f"ROOT_ACCESS_KEY={KEY}", "--env", f"ROOT_SECRET_KEY={SECRET}", "--volume", f"{store}:/store")
    return server(project, *keys, "versity/versitygw:v1.8.0", *options, "posix", "/store")


def settings(project: Project, **values: str) -> None:
    (project.path / ".env").write_text("".join(f'{name}="{value}"\n' for name, value in values.items()))
    give(project.path / ".env")


@pytest.mark.docker
def test_data_goes_to_s3_and_back(project, tmp_path):
    store = tmp_path / "store"
    (store / "bucket").mkdir(parents=True)
    tmp_path.chmod(0o755)
    raw, stored = project.path / "data" / "raw", store / "bucket" / "my data" / "raw"
    (raw / "many").mkdir()
    for number in range(2000):
        (raw / "many" / f"{number}.txt").write_text(str(number))
    names = ["with space.csv", "naïve-数据 'q'.csv", "x#y&z.csv"]
    for name in names:
        (raw / name).write_text(name)
    # Far larger than the memory, and sent in parts.
    large = tmp_path / "large.bin"
    with open(large, "wb") as file:
        for _ in range(1 << 10):
            file.write(os.urandom(1 << 20))
    os.link(large, raw / "large.bin")
    (raw / "link").symlink_to("/etc/hostname")
    give(project.path)

    def run(method, *arguments: str) -> str:
        return method(*arguments, user=PERSON, HOME=str(project.path))

    with gateway(project, store) as name:
        endpoint = f"http://{name}:7070"
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET, "RCLONE_CONFIG_DATA_ENDPOINT": endpoint}
        settings(project, DATA_SOURCE="s3://bucket/my data/", MEMORY="200m", **keys)
        wait_until(lambda: "there are no files" in run(project.make, "pull-data").stderr)
        for wrong, words in {
            "AWS_SECRET_ACCESS_KEY=wrong": "DATA_SOURCE refuses your credentials",
            "DATA_SOURCE=s3://nothing/x": "there is nothing at DATA_SOURCE",
            f"RCLONE_CONFIG_DATA_ENDPOINT=http://{name}:1": "cannot reach DATA_SOURCE",
        }.items():
            assert words in run(project.error, "push-data", wrong)

        assert "would copy raw/with space.csv" in run(project.ok, "push-data", "DRY=1")
        assert not stored.exists()
        lines = run(project.ok, "push-data").splitlines()
        assert {f"copied raw/{name}" for name in names} < set(lines) and "left out the link raw/link" in lines
        assert lines[-1].endswith("2004 copied, 2004 compared")
        assert filecmp.dircmp(raw, stored, ignore=["link", ".gitkeep"]).left_only == []
        assert filecmp.cmp(stored / "large.bin", large, shallow=False)

        # Interrupted in the middle: what is there stays, and only the rest is copied.
        shutil.rmtree(raw)
        environment = {"PATH": os.environ["PATH"], "HOME": str(project.path)}
        options = {"user": PERSON[0], "group": PERSON[1]} if PERSON else {}
        options["extra_groups"] = [os.stat("/var/run/docker.sock").st_gid]
        command = ["make", "pull-data", "V=1", "RCLONE_TRANSFERS=1"]
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        make = subprocess.Popen(command, cwd=project.path, env=environment, start_new_session=True, **pipes, **options)
        wait_until(lambda: list(raw.glob("many/*")))
        seen = "".join(docker("inspect", container) for container in project.containers())
        seen += subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        seen += "".join(file.read_text() for file in project.path.glob(".local/**/*") if file.is_file())
        os.killpg(make.pid, signal.SIGINT)
        assert "the secret" not in seen + make.communicate()[0]
        assert make.returncode != 0
        wait_until(lambda: not project.containers())
        there = len(list(raw.glob("many/*")))
        assert 0 < there < 2000
        lines = run(project.ok, "pull-data").splitlines()
        assert filecmp.dircmp(stored, raw).left_only == []
        assert filecmp.cmp(raw / "large.bin", large, shallow=False) and (raw / names[1]).read_text() == names[1]
        assert {file.stat().st_uid for file in raw.rglob("*")} == {PERSON[0] if PERSON else os.getuid()}
        assert len([line for line in lines if line.startswith("copied raw/many/")]) <= 2001 - there

        # Nothing is deleted unless somebody says so.
        for file in (raw / "large.bin", stored / "large.bin"):
            file.unlink()
        (raw / names[0]).unlink()
        run(project.ok, "push-data")
        assert (stored / names[0]).exists()
        assert f"would delete raw/{names[0]}" in run(project.ok, "push-data", "DELETE=yes", "DRY=1")
        assert f"deleted raw/{names[0]}" in run(project.ok, "push-data", "DELETE=yes")
        assert not (stored / names[0]).exists() and (stored / names[1]).exists()

    with gateway(project, store, "--readonly") as name:
        (raw / "new.csv").write_text("new")
        endpoint = f"RCLONE_CONFIG_DATA_ENDPOINT=http://{name}:7070"
        wait_until(lambda: "cannot reach" not in run(project.make, "pull-data", "DRY=1", endpoint).stderr)
        assert "your credentials do not permit this" in run(project.make, "push-data", endpoint).stderr


@pytest.mark.docker
def test_data_goes_to_another_server_with_s3(project):
    """Moto checks other things than the gateway, such as the checksums of what it is sent."""
    raw = project.path / "data" / "raw"
    (raw / "naïve 数据.csv").write_text("a,b\n1,2\n")
    give(project.path)
    with server(project, "motoserver/moto:5") as name:
        put = f"import urllib.request as r; r.urlopen(r.Request('http://{name}:5000/bucket', method='PUT'))"
        wait_until(
            lambda: subprocess.run(["docker", "exec", name, "python", "-c", put], capture_output=True).returncode == 0
        )
        keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
        settings(project, DATA_SOURCE="s3://bucket/here", RCLONE_CONFIG_DATA_ENDPOINT=f"http://{name}:5000", **keys)
        project.ok("push-data", user=PERSON, HOME=str(project.path))
        (raw / "naïve 数据.csv").unlink()
        assert "copied raw/naïve 数据.csv" in project.ok("pull-data", user=PERSON, HOME=str(project.path))
    assert (raw / "naïve 数据.csv").read_text() == "a,b\n1,2\n"


@pytest.mark.docker
def test_data_comes_from_servers_and_folders(project, open_folder, tmp_path):
    keys, source = open_folder / "keys", open_folder / "ser ver"
    (source / "sub").mkdir(parents=True)
    (source / "one two.csv").write_text("1")
    (source / "sub" / "ü.csv").write_text("2")
    home = open_folder / "home"
    (home / ".ssh").mkdir(parents=True)
    keys.mkdir()
    for file in (keys / "host", home / ".ssh" / "id_ed25519"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file], check=True)
    shutil.copy(home / ".ssh" / "id_ed25519.pub", keys)
    give(open_folder)
    data = project.path / "data"

    def run(method, source: str, *arguments: str, target: str = "pull-data") -> str:
        return method(target, f"DATA_SOURCE={source}", *arguments, user=PERSON, HOME=str(home))

    mounts = ("--volume", f"{source}:/source", "--volume", f"{keys}:/keys")
    login = ("--key", "/keys/host", "--authorized-keys", "/keys/id_ed25519.pub", "--user", "me")
    with server(project, *mounts, RCLONE, "serve", "sftp", "/source", "--addr", ":2022", *login) as name:
        address = f"sftp://me@{name}:2022/sub/"
        wait_until(lambda: "cannot reach" not in run(project.make, address).stderr)
        assert "the server's key is not in ~/.ssh/known_hosts" in run(project.error, address)
        key = (keys / "host.pub").read_text().split()[:2]
        (home / ".ssh" / "known_hosts").write_text(f"[{name}]:2022 {' '.join(key)}\n")
        give(home)
        assert "copied ü.csv" in run(project.ok, address)
        assert "there is nothing at DATA_SOURCE" in run(project.error, f"sftp://me@{name}:2022/nothing")

    name = unique("web")
    certificate = ("-newkey", "rsa:2048", "-nodes", "-x509", "-days", "2", "-subj", "/CN=x", "-addext")
    names = (f"subjectAltName=DNS:{name}", "-keyout", keys / "tls.key", "-out", keys / "ca.pem")
    subprocess.run(["openssl", "req", *certificate, *names], check=True, capture_output=True)
    give(open_folder)
    login = ("--cert", "/keys/ca.pem", "--key", "/keys/tls.key")
    web = ("--network-alias", name, *mounts, RCLONE, "serve", "http", "/source", "--addr", ":443", *login)
    with server(project, *web):
        wait_until(lambda: "cannot reach" not in run(project.make, f"https://{name}/").stderr)
        assert "a certificate is not trusted" in run(project.error, f"https://{name}/")
        trusted = f"CA_CERT={keys / 'ca.pem'}"
        assert "copied one two.csv" in run(project.ok, f"https://{name}/one two.csv", trusted)
        assert run(project.ok, f"https://{name}", trusted).endswith(": 1 copied, 2 compared\n")
        assert (data / "sub" / "ü.csv").read_text() == "2"
        assert "there is nothing at DATA_SOURCE" in run(project.error, f"https://{name}/nothing.csv", trusted)

    (project.path / "data-filter.txt").write_text("- *.pem\n- /sub/**\n")
    assert "copied ü.csv" in run(project.ok, "../ser ver", target="push-data")
    assert {path.name for path in source.iterdir()} == {"one two.csv", "sub", "ü.csv"}
    (project.path / "data-filter.txt").write_text("no rule\n")
    assert "data-filter.txt is not valid: malformed rule" in run(project.error, "../ser ver")


@pytest.mark.docker
def test_trace_says_what_made_a_model(copy, host):
    project = copy()
    shutil.rmtree(project.path / ".git", ignore_errors=True)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c"]
    for command in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", "one"]):
        subprocess.run([*git, *command], cwd=project.path, check=True)
    project.ok("train")
    metrics, record = project.read("reports/metrics.json"), json.loads(project.read("reports/trace.json"))
    head = subprocess.run([*git, "rev-parse", "HEAD"], cwd=project.path, capture_output=True, text=True).stdout.strip()
    assert (record["commit"], record["image"], record["seed"]) == (head, project.image_id(), 0)
    raw = (project.path / "data" / "raw" / "tumors.csv").read_bytes()
    assert record["inputs"]["data/raw/tumors.csv"] == hashlib.sha256(raw).hexdigest()
    assert project.ok("trace", "FILE=models/model.joblib").endswith("Nothing has changed since then.\n")
    (project.path / "src" / "new.py").write_text("")
    assert f"commit: now {head}-dirty" in project.ok("trace")
    # Without git there is a line less, and the metrics stay the same.
    (host / "git").unlink()
    (host / "docker").symlink_to(shutil.which("docker"))
    project.ok("train", PATH=str(host))
    record = json.loads(project.read("reports/trace.json"))
    assert "commit" not in record and record["inputs"]["uv.lock"]
    assert project.read("reports/metrics.json") == metrics
    assert "make train did not make x. Use FILE=models/model.joblib" in project.error("trace", "FILE=x")


def test_schemes_are_in_the_how_to():
    page = (TEMPLATE / "docs" / "how-to" / "data.md").read_text(encoding="utf-8")
    assert schemes() and all(f"| `{scheme}://" in page for scheme in schemes())

"""Engines other than Docker on this machine: what they say of themselves, and a short walk on real ones."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest
from support import Project
from test_faults import WORKING, stub

# Podman, which has other fields in `info` than Docker. It says "podman" of itself, even if it is called docker.
PODMAN = """case "$*" in
  "info --format {{.ServerVersion}}"*) echo "Error: template: can't evaluate field ServerVersion" >&2; exit 125 ;;
  "info --format "*) echo "${VERSION:-5.4.2}|$ROOTLESS|/nonexistent|16000000000|buildx=podman " ;;
  --version) echo "podman version ${VERSION:-5.4.2}" ;;
  "compose sh -c "*) echo "unix://$SOCKET" ;;
  "--url unix://"*" version") [ -S "$SOCKET" ] ;;
  "image inspect "*) echo sha256:0 ;;
  *) echo "Error: podman $*" >&2; exit 3 ;;
esac"""
# Docker Compose, or podman-compose, which some call docker-compose.
COMPOSE = """case "$*" in
  version) echo "${COMPOSE:-Docker Compose version v2.30.0}" ;;
  *" run "*) echo "$DOCKER_HOST $*" >&2; exit 3 ;;
esac"""


def program(file: Path, script: str) -> None:
    """Write a shell script in the place of a program."""
    file.unlink(missing_ok=True)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)


@pytest.fixture
def project(baked, tmp_path):
    return Project(shutil.copytree(baked(services="redis"), tmp_path / "project", symlinks=True))


@pytest.fixture
def podman(host, tmp_path):
    """The environment of a machine with Podman, under both names, and Docker Compose. Its socket is open."""
    program(host / "podman", PODMAN)
    program(host / "docker", PODMAN)
    program(tmp_path / "home" / ".docker" / "cli-plugins" / "docker-compose", COMPOSE)
    # The path of a socket is short.
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        path = f"{folder}/podman.sock"
        server.bind(path)
        yield {"PATH": str(host), "HOME": str(tmp_path / "home"), "SOCKET": path, "ROOTLESS": "rootless"}


@pytest.mark.parametrize("name", ["podman", "docker"])
def test_podman_by_any_name(name, podman, project):
    done = project.make("run", "CMD=true", f"DOCKER={name}", **podman)
    said = done.stderr.splitlines()[0]
    assert said.startswith(f"unix://{podman['SOCKET']} --progress quiet run "), done.stderr
    assert project.setting("MACHINE_FILE") == "compose.podman.yaml"
    build = project.make("build", f"DOCKER={name}", **podman)
    assert build.stderr.startswith("error: podman build ") and "--progress" not in build.stderr


def test_podman_has_no_swarm(podman, project):
    assert project.error("stack", "DOCKER=podman", **podman) == "error: Podman has no Swarm. Use Docker: DOCKER=docker."


@pytest.mark.parametrize("rootless", ["rootless", ""])
def test_podman_says_whether_it_is_rootless(rootless, podman, project):
    said = project.make("doctor", "DOCKER=podman", **{**podman, "ROOTLESS": rootless}).stdout
    assert ("rootless engine" in said) == bool(rootless)


@pytest.mark.parametrize("target", ["doctor", "notebook", "up", "build"])
@pytest.mark.parametrize(("rootless", "advice"), [("rootless", "systemctl --user"), ("", "sudo systemctl")])
def test_podman_without_its_socket(rootless, advice, target, podman, project):
    Path(podman["SOCKET"]).unlink()
    line = project.error(target, "DOCKER=podman", **{**podman, "ROOTLESS": rootless})
    said = "Podman's socket, which Docker Compose needs, does not answer."
    assert line == f"error: {said} Run: {advice} enable --now podman.socket."


@pytest.mark.parametrize("version", ["podman-compose version 1.3.0", "docker-compose version 1.29.2, build x"])
def test_other_compose_is_refused_for_podman(version, podman, project):
    for target in ("notebook", "doctor"):
        line = project.error(target, "DOCKER=podman", COMPOSE=version, **podman)
        assert line.startswith("error: Podman needs Docker Compose, which podman-compose cannot replace. Install the ")


def test_old_versions_with_podman(podman, project):
    assert "Podman 4.9.3 is too old: 5.4" in project.error("notebook", "DOCKER=podman", VERSION="4.9.3", **podman)
    old = {"COMPOSE": "Docker Compose version v2.17.3", **podman}
    assert "Docker Compose v2.17.3 is too old" in project.error("notebook", "DOCKER=podman", **old)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["push", "REPOSITORY=a", "PLATFORM=linux/arm64"], "PLATFORM and SBOM need Buildx"),
        (["push", "REPOSITORY=a", "SBOM=1"], "PLATFORM and SBOM need Buildx"),
        (["build", "BUILD_CACHE=type=gha"], "BUILD_CACHE needs Buildx"),
    ],
)
def test_podman_has_no_buildx(arguments, words, podman, project):
    assert words in project.error(*arguments, "DOCKER=podman", **podman)


@pytest.mark.parametrize(
    ("said", "ours"),
    [
        ("Error: Cannot connect to Podman. Please verify your connection", "Run: podman machine start."),
        ("Error: could not find catatonit: not found", "Install the package of this name."),
    ],
)
def test_podman_that_does_not_work(said, ours, podman, host, project):
    program(
        host / "podman", f'case $1 in --version) echo podman version 5.4.2 ;; *) echo "{said}" >&2; exit 125 ;; esac'
    )
    assert project.error("notebook", "DOCKER=podman", **podman).endswith(ours)


def test_short_name_that_podman_does_not_know(podman, host, project):
    said = 'Error: creating build container: short-name "python:3.13" did not resolve to an alias and no registries'
    program(host / "podman", PODMAN.replace("  *) echo", f"  build*) echo '{said}' >&2; exit 125 ;;\n  *) echo"))
    line = project.error("build", "DOCKER=podman", **podman)
    assert line.endswith('["docker.io"] into /etc/containers/registries.conf.d/docker.conf.')


def test_client_of_docker_with_podman(host, project):
    stub(host, WORKING.replace("  *)", '  "version --format") echo "Podman Engine,Conmon," ;;\n  *)'))
    line = project.error("notebook", PATH=str(host), ENGINE="5.4.2")
    assert "cannot build with Podman 5.4.2" in line and "DOCKER=podman" in line


def options(project, container: str, configuration: dict) -> list[str]:
    """Return the words for `podman build` that the project makes of Compose's configuration."""
    script = f". docker/services/podman.sh; build_options {container}"
    text = json.dumps(configuration, indent=2)
    done = subprocess.run(
        ["sh", "-c", script], cwd=project.path, input=text, capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()


def test_podman_builds_what_compose_would(project):
    build = {
        "context": '/a "folder" & \\more',
        "dockerfile": "services/x/Dockerfile",
        "args": {"REGISTRY_PREFIX": "", "IMAGE": "lab:cpu", "GIVEN": None},
        "target": "web",
        "additional_contexts": {"image-scripts": "/a b"},
        "secrets": [{"source": "network"}],
    }
    other = {"build": {"context": "/", "dockerfile": "Dockerfile"}, "image": "other", "environment": {"args": "x"}}
    services = {"other": other, "x": {"build": build, "command": ["build"], "image": "lab-x"}, "y": {"image": "y"}}
    found = options(project, "x", {"name": "lab", "secrets": {"x": {"file": "/"}}, "services": services})
    pairs = list(zip(found[:-1:2], found[1:-1:2], strict=True))
    assert sorted(pairs) == sorted(
        [
            ("--tag", "lab-x"),
            ("--target", "web"),
            ("--build-arg", "REGISTRY_PREFIX="),
            ("--build-arg", "IMAGE=lab:cpu"),
            ("--build-arg", "GIVEN"),
            ("--build-context", "image-scripts=/a b"),
            ("--file", f"{build['context']}/services/x/Dockerfile"),
        ]
    )
    assert found[-1] == build["context"]
    assert options(project, "other", {"services": services}) == ["--tag", "other", "--file", "//Dockerfile", "/"]


def test_layers_of_earlier_builds_are_removed_from_podman(podman, host, project):
    """Those that the last build used stay, and so do those of another stage."""
    (project.path / "uv.lock").touch()
    removed = project.path / "removed"
    building = """  "build "*) cat "$LAYERS" ;;
  "image rm "*) shift 2; echo "$@" >>removed ;;
  "image inspect "* | "image prune "* | "image ls "* | "run "* | "tag "*) ;;
  *) echo"""
    program(host / "podman", PODMAN.replace("  *) echo", building))
    for target, layers in (("build", "aab"), ("release", "ccc"), ("build", "cad")):
        first, cached, last = (letter * 64 for letter in layers)
        log = f"STEP 1/3: RUN x\n--> {first}\n--> Using cache {cached}\n--> {last[:12]}\n{last}\n"
        (project.path / "log").write_text(log)
        project.ok(target, "DOCKER=podman", LAYERS="log", **podman)
    assert removed.read_text().split() == ["b" * 12]


# Compose, which waits for a container that is not healthy, and an engine with its state.
SLOW = """case "$*" in
  *" up "*) exec sleep 1000 ;;
  *" ps --all --quiet "*) echo 1 2 ;;
  *" config") printf 'services:\\n  redis:\\n    image: redis:8\\n' ;;
  "inspect --format {{.State.Status}}{{"*)
    printf 'created starting other\\nrunning starting redis\\nrunning healthy lab\\n' ;;
  "inspect --format "*) echo "running starting false redis" ;;
  "logs "*) echo "its own log" >&2 ;;
  "compose "* | "ps "* | "image "*) ;;
"""


def test_time_limit_names_what_is_not_healthy(host, project):
    stub(host, f"{SLOW}  *)\n{WORKING}\nesac")
    here = {"PATH": str(host), "START_TIMEOUT": "1"}
    assert project.error("up", **here) == (
        "error: redis is not healthy after 1 seconds. 'make logs SERVICE=redis' shows its log. "
        "START_TIMEOUT=2 waits longer."
    )
    line = project.error("notebook", **here)
    assert "does not answer after 1 seconds. Its log is in .local/notebook.log." in line
    assert "its own log" in project.read(".local/notebook.log")


@pytest.mark.parametrize("value", ["0", "5m", "-1", "1.5"])
def test_time_limit_that_is_no_number_of_seconds(value, host, project):
    stub(host, WORKING)
    assert f"START_TIMEOUT='{value}' is not valid" in project.error("up", PATH=str(host), START_TIMEOUT=value)


REMOTE = """case "$*" in
  "context inspect "*) echo "ssh://me@server" ;;
  "create --mount "*) echo "$*" >created
    echo 'Error: invalid mount config for type "bind": bind source path does not exist: /x/y' >&2; exit 1 ;;
  *" run "*) echo started >&2; exit 3 ;;
  "compose "*) ;;
  *)
"""


@pytest.mark.parametrize(
    ("address", "context", "remote"),
    [
        ("tcp://server:2376", "default", True),
        ("ssh://server", "default", True),
        ("", "server", True),
        ("unix:///run/user/1000/docker.sock", "default", False),
        ("", "default", False),
    ],
)
def test_engine_that_does_not_see_the_folder(address, context, remote, host, project):
    stub(host, f"{REMOTE}{WORKING.replace('0} ', '0} context=$CONTEXT ')}\nesac")
    here = {"PATH": str(host), "CONTEXT": context, "DOCKER_HOST": address}
    if not remote:
        assert project.make("run", "CMD=true", **here).stderr.startswith("started\n")
        return
    for target in ("run", "train", "notebook"):
        line = project.error(target, "CMD=true", **here)
        assert line.startswith("error: the engine cannot see /x/y. ")
    assert f"source={project.path}" in project.read("created")
    doctor = project.make("doctor", **here)
    assert "the engine is at" in doctor.stdout and "the engine cannot see /x/y" in doctor.stderr


# What the host says, and our words.
OTHER_GPUS = {
    "mac": ("uname", "echo Darwin", "containers cannot reach the GPU of a Mac"),
    "amd": (
        "ls",
        'case $* in *kfd) echo "crw-rw---- 1 0 992 235, 0 Nov 22 12:00 /dev/kfd" ;; *) exec /bin/ls "$@" ;; esac',
        "an AMD GPU needs ROCm in the image, and the devices /dev/kfd and /dev/dri and the group 992",
    ),
}


@pytest.mark.parametrize("gpu", OTHER_GPUS)
def test_gpu_that_is_not_of_nvidia(gpu, host, project):
    name, script, words = OTHER_GPUS[gpu]
    program(host / name, script)
    said = 'could not select device driver "" with capabilities: [[gpu]]'
    no_driver = f"""  "run --rm --gpus "*) echo '{said}' >&2; exit 125 ;;"""
    stub(host, f'case "$*" in\n{no_driver}\n  *" run "*) ;;\n  "compose "*) ;;\n  *)\n{WORKING}\nesac')
    done = project.make("gpu", PATH=str(host))
    assert done.returncode == 0 and done.stderr.startswith(f"note: {words}"), done.stderr
    assert f"  note   {words}" in project.make("doctor", PATH=str(host)).stdout
    line = project.error("train", "ACCELERATOR=cuda", PATH=str(host))
    assert words in line and line.endswith("or use ACCELERATOR=cpu.")


# Engines to try, each in a container of this machine's own, with a program that ENGINE_BOX names: `make test-engines`.
# Nothing is in their caches, and the program may have to install them first.
ENGINES = os.environ.get("ENGINES", "").split()
IMAGES = ("python:3.13-slim-trixie", "ghcr.io/astral-sh/uv:0.13", "redis:8")


class Box:
    """Another engine, which sees one folder of this machine."""

    def __init__(self, name: str, folder: Path):
        self.name, self.folder = name, folder
        self.setting = ["DOCKER=podman"] if name.startswith("podman") else []
        self.owner = 1000 if name.endswith("rootless") else 0

    def __call__(self, action: str, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess:
        """Run the program that starts engines: up, down, or run with a command."""
        variables = {"BOX_MOUNT": str(self.folder), "BOX_IMAGES": " ".join(IMAGES)}
        return subprocess.run(
            [os.environ["ENGINE_BOX"], action, self.name, *command],
            cwd=cwd or self.folder,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=1200,
        )

    def ok(self, project: Path, *command: str) -> str:
        """Run a command in a project, which has to succeed, and return what it prints."""
        done = self("run", *command, cwd=project)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def make(self, project: Path, *arguments: str) -> str:
        return self.ok(project, "make", *self.setting, *arguments)


@pytest.fixture(scope="module")
def tun():
    """Let everybody open the device that networks of rootless engines need, as most distributions do."""
    device = Path("/dev/net/tun")
    mode = device.stat().st_mode
    if os.getuid() == 0:
        device.chmod(0o666)
    yield
    if os.getuid() == 0:
        device.chmod(mode & 0o777)


@pytest.fixture
def box(request, engine, tun, open_folder):
    """An engine of another kind, or a skipped test with the reason why it cannot be started."""
    if not os.environ.get("ENGINE_BOX"):
        pytest.skip("ENGINE_BOX names no program that starts other engines")
    box = Box(request.param, open_folder)
    try:
        done = box("up")
        if done.returncode:
            pytest.skip(f"{box.name} cannot be started: {done.stderr.strip().splitlines()[-1]}")
        yield box
    finally:
        box("down")


def a_day_on_another_engine(box, baked):
    folder = Path(shutil.copytree(baked(framework="none", services="redis"), box.folder / "a project", symlinks=True))
    for path in [folder, *folder.rglob("*")]:
        os.chown(path, box.owner, box.owner, follow_symlinks=False)
    box.make(folder, "build")
    address = box.make(folder, "notebook").splitlines()[-1].replace("/lab?", "/api/contents?")
    assert box.ok(folder, "curl", "--silent", "--output", "/dev/null", "--write-out", "%{http_code}", address) == "200"
    assert "humanize can be imported in the running notebook" in box.make(folder, "add", "PKG=humanize")
    box.make(folder, "up")
    box.make(folder, "train")
    assert "redis" in box.make(folder, "ps")
    others = [path for path in folder.rglob("*") if path.lstat().st_uid != box.owner]
    assert others == []
    assert (folder / "models" / "model.npz").exists()
    box.make(folder, "clean")


if ENGINES:
    a_day = pytest.mark.parametrize("box", ENGINES, indirect=True)(a_day_on_another_engine)
    test_a_day_on_another_engine = pytest.mark.timeout(2400)(pytest.mark.docker(a_day))

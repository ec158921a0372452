"""What is in the images, which layers a build makes again, and whether the same sources give the same image."""

import datetime
import json
import os
import re
import shutil
import subprocess
import urllib.request
from types import SimpleNamespace

import pytest
from support import Project, comparison, docker, status, wait_until

pytestmark = pytest.mark.docker

# As the label `usage` of the release image says, and stricter.
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")


def layers(image: str) -> list[str]:
    """List the layers of an image by their content, the lowest first."""
    return json.loads(docker("image", "inspect", "--format", "{{json .RootFS.Layers}}", image))


def listing(image: str, command: str) -> list[str]:
    """List what a shell command prints as root in a container of this image."""
    return docker("run", "--rm", "--user", "0", image, "sh", "-c", f"{command}; true").splitlines()


@pytest.fixture(scope="module")
def release(built):
    """The release image of the built project, in whose folder a model is trained."""
    built.ok("train")
    built.ok("release")
    return f"{built.slug}:release"


def test_both_images_share_what_is_large(built, release):
    dev, handed_on = layers(built.image), layers(release)
    # After the shared ones come five steps in one, two in the other.
    assert dev[:-5] == handed_on[:-2]
    installed = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", release).splitlines()
    assert "/tmp/pylock.large.toml" in [step for step in installed if step.startswith("RUN ")][2]


def test_release_says_how_to_run_it(built, release):
    command = built.ok("release").splitlines()[-1].removeprefix("run it: ")
    done = subprocess.run(["sh", "-c", command], cwd=built.path, capture_output=True, text=True)
    assert re.match(r"wrote \d+ predictions to ", done.stdout), done.stderr


def context(project) -> float:
    """Return how many bytes of the project the last build has handed to the engine."""
    sizes = re.findall(r"transferring context: ([\d.]+)(\w*)B.* done$", project.build_log(), re.MULTILINE)
    return sum(float(number) * {"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit] for number, unit in sizes)


def test_data_never_enter_the_context(copy):
    # Two folders, since the engine keeps what it was handed from one and then takes the changes only.
    plain, full = copy("plain"), copy("full")
    for number in range(1000):
        (full.path / "data" / "raw" / f"{number}.csv").write_text(f"{number}\n" * 100)
    with open(full.path / "data" / "raw" / "huge.bin", "wb") as file:
        file.truncate(10 * 2**30)
    plain.ok("build")
    full.ok("build")
    assert 1e3 < context(full) <= context(plain) < 1e6


@pytest.fixture(scope="module")
def alone(generate):
    """A project whose build has no step in common with others, for a test that compares images to the last bit.

    Docker 26 without containerd's image store lists less of what a step has changed if the step before was once built
    twice, by whomever, and the engine has been started since.
    """
    project = generate("alone").slim()
    dockerfile = project.read("Dockerfile")
    assert dockerfile.count(" AS base\n") == 1
    (project.path / "Dockerfile").write_text(
        dockerfile.replace(" AS base\n", f" AS base\nENV MADE_BY={project.slug}\n")
    )
    project.ok("lock")
    return project


def test_clones_give_the_same_images(alone, open_folder):
    """Another path, another umask, other times of files, and nothing from the cache."""
    project = alone
    me = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    git = ["git", "-C", project.path, *me]
    subprocess.run([*git, "add", "--all"], check=True)
    subprocess.run([*git, "commit", "--quiet", "--message", "all"], check=True)
    assert "uv.lock" in subprocess.check_output([*git, "ls-files"], text=True).splitlines()
    anew = open_folder / "anew"
    anew.write_text('#!/bin/sh\n[ "$1" != build ] || { shift && set -- build "$ANEW" "$@"; }\nexec docker "$@"\n')
    anew.chmod(0o755)
    made = {"cpu": [], "release": []}

    def keep(clone, tag):
        """Give the image a name of its own, so that the next one does not replace it."""
        made[tag].append(f"{tag}-{len(made[tag])}")
        docker("tag", f"{clone.slug}:{tag}", f"{clone.slug}:{made[tag][-1]}")

    # What the cache gives has to be the same too.
    project.ok("build")
    keep(project, "cpu")
    project.ok("release")
    keep(project, "release")
    path = open_folder / "a b" / "clone"
    subprocess.run(["git", "clone", "--quiet", project.path, path], umask=0o077, check=True)
    clone = Project(path)
    clone.ok("build", f"DOCKER={anew}", ANEW="--no-cache")
    # The engine may take a step from a build that runs at the same time, but this one is in no other build.
    assert clone.steps()["lists 1/1"] == "DONE"
    keep(clone, "cpu")
    # What the two images share has just been made.
    clone.ok("release", f"DOCKER={anew}", ANEW="--no-cache-filter=release")
    assert {clone.steps()[step] for step in ("release 1/2", "release 2/2")} == {"DONE"}
    keep(clone, "release")
    for first, second in made.values():
        if project.image_id(first) != project.image_id(second):
            words = comparison(f"{project.slug}:{first}", f"{project.slug}:{second}")
            pytest.fail(f"{first} and {second} differ:\n{words}", pytrace=False)
        docker("image", "rm", f"{project.slug}:{first}", f"{project.slug}:{second}")


def test_image_is_as_old_as_its_newest_package(built):
    times = re.findall(r'upload-time = "([^"]+)"', built.read("uv.lock"))
    newest = max(map(datetime.datetime.fromisoformat, times)).replace(microsecond=0)
    assert datetime.datetime.fromisoformat(built.inspect(built.image)["Created"]) == newest


TIMES = """
import pathlib, zlib
modules = [path for path in pathlib.Path("/opt").rglob("*.py") if not path.is_symlink()]
for path in modules:
    expected = 315532800 + (zlib.crc32(path.read_bytes()) >> 2)
    if path.stat().st_mtime != expected or expected > 315532800 + 2**30:
        print(path)
print(len(modules))
"""


def test_time_of_a_module_comes_from_its_content(built):
    *others, count = listing(built.image, f"python -c '{TIMES}'")
    assert others == []
    assert int(count) > 1000


BYTECODE = """
import importlib.util, pathlib, sysconfig
UNCHECKED_HASH = (1).to_bytes(4, "little")
modules = [path for path in pathlib.Path(sysconfig.get_path("purelib")).rglob("*.py") if "/tests/" not in str(path)]
for path in modules:
    cached = pathlib.Path(importlib.util.cache_from_source(path))
    valid = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(path.read_bytes())
    if not cached.exists() or cached.read_bytes()[:16] != valid:
        print(path)
print(*{path.relative_to(sysconfig.get_path("purelib")).parts[0] for path in modules})
"""


def test_release_has_valid_bytecode_of_all_it_can_import(built, release):
    *others, packages = listing(release, f"python -c '{BYTECODE}'")
    assert others == []
    assert {"pandas", next((built.path / "src").iterdir()).name} <= set(packages.split())


def test_release_has_the_package_and_what_it_needs_alone(built, release):
    tools = "uv uvx git jupyter pytest ruff hadolint gcc cc g++ c++ clang"
    assert listing(release, f"for each in {tools}; do command -v $each; done") == []
    assert not {"jupyterlab", "pytest", "ruff"} & set(listing(release, "ls /opt/venv/lib/python*/site-packages"))
    assert listing(release, "find / -xdev -type f -perm /6000") == []
    assert listing(release, "find / -xdev -path '*/.cache/*' -type f") == []
    assert listing(release, "find /var/lib/apt/lists /var/cache/apt /cache -type f ! -name lock") == []
    assert listing(release, "find / -xdev -name '*.whl' ! -path '/usr/share/python-wheels/*'") == []
    package = next((built.path / "src").iterdir()).name
    assert listing(release, f"python -c 'import {package}; print({package}.__file__)'")[0].startswith("/opt/venv/")


def test_release_predicts_as_anybody_on_a_read_only_root(release, copy):
    assert docker("run", "--rm", *HARDENED, release, "id", "-u") == "10001"
    owner = (54321, 54321) if os.getuid() == 0 else (os.getuid(), os.getgid())
    project = copy("owned", owner)
    mount = ("--mount", f"type=bind,source={project.path},target=/workspace")
    user = ("--user", "{}:{}".format(*owner))
    done = subprocess.run(["docker", "run", "--rm", *HARDENED, *user, *mount, release], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"wrote \d+ predictions to ", done.stdout)


def test_release_serves_as_anybody_on_a_read_only_root(built, release):
    name = f"{built.slug}-serves"
    user = ("--user", "54321:54321")
    server = ("python", "-m", "http.server", "8000")
    docker("run", "--detach", "--name", name, *HARDENED, *user, "--publish", "127.0.0.1::8000", release, *server)
    try:
        address = f"http://{docker('port', name, '8000/tcp')}/"
        wait_until(lambda: status(address) == 200)
        assert docker("exec", name, "id", "-u") == "54321"
    finally:
        docker("rm", "--force", name)


# A client of a kernel that runs, in the container.
CLIENT = """
import sys
from jupyter_client import BlockingKernelClient, find_connection_file
client = BlockingKernelClient(connection_file=find_connection_file(sys.argv[1]))
client.load_connection_file()
client.start_channels()
# Messages that the kernel sends before this client listens are lost, the one that ends a command among them.
client.wait_for_ready(timeout=60)
client.execute_interactive(sys.argv[2], timeout=60)
client.stop_channels()
"""
WHERE = """
try:
    import humanize
    print(humanize.__file__)
except ImportError as error:
    print(error)
"""


def kernel(project):
    """Start the notebook and a kernel in it; return a function that runs code there and returns what it prints."""
    address = project.notebook().replace("/lab?", "/api/kernels?")
    request = urllib.request.Request(address, b'{"name": "python3"}', {"Content-Type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        started = json.load(answer)["id"]
    (name,) = project.containers("status=running")
    return lambda code: docker("exec", name, "python", "-c", CLIENT, started, code)


@pytest.fixture(scope="module")
def added(built, tmp_path_factory):
    """What was seen while a package was added to a clone of the built project, whose notebook runs."""
    project = Project(shutil.copytree(built.path, tmp_path_factory.mktemp("added") / "clone"))
    before = layers(built.setting("IMAGE"))
    run = kernel(project)
    # Python remembers the folders in which it has looked.
    imports = [run(WHERE)]
    said = project.ok("add", "PKG=humanize")
    imports.append(run(WHERE))
    project.ok("build")
    steps = project.steps()
    project.ok("stop", "notebook")
    imports.append(kernel(project)(WHERE))
    after = layers(project.setting("IMAGE"))
    yield SimpleNamespace(project=project, said=said, imports=imports, steps=steps, before=before, after=after)
    project.ok("clean")


def test_added_package_reaches_the_kernel_that_runs(added):
    assert "humanize can be imported in the running notebook" in added.said.splitlines()
    before, after, later = added.imports
    assert before == "No module named 'humanize'"
    assert after.startswith("/opt/added/humanize/")
    assert later.startswith("/opt/venv/") and "/site-packages/humanize/" in later


def test_added_package_makes_no_layer_but_its_own(added):
    *kept, last = added.after
    assert kept == added.before[:-1] and last != added.before[-1]

    # Fewer if the cache has some of them from an earlier run, or from a test that adds the same package.
    own = {"sources 1/1", "lists 1/1", "built 1/1", "dev 5/5"}

    def others(steps):
        return {step: end for step, end in steps.items() if end != "CACHED" and step not in own}

    steps = added.steps
    if others(steps):
        # BuildKit runs a step once for all builds at that moment, and some tests build without the cache.
        added.project.ok("add", "PKG=tabulate")
        added.project.ok("build")
        steps = added.project.steps()
    assert others(steps) == {}


def test_removed_package_leaves_no_trace(copy):
    project = copy()

    def state():
        # An index does not always give the sizes of files.
        return project.read("pyproject.toml"), re.sub(r", size = \d+", "", project.read("uv.lock"))

    before = state()
    project.ok("add", "PKG=humanize")
    assert "humanize" in project.read("uv.lock")
    assert "removed humanize; next: make build" in project.ok("remove", "PKG=humanize")
    assert state() == before
    assert "does not have the package humanize" in project.error("remove", "PKG=humanize")
    assert "is not the name of a package" in project.error("remove", "PKG=pandas>=2")
    assert state() == before


def test_missing_package_changes_nothing_in_a_running_notebook(copy):
    project = copy()
    project.notebook()
    (name,) = project.containers("status=running", f"label=com.docker.compose.project.working_dir={project.path}")
    before = project.read("pyproject.toml"), project.read("uv.lock")
    assert "no-such-package-anywhere" in project.error("add", "PKG=humanize no-such-package-anywhere")
    assert (project.read("pyproject.toml"), project.read("uv.lock")) == before
    assert docker("exec", name, "ls", "-A", "/opt/added") == ""
    assert not [*project.path.glob(".local/added.*"), *project.path.glob(".local/lock.*")]


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ("pip install -U 'rich>=13' humanize -c limits.txt", "PKG='rich>=13 humanize'"),
        ("python -m pip install --requirement=old.txt", "FROM=old.txt"),
        ("conda install -c conda-forge humanize", "PKG=humanize"),
        ("ipython -c '%pip install humanize'", "PKG=humanize"),
    ],
)
def test_pip_names_the_command_that_keeps_a_package(built, command, wanted):
    done = built.make("run", f"CMD={command} 2>&1")
    assert f"in the project's folder, run: make add {wanted}." in done.stdout
    assert "Successfully" not in done.stdout


def test_pip_does_what_installs_nothing(built):
    """The base image has pip. It sees the packages of the project."""
    assert re.search(r"^pandas +\d", built.run("pip list"), re.MULTILINE)

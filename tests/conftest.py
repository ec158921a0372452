"""Fixtures for all tests: the questions, copies of the template, and projects generated from it."""

import fcntl
import functools
import hashlib
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from cookiecutter.main import cookiecutter
from support import Project, unique
from xdist.scheduler import LoadScopeScheduling

from generation.frameworks import frameworks
from generation.kernels import kernels
from generation.services import catalogue

# `make test` runs these tests. The make of a project must not see the variables of that make.
for variable in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
    os.environ.pop(variable, None)

TEMPLATE = Path(__file__).parent.parent
QUESTIONS = {
    name: default
    for name, default in json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8")).items()
    if not name.startswith("_")
}
# The questions for which cookiecutter shows choices. The first choice is the default.
CHOICES = {name: choices for name, choices in QUESTIONS.items() if isinstance(choices, list)}
FRAMEWORKS = sorted(frameworks(), key=lambda name: name != QUESTIONS["framework"])
# The questions that have a few possible answers, with the default first. Those with the fewest come first, which keeps
# the number of combinations below small.
OPTIONS = dict(sorted({**CHOICES, "framework": FRAMEWORKS}.items(), key=lambda option: len(option[1])))


def pairwise() -> list[dict]:
    """Return answers such that each pair of answers to two questions occurs at least once. The defaults come first."""

    def pairs(row):
        return set(itertools.combinations(row.items(), 2))

    rows = [dict(zip(OPTIONS, choices, strict=True)) for choices in itertools.product(*OPTIONS.values())]
    missing = set().union(*map(pairs, rows))
    chosen = []
    while missing:
        chosen.append(max(rows, key=lambda row: len(pairs(row) & missing)))
        missing -= pairs(chosen[-1])
    return chosen


# Only a template in a repository can be remembered.
REMEMBERED = {".cruft.json"} if (TEMPLATE / ".git").exists() else set()

SERVICES = catalogue()
EVERY_SERVICE = {"services": ",".join(SERVICES)}
KERNELS = kernels()
EVERY_KERNEL = {"kernels": ",".join(KERNELS)}
# The only programs that the project's commands may need on a host, beside the engine's.
HOST = """awk basename bash cat chmod chown cmp cp cut date df dirname du env find getenforce git grep gzip head id ls
make mkdir mktemp mv od paste printf pwd rm rmdir sed sh sha256sum sleep sort tail tar tee tr uname wc""".split()

# The length of lines depends on the names in them.
NAMES = [
    {"project_slug": "a", "package_name": "a"},
    {"project_slug": "0-" + 38 * "x", "package_name": 40 * "x"},
]
COMBINATIONS = pairwise() + [
    {**names, **EVERY_SERVICE, **EVERY_KERNEL, "framework": framework, "python_version": version}
    for names in NAMES
    for framework, version in zip(FRAMEWORKS, itertools.cycle(CHOICES["python_version"]))
]

# The files and folders of the template that cookiecutter needs.
PARTS = (
    *("cookiecutter.json", "local_extensions.py", "pyproject.toml", "generation", "hooks", "services", "templates"),
    "{{cookiecutter.project_slug}}",
)


def copy_template(folder: Path) -> Path:
    """Copy the template, without its repository, tests and documentation, to a new folder."""
    for name in PARTS:
        if (TEMPLATE / name).is_dir():
            shutil.copytree(TEMPLATE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            folder.mkdir(exist_ok=True)
            shutil.copy(TEMPLATE / name, folder)
    return folder


def tool(name: str) -> str:
    """Return the path of a tool: beside this Python, or on PATH."""
    path = shutil.which(name, path=os.path.dirname(sys.executable)) or shutil.which(name)
    assert path, f"{name} is missing"
    return path


def files(project: Path) -> set[str]:
    """Return the files of a project, except those of git."""
    paths = (path.relative_to(project) for path in project.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in paths if path.parts[0] != ".git"}


def generated(result) -> Path:
    if result.exception:
        pytest.fail(f"nothing was generated: {result.exception}", pytrace=False)
    return result.project_path


@pytest.fixture(scope="session")
def baked(cookies_session, tmp_path_factory):
    """Generate a project and return its folder: `baked(framework="none")`. Tests only read it, and write with `bake`.

    All processes of this run share the project for the same answers.
    """
    root = tmp_path_factory.getbasetemp()
    shared = (root.parent if "PYTEST_XDIST_WORKER" in os.environ else root) / "baked"
    shared.mkdir(exist_ok=True)

    @functools.cache
    def share(**answers):
        place = shared / hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()
        with open(f"{place}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not place.exists():
                project = generated(cookies_session.bake(answers, str(TEMPLATE)))
                # A rename, since pytest-cookies removes its own folders when the first process ends.
                project.parent.rename(place)
        (project,) = place.iterdir()
        return project

    return share


@pytest.fixture
def bake(baked, tmp_path_factory):
    """Like `baked`, but for tests that write: each call returns a copy, which is removed after the test."""
    folders = []

    def copy(**answers):
        project = baked(**answers)
        folders.append(tmp_path_factory.mktemp("bake"))
        return shutil.copytree(project, folders[-1] / project.name, symlinks=True)

    yield copy
    for folder in folders:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def default(baked):
    return baked()


@pytest.fixture(scope="session", params=COMBINATIONS, ids=lambda answers: "-".join(answers.values()))
def project(request, baked):
    """Projects for all answers with few possibilities. Tests only read them."""
    return baked(**request.param)


@pytest.fixture
def out(tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


@pytest.fixture
def command(out, _cookiecutter_config_file):
    """Run cookiecutter as a person does, with `out` as the output folder."""

    def run(*arguments, template=TEMPLATE, python=sys.executable, **options):
        # Python looks for modules in the current folder first. This repository has those of another copy.
        options = {"cwd": out, **options}
        settings = ["--config-file", _cookiecutter_config_file, "--output-dir", out]
        return subprocess.run(
            [python, "-m", "cookiecutter", template, *settings, *arguments],
            capture_output=True,
            encoding="utf-8",
            **options,
        )

    return run


@pytest.fixture(scope="session")
def engine():
    """A real engine. Where the environment says REQUIRE_ENGINE, as .ci/run does, its absence is a failure."""
    done = subprocess.run("docker info", shell=True, capture_output=True, text=True)
    if done.returncode:
        words = f"no Docker engine answers: {done.stderr.strip().splitlines()[-1]}"
        pytest.fail(words) if os.environ.get("REQUIRE_ENGINE") else pytest.skip(words)


@pytest.fixture(scope="session")
def caches():
    """A folder that all users can enter, which is removed at the end."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def generate(engine, tmp_path_factory, caches, _cookiecutter_config_file):
    """Generate projects for the engine: `generate("name", framework="none")`. All they made there is removed."""
    projects = []

    def new(name="lab", **answers):
        slug = unique(name)
        folder = cookiecutter(
            str(TEMPLATE),
            no_input=True,
            extra_context={"project_slug": slug, **answers},
            output_dir=tmp_path_factory.mktemp(name),
            config_file=_cookiecutter_config_file,
        )
        project = Project(Path(folder))
        project.write_settings()
        project.keep_cache(caches / slug, [caches / each.slug for each in projects])
        projects.append(project)
        return project

    yield new
    for project in projects:
        project.remove()


@pytest.fixture(scope="session")
def built(generate):
    """A project with the default answers, built once for all tests. They leave it as it was."""
    project = generate()
    project.ok("build")
    return project


@pytest.fixture(scope="session")
def other(generate):
    """A second project, with none of the default answers that can be had from the engine's images."""
    project = generate("other", framework="none", python_version="3.14", ci="gitlab", license="Proprietary")
    project.ok("build")
    return project


@pytest.fixture(scope="session")
def with_service(generate):
    """A project with one service alone, built once for all its tests: `with_service("postgres")`.

    The tests of a service follow each other, so the project before is removed: all together would fill the disk.
    """
    projects = {}

    def new(name):
        if name not in projects:
            for project in projects.values():
                project.remove()
            projects.clear()
            projects[name] = generate(name, services=name)
            projects[name].ok("build")
        return projects[name]

    return new


@pytest.fixture
def serving(with_service):
    """As `with_service`, and started: `serving("postgres", POSTGRES_PORT="15432")`. Its volumes stay."""
    started = []

    def up(name, **environment):
        project = with_service(name)
        started.append(project)
        project.ok("up", **environment)
        return project

    yield up
    for project in started:
        project.make("down")


@pytest.fixture
def lab(built):
    """The built project, with nothing of it running before and after."""
    yield built
    built.ok("stop")


@pytest.fixture
def no_git(tmp_path):
    """The PATH of a machine without git."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*"):
            if not program.name.startswith("git") and not os.path.lexists(folder / program.name):
                (folder / program.name).symlink_to(program)
    assert shutil.which("git", path=str(folder)) is None
    return str(folder)


@pytest.fixture
def open_folder():
    """A temporary folder that others can enter too; pytest's own are closed to them."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture
def copy(built, open_folder):
    """Copy the built project to a folder of its own, where a test may break it. The image is shared."""
    copies = []

    def new(name="copy", owner=None):
        folder = open_folder / name
        shutil.copytree(built.path, folder, symlinks=True, ignore=shutil.ignore_patterns(".local"))
        if owner:
            subprocess.run(["chown", "-R", "{}:{}".format(*owner), folder], check=True)
        copies.append(Project(folder))
        return copies[-1]

    yield new
    for project in copies:
        project.remove_clone()


@pytest.fixture
def host(tmp_path):
    """A PATH with nothing of this machine but the programs in HOST, and a place for stubs."""
    folder = tmp_path / "host"
    folder.mkdir()
    for name in HOST:
        if path := shutil.which(name):
            (folder / name).symlink_to(path)
    return folder


@pytest.fixture
def untouched(baked, tmp_path):
    """A generated project, with a service, that has to be as it was after the test, but for what git ignores."""
    project = Project(shutil.copytree(baked(services="redis"), tmp_path / "project", symlinks=True))
    before = project.read("pyproject.toml"), project.read("Dockerfile")
    yield project
    assert (project.read("pyproject.toml"), project.read("Dockerfile")) == before
    assert not (project.path / "uv.lock").exists()


# The file whose tests disturb all others.
ALONE = "test_swarm.py"


class Groups(LoadScopeScheduling):
    """Runs the tests of a group in one process, since they share projects and images.

    A group is a file, or all tests that start the same service alone. ALONE runs when all other processes have ended.
    """

    def _split_scope(self, nodeid: str) -> str:
        """Return the group of a test."""
        file = Path(nodeid.partition("::")[0])
        service = re.search(rf"\[({'|'.join(SERVICES)})\b", nodeid)
        if file.name in ("test_services.py", "test_databases.py") and service:
            return service[1]
        # These share a cluster, and one of them adds nodes to it.
        if file.name.startswith("test_kubernetes"):
            return "kubernetes"
        return file.stem.removeprefix("test_").replace("_", "-") if file.parent.name == "services" else str(file)

    def _assign_work_unit(self, node) -> None:
        """Give a process the next group. Only the last process gets that of ALONE; the others end before."""
        for group in [each for each in self.workqueue if Path(each).name == ALONE]:
            self.workqueue.move_to_end(group)
        if Path(next(iter(self.workqueue))).name != ALONE or len(self.nodes) == 1:
            super()._assign_work_unit(node)
        elif any(not other.shutting_down for other in self.nodes if other is not node):
            node.shutdown()

    def remove_node(self, node) -> str | None:
        """Forget a process that has ended. Another one may have waited for that."""
        crashed = super().remove_node(node)
        if self.workqueue and len(self.nodes) == 1:
            self._reschedule(self.nodes[0])
        return crashed


def pytest_xdist_make_scheduler(config, log):
    return Groups(config, log)


def pytest_collection_modifyitems(items):
    """Run files with tests on the engine first, since they take longest; those of single services fill the gaps."""
    slow = {item.path for item in items if item.get_closest_marker("docker")}
    items.sort(key=lambda item: (item.path.name == ALONE, item.path not in slow, item.path.parent.name == "services"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    """Remove the shared projects. If an engine is required, fail the whole run unless tests on it have passed."""
    if not hasattr(session.config, "workerinput"):
        shutil.rmtree(session.config._tmp_path_factory.getbasetemp() / "baked", ignore_errors=True)
    if os.environ.get("REQUIRE_ENGINE") and not hasattr(session.config, "workerinput"):
        reports = session.config.pluginmanager.get_plugin("terminalreporter").stats.get("passed", [])
        if not any("docker" in report.keywords for report in reports):
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED

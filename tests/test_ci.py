"""The files for CI and for bots: those of generated projects and those of this repository."""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from conftest import EVERY_SERVICE, KERNELS, OPTIONS, TEMPLATE, tool
from support import Project, edit, wait_until
from test_faults import stub


def module(name):
    """Return a module of the folder .ci, which is not a package."""
    spec = importlib.util.spec_from_file_location(name, TEMPLATE / ".ci" / f"{name}.py")
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


lists, release_notes = module("lists"), module("notes")

GITHUB = {"github": {"ci": "github"}, "every service": {"ci": "github", "framework": "pytorch", **EVERY_SERVICE}}
# Each kind of file, the schema that its maker publishes, and an edit that the schema refuses.
SCHEMAS = {
    ".github/workflows/*.yml": ("github-workflows", "timeout-minutes: ", "timeout-minute: "),
    ".github/dependabot.yml": ("dependabot", "interval: ", "intervals: "),
    ".github/ISSUE_TEMPLATE/[!c]*.yml": ("github-issue-forms", "type: textarea", "type: text"),
    ".github/ISSUE_TEMPLATE/config.yml": ("github-issue-config", "contact_links:", "contacts:"),
    ".gitlab-ci.yml": ("gitlab-ci", "script:", "scripts:"),
    "renovate.json": ("renovate", '"enabled": true', '"enabled": "yes"'),
}


def folders(pattern, baked):
    """Return the folders that have files of one kind: projects with different answers, and this repository."""
    projects = [baked(ci=ci, accelerator=accelerator) for ci in OPTIONS["ci"] for accelerator in OPTIONS["accelerator"]]
    projects.append(baked(**GITHUB["every service"]))
    return [folder for folder in [*projects, TEMPLATE] if list(folder.glob(pattern))]


def validate(schema, *paths):
    # In this process, since the import takes over a second: the processes that only collect this test do without.
    from check_jsonschema import main

    return CliRunner().invoke(main, ["--builtin-schema", f"vendor.{schema}", *map(str, paths)])


@pytest.mark.parametrize("pattern", SCHEMAS)
def test_files_match_the_schema_of_their_reader(pattern, baked, tmp_path):
    schema, right, wrong = SCHEMAS[pattern]
    paths = [path for folder in folders(pattern, baked) for path in folder.glob(pattern)]
    assert paths
    done = validate(schema, *paths)
    assert done.exit_code == 0, done.output
    # The check finds a fault.
    text = next(text for path in paths if right in (text := path.read_text(encoding="utf-8")))
    broken = tmp_path / paths[0].name
    broken.write_text(text.replace(right, wrong), encoding="utf-8")
    assert validate(schema, broken).exit_code == 1


@pytest.fixture(scope="module")
def actionlint(tmp_path_factory):
    """The command actionlint, which Go compiles: it is not on PyPI. CI has Go."""
    if not shutil.which("go") and not os.environ.get("REQUIRE_ENGINE"):
        pytest.skip("Go, which compiles actionlint, is not installed")
    folder = tmp_path_factory.mktemp("go")
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-buildvcs=false"}
    command = [tool("go"), "install", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / "actionlint"


def test_actionlint_finds_nothing(actionlint, baked, tmp_path):
    paths = [path for folder in folders(".github", baked) for path in folder.glob(".github/workflows/*.yml")]
    done = subprocess.run([actionlint, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "ci.yml"
    broken.write_text(paths[0].read_text(encoding="utf-8").replace("github.ref_type", "github.ref_typ"))
    assert subprocess.run([actionlint, broken], capture_output=True).returncode == 1


def test_zizmor_finds_nothing(baked, tmp_path):
    audited = [folder / ".github" for folder in folders(".github", baked)]
    command = [tool("zizmor"), "--offline", "--no-progress", "--quiet"]
    done = subprocess.run([*command, *audited], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "ci.yml"
    text = (audited[0] / "workflows" / "ci.yml").read_text(encoding="utf-8")
    broken.write_text(re.sub("@[0-9a-f]{40}", "@main", text))
    assert "unpinned-uses" in subprocess.run([*command, broken], capture_output=True, text=True).stdout


def test_actions_are_pinned_and_say_their_version(baked):
    for path in [path for folder in folders(".github", baked) for path in folder.glob(".github/workflows/*.yml")]:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if " uses: " in line]
        assert lines or path.name != "ci.yml"
        for line in lines:
            assert re.search(r" uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line), line


def test_one_action_has_one_version(default):
    """Dependabot updates the pins of this repository, and a person then updates those of generated projects."""
    pins = {}
    for folder in (TEMPLATE, default):
        for path in (folder / ".github" / "workflows").glob("*.yml"):
            for name, version in re.findall(r"uses: ([\w./-]+)@(.*)", path.read_text(encoding="utf-8")):
                pins.setdefault(name, set()).add(version)
    assert pins and {name for name, versions in pins.items() if len(versions) > 1} == set()


def commands(job) -> str:
    """Return what a job of GitHub or GitLab runs."""
    return "\n".join([*job.get("script", []), *(step.get("run", "") for step in job.get("steps", []))])


@pytest.mark.parametrize(("ci", "name"), [("github", ".github/workflows/ci.yml"), ("gitlab", ".gitlab-ci.yml")])
def test_both_hosts_do_the_same(baked, ci, name):
    file = yaml.safe_load((baked(ci=ci) / name).read_text(encoding="utf-8"))
    jobs = file.get("jobs", file)
    assert re.findall("^make .*", commands(jobs["test"]), re.MULTILINE) == ["make build", "make lint", "make test"]
    assert "make push SBOM=1 REPOSITORY=" in commands(jobs["release"])
    assert "BUILD_CACHE" in str(jobs["test"]) and "BUILD_CACHE" not in str(jobs["release"])


@pytest.mark.parametrize(("ci", "name"), [("github", ".github/workflows/ci.yml"), ("gitlab", ".gitlab-ci.yml")])
@pytest.mark.parametrize(("tag", "status"), [("v0.1.0", 0), ("v0.2.0", 1), ("v0.1.0.1", 1)])
def test_tag_must_be_the_version(baked, ci, name, tag, status):
    project = baked(ci=ci)
    file = yaml.safe_load((project / name).read_text(encoding="utf-8"))
    job = file.get("jobs", file)["release"]
    scripts = [*job.get("script", []), *(step.get("run", "") for step in job.get("steps", []))]
    (script,) = [script for script in scripts if "pyproject.toml" in script]
    environment = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag, "CI_COMMIT_TAG": tag}
    done = subprocess.run(["sh", "-ec", script], cwd=project, env=environment, capture_output=True, text=True)
    assert done.returncode == status
    assert done.stderr == ("" if status == 0 else f"error: {tag} is not the version in pyproject.toml. "
                           "Correct it there, and tag that commit.\n")  # fmt: skip


def test_renovate_finds_the_images_of_services(baked):
    """Renovate does not understand the prefix of these images, so its configuration has a pattern for them."""
    project = baked(**GITHUB["every service"])
    (manager,) = yaml.safe_load((project / "renovate.json").read_text(encoding="utf-8"))["customManagers"]
    (file_pattern,) = manager["managerFilePatterns"]
    (pattern,) = (each.replace("(?<", "(?P<") for each in manager["matchStrings"])
    for path in project.rglob("compose*.yaml"):
        assert re.search(file_pattern.strip("/"), path.relative_to(project).as_posix())
        text = path.read_text(encoding="utf-8")
        found = [match["depName"] for match in re.finditer(pattern, text)]
        assert len(found) == text.count("image: ${REGISTRY_PREFIX:-}"), path


def test_combinations_are_those_of_the_questions():
    rows = [dict(word.split("=") for word in row.split()) for row in lists.combinations()]
    for question in ("framework", "python_version", "accelerator"):
        assert {row[question] for row in rows if question in row} == set(OPTIONS[question])
    assert [row["kernels"] for row in rows if "kernels" in row] == KERNELS
    with_services = {row["python_version"] for row in rows if row.get("services") == EVERY_SERVICE["services"]}
    assert with_services == set(OPTIONS["python_version"])
    count = len(OPTIONS["framework"]) * len(OPTIONS["python_version"]) * len(OPTIONS["accelerator"])
    count += len(KERNELS) + len(OPTIONS["python_version"])
    # GitHub runs at most 256 jobs of a matrix.
    assert len(rows) == len({tuple(row.items()) for row in rows}) == count <= 256


@pytest.mark.docker
def test_images_are_those_that_projects_pull(engine, baked):
    """Every image is named in a file of a project, and every service that pulls one has it in the list."""
    command = [sys.executable, TEMPLATE / ".ci" / "lists.py", "images"]
    environment = {**os.environ, "PYTHONPATH": str(TEMPLATE)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    images = done.stdout.splitlines()
    assert images == sorted(set(images))
    bases = {f"python:{version}-slim-trixie" for version in OPTIONS["python_version"]}
    assert bases | {"postgres:17", "ghcr.io/astral-sh/uv:0.13", "rclone/rclone:1"} <= set(images)
    text = "".join(path.read_text(encoding="utf-8") for path in baked(**EVERY_SERVICE).glob("services/*/compose.yaml"))
    assert set(re.findall(r"image: \$\{REGISTRY_PREFIX:-\}(\S+)", text)) <= set(images)


@pytest.mark.parametrize("missing", ["", "redis:8"])
def test_image_that_cannot_be_had_is_named(missing, tmp_path):
    folder = tmp_path / "repository" / ".ci"
    folder.mkdir(parents=True)
    shutil.copy(TEMPLATE / ".ci" / "resolve-images", folder)
    (folder.parent / "Makefile").write_text("images:\n\t@echo redis:8 && echo postgres:17\n")
    stub(tmp_path, f'[ "$4" != "{missing}" ]')
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run([folder / "resolve-images"], env={"PATH": path}, capture_output=True, text=True)
    if missing:
        assert done.returncode != 0
        assert done.stderr.startswith("error: these images cannot be had: redis:8. ")
    else:
        assert (done.returncode, done.stdout) == (0, "2 images can be had\n")


CHANGES = "# Changelog\n\n## 0.2.0, 2026-12-01\n\n### Added\n\n- This.\n\n## 0.1.0, 2026-01-01\n\n- That.\n"


@pytest.mark.parametrize("unreleased", ["", "## Unreleased\n\n"])
def test_notes_of_a_release_are_its_section(unreleased):
    text = CHANGES.replace("## 0.2.0", f"{unreleased}## 0.2.0")
    assert release_notes.notes("v0.2.0", text, "0.2.0") == "### Added\n\n- This."


@pytest.mark.parametrize(
    ("tag", "version", "old", "new", "words"),
    [
        ("0.2.0", "0.2.0", "", "", "'0.2.0' is not a version"),
        ("v0.2", "0.2", "", "", "'v0.2' is not a version"),
        ("v0.2.0", "0.3.0", "", "", "pyproject.toml has 0.3.0"),
        ("v0.2.0", "0.2.0", ", 2026-12-01", ", not released yet", "is '## 0.2.0, not released yet'"),
        ("v0.2.0", "0.2.0", "## 0.2.0", "## Unreleased\n\n- More.\n\n## 0.2.0", "is '## Unreleased'"),
        ("v0.3.0", "0.3.0", "", "", "is '## 0.2.0, 2026-12-01'"),
        ("v0.2.0", "0.2.0", "### Added\n\n- This.\n\n", "", "the newest section"),
        ("v0.2.0", "0.2.0", CHANGES, "# Changelog\n", "has no section"),
    ],
)  # fmt: skip
def test_release_that_is_not_ready_is_refused(tag, version, old, new, words):
    with pytest.raises(ValueError, match=re.escape(words)):
        release_notes.notes(tag, CHANGES.replace(old, new, 1) if old else CHANGES, version)


@pytest.fixture
def host(host, tmp_path):
    """The programs that the commands may need, and a stub of Docker that records its arguments."""
    stub(host, f"""echo "$@" >>{tmp_path}/calls
case "$1 $2" in
  "info --format") echo "28.0.0|[]|/nonexistent|16000000000|buildx=0.29 compose=2.30.0 " ;;
  "build "* | "buildx build") [ -z "$SAID" ] || {{ echo "$SAID"; exit 1; }} ;;
esac""")  # fmt: skip
    return host


@pytest.fixture
def project(baked, host, tmp_path):
    """A project with a lock file, and an engine that is only a stub."""
    project = Project(shutil.copytree(baked(), tmp_path / "a project"))
    (project.path / "uv.lock").touch()
    return project


def builds(tmp_path) -> list[str]:
    """Return the builds that the stub was asked for."""
    return [call for call in (tmp_path / "calls").read_text().splitlines() if re.match("(buildx )?build ", call)]


def test_layers_are_stored_only_on_request(project, host, tmp_path):
    project.ok("build", PATH=str(host))
    project.ok("build", PATH=str(host), BUILD_CACHE="type=gha")
    project.ok("release", PATH=str(host), BUILD_CACHE="type=gha")
    plain, cached, release = builds(tmp_path)
    assert plain.startswith("build ") and "--cache" not in plain
    assert cached.startswith("buildx build ") and " --load " in cached
    assert " --cache-from type=gha --cache-to type=gha,mode=max " in cached
    assert "--cache" not in release


def test_sbom_is_pushed_with_a_new_build(project, host, tmp_path):
    project.ok("push", "REPOSITORY=registry.example/a", "SBOM=1", "TAG=1", PATH=str(host))
    (build,) = builds(tmp_path)
    assert build.startswith("buildx build ") and " --target release " in build
    assert " --sbom=true --push --tag registry.example/a:1 " in build and "--platform" not in build


CANNOT = "ERROR: {} is not supported for the docker driver.\nSwitch to a different driver, and try again."


@pytest.mark.parametrize(
    ("arguments", "said", "words"),
    [
        (["build", "BUILD_CACHE=/tmp/secret"], "", "BUILD_CACHE is not valid"),
        (["build", "BUILD_CACHE=type=local,dest=a secret"], "", "BUILD_CACHE is not valid"),
        (["build", "BUILD_CACHE=type=gha"], CANNOT.format("Cache export"), "Create one that can: docker buildx create"),
        (["push", "REPOSITORY=a", "SBOM=yes"], "", "SBOM='yes' is not valid"),
        (["push", "REPOSITORY=a", "SBOM=1", "TAG=1"], CANNOT.format("Attestation"), "cannot add an SBOM to an image"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_what_cannot_be_stored_is_refused(arguments, said, words, project, host):
    line = project.error(*arguments, PATH=str(host), SAID=said)
    assert words in line and "secret" not in line


AS_ROOT = [] if os.geteuid() == 0 else ["sudo", "--non-interactive"]


@contextlib.contextmanager
def new_engine():
    """A second engine on this machine, with containerd's image store, no images and no network. Yields its address.

    Docker's own image store cannot store layers elsewhere.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "daemon.json").write_text(json.dumps({"features": {"containerd-snapshotter": True}}))
        folders = ("--data-root", folder / "data", "--exec-root", folder / "run", "--pidfile", folder / "pid")
        options = (
            "--config-file",
            folder / "daemon.json",
            "--host",
            f"unix://{folder}/sock",
            "--group",
            str(os.getgid()),
        )
        address = f"unix://{folder}/sock"
        with open(folder / "log", "w") as log:
            command = [*AS_ROOT, "unshare", "--net", "--mount", tool("dockerd"), *folders, *options]
            process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(lambda: process.poll() or (folder / "sock").exists())
            assert process.poll() is None, (folder / "log").read_text()
            yield address
        finally:
            subprocess.run([*AS_ROOT, "kill", str(process.pid)])
            process.wait()
            subprocess.run([*AS_ROOT, "rm", "-rf", *folder.iterdir()], check=True)


RECIPE = """ARG REGISTRY_PREFIX=""
FROM busybox:1 AS lists
COPY pyproject.toml .
RUN wc -l pyproject.toml >/list
FROM busybox:1 AS dev
RUN --mount=type=secret,id=network --mount=type=bind,from=lists,source=/list,target=/list cp /list /copied
LABEL org.opencontainers.image.title=demo
"""


@pytest.mark.docker
def test_second_run_of_ci_builds_nothing(engine, baked, tmp_path):
    """Two machines that share nothing but the cache. The same with the real Dockerfile takes minutes."""
    images, cache = tmp_path / "images.tar", f"type=local,src={tmp_path}/cache,dest={tmp_path}/cache"
    subprocess.run(["docker", "save", "--output", images, "busybox:1"], check=True)
    built = []
    for run in ("first", "second"):
        project = Project(shutil.copytree(baked(), tmp_path / f"{run} run"))
        (project.path / "Dockerfile").write_text(RECIPE)
        (project.path / "uv.lock").touch()
        with new_engine() as address:
            subprocess.run(["docker", "--host", address, "load", "--input", images], check=True, capture_output=True)
            project.ok("build", f"BUILD_CACHE={cache}", DOCKER_HOST=address)
            inspect = ["docker", "--host", address, "image", "inspect", "--format", "{{.Id}}", project.image]
            built.append((project.steps(), subprocess.check_output(inspect)))
    (first, image), (second, same) = built
    assert set(first.values()) == {"DONE"} and set(second.values()) == {"CACHED"}
    assert first.keys() == second.keys() and image == same


@pytest.mark.docker
def test_wrong_types_and_untested_code_are_found(copy):
    project = copy("checked")
    edit(project, "pyproject.toml", '    "notebooks/01-explore.ipynb",\n', "")
    project.ok("lint")
    edit(project, "src/" + next((project.path / "src").iterdir()).name + "/__init__.py", "SEED = 0", 'SEED: int = "0"')
    done = project.make("lint")
    assert done.returncode != 0 and 'error: Incompatible types in assignment (expression has type "str"' in done.stdout
    (project.path / "tests" / "test_pipeline.py").unlink()
    done = project.make("test")
    assert done.returncode != 0 and "Coverage failure: total of" in done.stdout
    project.run("pytest")

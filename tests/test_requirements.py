"""`make add FROM=list`: how lists of other tools are read, and how failures of uv are explained."""

import http.server
import io
import os
import subprocess
import sys
import tarfile
import threading
import tomllib
import zipfile
from pathlib import Path

import pytest
from conftest import TEMPLATE

SCRIPTS = TEMPLATE / "{{cookiecutter.project_slug}}" / "docker" / "image"
TOOLS = Path(sys.executable).parent
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
PROJECT = f"""
[project]
name = "thesis"
version = "0"
requires-python = "=={PYTHON}.*"
dependencies = ["pandas>=2.3"]

[project.optional-dependencies]
cpu = ["torch>=2.8"]

[dependency-groups]
large = ["pandas"]
notebook = ["jupyterlab>=4.4"]
"""
# Instead of uv: keep what it is given.
RECORDER = """#!/bin/sh
cat >taken
for last; do :; done
if [ "$last" = - ]; then touch constraints; else cp "$last" constraints; fi
"""


def start(folder: Path, *command: str | Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a command with the Python of this test."""
    environment = {**os.environ, "UV_PYTHON": sys.executable, **environment}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, encoding="utf-8")


@pytest.fixture
def read(tmp_path):
    """Read a list, and return what uv would add, its constraints, and the report: `read({"Pipfile": text})`."""

    def read(files: dict[str, str | bytes | None], **environment: str):
        for name, text in files.items():
            if text is None:
                continue
            (tmp_path / "given" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "given" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        project = tmp_path / "project"
        (project / "bin").mkdir(parents=True)
        (project / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
        (project / "bin" / "uv").write_text(RECORDER)
        (project / "bin" / "uv").chmod(0o755)
        environment["PATH"] = f"{project / 'bin'}:{os.environ['PATH']}"
        command = [TOOLS / "uv", "run", "--quiet", "--script", SCRIPTS / "read_requirements.py"]
        done = start(project, *command, tmp_path / "given" / next(iter(files)), "report", **environment)
        if done.returncode:
            return done.stderr
        return tuple((project / name).read_text("utf-8").splitlines() for name in ("taken", "constraints", "report"))

    return read


PINS = """\
# Made by hand
numpy==1.26.4   # exact
scipy >= 1.11 , < 2

requests[socks,security]~=2.31.0 ; python_version >= "3.8"
old===2004d
seaborn==0.13.2 \\
    --hash=sha256:e0ab7ffbc3abbc5196fc6f2fd1d4ec5c9d7e2a4f9d1cf8b1cdc47a6ebd1f0a4e \\
    --hash=sha256:40918d3e6a2b619ad424cb91e556bd3bd8865443d9f22f1dcdf79e33c8046872
xarray
"""
PINNED = [
    *("numpy==1.26.4", "scipy<2,>=1.11", 'requests[security,socks]~=2.31.0; python_version >= "3.8"'),
    *("old===2004d", "seaborn==0.13.2", "xarray"),
]
ADDRESSES = """\
git+https://example.org/x/y.git@v1#egg=yy&subdirectory=sub
-e git+ssh://git@example.org/x/y.git@abc#egg=zz
-e git+git@example.org:x/scp.git#egg=scp
git+https://example.org/x/noegg.git
https://example.org/a-1.0-py3-none-any.whl
named[x] @ git+https://example.org/x/named@v2 ; python_version > "3"
"""
ADDRESSED = [
    "yy @ git+https://example.org/x/y.git@v1#subdirectory=sub",
    "zz @ git+ssh://git@example.org/x/y.git@abc",
    "scp @ git+ssh://git@example.org/x/scp.git",
    "git+https://example.org/x/noegg.git",
    "a @ https://example.org/a-1.0-py3-none-any.whl",
    'named[x] @ git+https://example.org/x/named@v2 ; python_version > "3"',
]
CONDA = """\
name: thesis
channels: [conda-forge]
dependencies:
  - python=PYTHON
  - pip
  - numpy=1.26
  - scipy==1.11.4
  - "matplotlib>=3.7,<4"
  - conda-forge::xarray=2024.1.0=pyhd8ed1ab_0
  - seaborn[version='>=0.12']
  - numba 0.58.*
  - h5py=3.9=nompi_py311*
  - opencv
  - pytables   # tables
  - librosa
  - pip:
      - attrs==23.1
      - -r more.txt
"""
POETRY = """\
[tool.poetry.dependencies]
python = "^3.8"
numpy = "^1.21"
scipy = "~1.7"
requests = { version = "^2.28", extras = ["socks"] }
ours = { git = "https://example.org/ours.git", rev = "abc" }
inside = { path = "packages/inside", develop = true }
win = { version = "*", markers = "sys_platform == 'win32'" }
plot = { version = "*", optional = true }
two = [{ version = "1.0", python = "<3.10" }, { version = "2.0", python = ">=3.10" }]
"""
PEP_621 = """\
[project]
name = "other"
requires-python = ">=3.8"
dependencies = ["numpy>=1.20", "polars[excel]>=1 ; python_version >= '3.9'", "ours"]
[tool.uv.sources]
ours = { git = "https://example.org/ours", tag = "v1" }
"""
PIPFILE = """\
[[source]]
url = "https://example.org/simple"
name = "pypi"
[packages]
polars = "*"
"requests" = {version = ">=2", extras = ["socks"]}
ours = {git = "https://example.org/ours.git", ref = "abc", editable = true}
colorama = {version = "*", sys_platform = "== 'win32'"}
wheel = {file = "https://example.org/wheel-1.0-py3-none-any.whl"}
"""
TAKEN = {
    "pins": ({"requirements.txt": PINS}, PINNED),
    "addresses": ({"requirements.txt": ADDRESSES}, ADDRESSED),
    "Windows": ({"requirements.txt": PINS.replace("\n", "\r\n")}, PINNED),
    "byte order mark": ({"requirements.txt": PINS.encode("utf-8-sig")}, PINNED),
    "PowerShell": ({"requirements.txt": PINS.replace("\n", "\r\n").encode("utf-16")}, PINNED),
    "included": (
        {"requirements.txt": "-r sub/a.txt\nnumpy\n", "sub/a.txt": "scipy\n-r ../b.txt", "b.txt": "-r sub/a.txt\ndask"},
        ["scipy", "dask", "numpy"],
    ),
    "packages": (
        {"requirements.txt": "-e ./packages/one\npackages/two\n./packages/three-1.0-py3-none-any.whl\n"},
        ["-e ./packages/one", "-e ./packages/two", "./packages/three-1.0-py3-none-any.whl"],
    ),
    "conda list": (
        {"requirements.txt": "# platform: linux-64\nnumpy=1.26.4=py311h64a7726_0\npip=23.3=pyhd8ed1ab_0\nscipy=1.11\n"},
        ["numpy==1.26.4", "scipy==1.11.*"],
    ),
    "conda": (
        {"environment.yml": CONDA.replace("PYTHON", PYTHON), "more.txt": "openpyxl\n"},
        [
            *("numpy==1.26.*", "scipy==1.11.4", "matplotlib<4,>=3.7", "xarray==2024.1.0", "seaborn>=0.12"),
            *("numba==0.58.*", "h5py==3.9", "opencv-python-headless", "tables", "librosa", "attrs==23.1", "openpyxl"),
        ],
    ),
    "Poetry": (
        {"pyproject.toml": POETRY},
        [
            *("numpy<2.0,>=1.21", "scipy<1.8,>=1.7", "requests[socks]<3.0,>=2.28"),
            *("ours @ git+https://example.org/ours.git@abc", "-e ./packages/inside", 'win; sys_platform == "win32"'),
            *('two==1.0; python_version < "3.10"', 'two==2.0; python_version >= "3.10"'),
        ],
    ),
    "pyproject": (
        {"pyproject.toml": PEP_621},
        ["numpy>=1.20", 'polars[excel]>=1; python_version >= "3.9"', "ours @ git+https://example.org/ours@v1"],
    ),
    "Pipfile": (
        {"Pipfile": PIPFILE},
        [
            *("polars", "requests[socks]>=2", "ours @ git+https://example.org/ours.git@abc"),
            *('colorama; sys_platform == "win32"', "wheel @ https://example.org/wheel-1.0-py3-none-any.whl"),
        ],
    ),
}


@pytest.mark.parametrize("case", TAKEN)
def test_list_is_taken_as_it_is(read, case):
    files, expected = TAKEN[case]
    assert read(files) == (expected, [], [])


# A line of a list, what is taken of it, and what the report says.
REPORTED = [
    ("-e .", None, "it is the project itself"),
    (".[dev]", None, "it is the project itself"),
    ("thesis==1.0", None, "it is the project itself"),
    ("./wheels/x-1.0-py3-none-any.whl", None, "it is not in packages/. Copy it there"),
    ("-e ../shared", None, "it is not in packages/. Copy it there"),
    (r"C:\wheels\x.whl", None, "it is not in packages/. Copy it there"),
    ("--index-url https://example.org/simple", None, "[[tool.uv.index]]"),
    ("--extra-index-url=https://example.org/simple", None, "[[tool.uv.index]]"),
    ("--find-links https://example.org", None, "[[tool.uv.index]]"),
    ("--trusted-host example.org", None, "allow-insecure-host"),
    ("--pre", None, 'prerelease = "allow"'),
    ("--no-binary :all:", None, "uv has settings of its own"),
    ("-r missing.txt", None, "there is no file missing.txt"),
    ("pkg-resources==0.0.0", None, "pip on Debian lists it by mistake"),
    ("pywin32==305", None, "it is for Windows only"),
    ('pywin32==306 ; sys_platform == "win32"', 'pywin32==306; sys_platform == "win32"', None),
    ("jupyterlab==3.4", None, "the group notebook in pyproject.toml has jupyterlab>=4.4."),
    ("torch==2.1.0+cu118", None, "the extra cpu in pyproject.toml has torch>=2.8."),
    ("torchvision==0.16.0+cu118", "torchvision==0.16.0", "it comes with CUDA, which is several GB."),
    ("pandas==2.2.3", "pandas==2.2.3", "it replaces pandas>=2.3"),
    ("pandas", "pandas", None),
    ("sklearn", "scikit-learn", None),
    ("this is no requirement", None, "write name==version"),
]


def test_each_line_that_is_not_taken_has_its_reason(read):
    taken, _, report = read({"requirements.txt": "".join(f"{line}\n" for line, *_ in REPORTED)})
    assert taken == list(dict.fromkeys(requirement for _, requirement, _ in REPORTED if requirement))
    expected = [
        (f"requirements.txt, line {number}: {line} : ", reason)
        for number, (line, _, reason) in enumerate(REPORTED, 1)
        if reason
    ]
    assert len(report) == len(expected)
    for found, (start_of_line, reason) in zip(report, expected, strict=True):
        assert found.startswith(start_of_line) and reason in found


CONDA_ONLY = """\
dependencies:
  - python=3.8
  - _libgcc_mutex=0.1=conda_forge
  - openssl
  - anything=1.2=h123abc_0
  - pytorch-cuda=12.1
  - numpy
  - pip:
    - --extra-index-url https://example.org
"""
OTHERS = """\
[project]
requires-python = ">=3.8"
dependencies = ["numpy"]
[project.optional-dependencies]
docs = ["sphinx"]
[dependency-groups]
test = ["pytest"]
[[tool.uv.index]]
url = "https://example.org/simple"
"""


def test_conda_packages_that_are_not_python_are_reported(read):
    taken, _, report = read({"environment.yml": CONDA_ONLY})
    assert taken == ["numpy"]
    reasons = [f"the project has Python {PYTHON}", *["not a Python package"] * 3, "ACCELERATOR=cuda", "tool.uv.index"]
    assert len(report) == len(reasons)
    for line, reason, number in zip(report, reasons, (2, 3, 4, 5, 6, 9), strict=True):
        assert line.startswith(f"environment.yml, line {number}: ") and reason in line


def test_groups_extras_and_indexes_are_reported(read):
    taken, _, report = read({"pyproject.toml": OTHERS})
    assert taken == ["numpy"]
    assert report[0].startswith("pyproject.toml, line 9: https://example.org/simple : an index belongs in")
    assert report[1].startswith("pyproject.toml: docs, test : groups and extras are left out.")


def test_packages_of_conda_in_a_list_of_pip_lose_their_versions(read):
    lines = ["numpy @ file:///home/conda/feedstock_root/build_artifacts/numpy_1/work", "scipy @ file:///C:/ci/scipy_1"]
    taken, _, report = read({"requirements.txt": "\n".join(lines)})
    assert taken == ["numpy", "scipy"]
    assert report == ["requirements.txt: numpy, scipy : their versions are unknown. New ones are taken."]


def test_constraints_are_passed_on(read):
    files = {"requirements.txt": "-c limits.txt\nnumpy\n", "limits.txt": "numpy<2\npandas==2.3.0\n"}
    assert read(files) == (["numpy"], ["numpy<2", "pandas==2.3.0"], [])


def test_versions_can_be_left_out(read):
    files = {"requirements.txt": "numpy[x]==1.19 ; python_version > '3'\npandas==1.0\n-c c.txt", "c.txt": "scipy<1\n"}
    taken, constraints, report = read(files, UNPINNED="1")
    assert (taken, constraints, report) == (['numpy[x]; python_version > "3"', "pandas"], ["scipy"], [])


UNREADABLE = {
    "missing": ({"requirements.txt": None}, "requirements.txt cannot be read: No such file or directory."),
    "encoding": (
        {"requirements.txt": "# café".encode("latin-1")},
        "requirements.txt cannot be read: it is neither in UTF-8",
    ),
    "YAML": ({"environment.yml": "dependencies:\n  - a: [\n"}, "environment.yml, line 3 cannot be read: "),
    "structure": (
        {"environment.yml": "- numpy\n"},
        "environment.yml cannot be read: its content does not fit its name.",
    ),
    "TOML": ({"Pipfile": "[packages\n"}, "Pipfile cannot be read: Expected"),
    "itself": ({"pyproject.toml": PROJECT}, "pyproject.toml cannot be read: it is the file of this project."),
    "format": ({"poetry.lock": "[[package]]\n"}, "poetry.lock cannot be read: it is in another format."),
    "empty": ({"requirements.txt": "# nothing\n"}, "requirements.txt lists no packages."),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_list_that_cannot_be_read_is_one_error(read, case):
    files, message = UNREADABLE[case]
    error = read(files)
    assert error.startswith(f"error: {message}") and error.count("\n") == 1


class Index(http.server.SimpleHTTPRequestHandler):
    """A package index, and git servers: one that wants a password, and one that has no repository."""

    def do_GET(self):
        if self.path.startswith("/private.git"):
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *_):
        pass


BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
# What the build of a package without a wheel does.
BUILDS = {
    "compiled": "subprocess.run(['no-such-gcc'])",
    "shell": "subprocess.run('no-such-cmake', shell=True, check=True)",
    "header": "sys.exit('x.c:9:10: fatal error: portaudio.h: No such file or directory')",
    "old": "raise ModuleNotFoundError(\"No module named 'distutils'\")",
    "cython": "import NoCython",
    "stubborn": "raise RuntimeError('it is not Tuesday')",
}


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The address of a package index with some packages, which uv can resolve without a network."""
    root = tmp_path_factory.mktemp("index")

    def folder(name: str) -> Path:
        (root / "simple" / name).mkdir(parents=True, exist_ok=True)
        return root / "simple" / name

    def wheel(name: str, version: str, *metadata: str, tag: str = "py3-none-any") -> None:
        about = f"{name}-{version}.dist-info"
        with zipfile.ZipFile(folder(name) / f"{name}-{version}-{tag}.whl", "w") as file:
            lines = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *metadata, ""]
            file.writestr(f"{about}/METADATA", "\n".join(lines))
            file.writestr(f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
            file.writestr(f"{about}/RECORD", "")

    wheel("numbers1", "1.0")
    wheel("numbers1", "2.0")
    wheel("frames", "2.3", "Requires-Dist: numbers1>=2")
    wheel("tagged", "1.0", tag="cp38-cp38-manylinux2014_x86_64")
    wheel("future", "1.0", "Requires-Python: >=3.99")
    for name, program in BUILDS.items():
        with tarfile.open(folder(name) / f"{name}-1.0.tar.gz", "w:gz") as file:
            metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
            texts = {
                "PKG-INFO": metadata,
                "pyproject.toml": BACKEND,
                "backend.py": f"import subprocess, sys\n{program}\n",
            }
            for path, text in texts.items():
                entry = tarfile.TarInfo(f"{name}-1.0/{path}")
                entry.size = len(text)
                file.addfile(entry, io.BytesIO(text.encode()))
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *arguments: Index(*arguments, directory=str(root))
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def project(tmp_path, index):
    """The folder of a project that needs `frames>=2`, which the index has."""
    text = PROJECT.partition("[project.optional")[0].replace("pandas>=2.3", "frames>=2")
    text += f'[[tool.uv.index]]\nurl = "{index}/simple"\ndefault = true\n'
    (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    return tmp_path


def explain(project: Path, *command: str | Path, **environment: str) -> subprocess.CompletedProcess:
    """Run a command of uv as an image build does."""
    environment = {"PATH": f"{TOOLS}:{os.environ['PATH']}", "UV_HTTP_RETRIES": "0", **environment}
    return start(project, sys.executable, SCRIPTS / "explain.py", *command, **environment)


ADD = ("uv", "add", "--no-sync", "--requirements", "-")
NO_KEY = "echo 'git@example.org: Permission denied (publickey).' >&2; exit 255; :"
EXPLAINED = {
    "numbers1==1.0": (
        "versions exclude each other: all versions of frames depend on numbers1>=2 and your project depends on frames"
    ),
    "no-such-name": "there is no Python package 'no-such-name'. Check its name.",
    "no-such-name[x]": "there is no Python package 'no-such-name'. Check its name.",
    "frames==9": "there is no version frames==9. Use another version",
    "frames>9": "there is no version frames>9. Use another version",
    "tagged==1.0": "tagged==1.0 does not fit this Python. Use another version",
    "tagged==1.0; sys_platform == 'win32'": "tagged{sys_platform == 'win32'}==1.0 does not fit this Python.",
    "future": "future==1.0 does not fit this Python. Use another version",
    "two words": "'two words' is not a requirement. Write name, or name>=1.2.",
    "frames=2": "'frames=2' is not a requirement. Write name, or name>=1.2.",
    "compiled": "compiled==1.0 needs the program no-such-gcc to be built. Add the Debian package",
    "shell": "shell==1.0 needs the program no-such-cmake to be built. Add the Debian package",
    "header": "header==1.0 needs the file portaudio.h to be built. Add the Debian package",
    "old": "old==1.0 is too old for this Python: it needs distutils. Use a newer version.",
    "cython": "cython==1.0 needs NoCython to be built, but does not say so. Add it to pyproject.toml",
    "stubborn": "stubborn==1.0 cannot be added: RuntimeError: it is not Tuesday. Rerun with V=1",
    "x @ INDEX/x-1-py3-none-any.whl": "there is no INDEX/x-1-py3-none-any.whl. Check the address.",
    "x @ git+INDEX/x.git": "there is no INDEX/x.git/. Check the address.",
    "x @ git+INDEX/private.git": "INDEX wants a password, which the build does not have. Put it into the file",
    "x @ git+file:///no/such/folder": "/no/such/folder is not a git repository. Check the address.",
    "x @ git+ssh://git@example.org/x.git": "git@example.org: the build has no SSH key for it. Check ssh-add -l",
    "x @ http://127.0.0.1:9/x-1-py3-none-any.whl": "the network fails: tcp connect error. Check the address",
}


@pytest.mark.parametrize("requirement", EXPLAINED)
def test_failure_of_uv_is_explained_in_one_line(project, index, requirement):
    (project / "list").write_text(requirement.replace("INDEX", index))
    command = f"exec {' '.join(ADD)} <list"
    done = explain(project, "sh", "-c", command, GIT_SSH_COMMAND=NO_KEY)
    assert done.returncode != 0
    *uv, line = done.stderr.splitlines()
    assert line.startswith(f"error: {EXPLAINED[requirement].replace('INDEX', index)}")
    assert uv and not [text for text in uv if text.startswith("error:")]


# What uv 0.13 printed for numpy==1.19.5 in a new project.
NUMPY = """\
error: Failed to add dependencies
  cause: No solution found when resolving dependencies for split (markers: sys_platform == 'win32')
  cause: Because matplotlib>=3.10.0,<=3.10.9 depends on numpy>=1.23 and matplotlib>=3.11.0rc1 depends on numpy>=1.25, \
we can conclude that matplotlib>=3.10.0 depends on numpy>=1.23.
         And because your project depends on matplotlib>=3.10 and numpy==1.19.5, we can conclude that your project's \
requirements are unsatisfiable.

hint: The resolution failed for an environment that is not the current one.
"""


def test_conflict_with_the_template_names_both_requirements(project):
    (project / "output").write_text(NUMPY)
    done = explain(project, "sh", "-c", "cat output >&2; exit 1")
    assert done.stderr.splitlines()[-1].startswith(
        "error: versions exclude each other: matplotlib>=3.10.0 depends on numpy>=1.23; "
        "your project depends on matplotlib>=3.10 and numpy==1.19.5. Use another version, or none: "
    )


def test_branch_that_does_not_exist_is_named(project):
    subprocess.run(["git", "init", "--quiet", "repository"], cwd=project, check=True)
    done = explain(project, "uv", "add", "--no-sync", f"x @ git+file://{project}/repository@v9")
    assert done.stderr.splitlines()[-1].startswith("error: the git repository has no v9. Check the branch")


def test_errors_and_success_of_a_command_are_passed_on(project):
    done = explain(project, "sh", "-c", "echo 'error: this is so. Use that.' >&2; exit 7")
    assert (done.returncode, done.stderr.splitlines()[-1]) == (7, "error: this is so. Use that.")
    done = explain(project, *ADD[:3], "numbers1")
    assert done.returncode == 0 and "error" not in done.stderr
    assert "frames>=2" in (project / "pyproject.toml").read_text()


def test_packages_that_the_index_lacks_are_reported(project):
    """The others are added, and a conflict adds none."""
    before = (project / "pyproject.toml").read_text()
    (project / "list.txt").write_text("no-such-name==1\nnumbers1\nNo_Such_Other[x]\n")
    command = ("uv", "run", "--quiet", "--script", SCRIPTS / "read_requirements.py", "list.txt", "report")
    done = explain(project, *command)
    assert done.returncode == 0, done.stderr
    assert tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"] == [
        *("frames>=2", "numbers1>=2.0")
    ]
    report = (project / "report").read_text().splitlines()
    assert [line.partition(" : ")[0] for line in report] == [
        *("list.txt, line 1: no-such-name==1", "list.txt, line 3: No_Such_Other[x]")
    ]
    (project / "pyproject.toml").write_text(before)
    (project / "list.txt").write_text("numbers1==1.0\n")
    done = explain(project, *command)
    error = done.stderr.splitlines()[-1]
    assert done.returncode != 0 and error.startswith("error: versions exclude each other: ")
    assert "frames" in error and "numbers1>=2" in error and "numbers1==1.0" in error
    assert (project / "pyproject.toml").read_text() == before
    assert explain(project, *command, UNPINNED="1").returncode == 0

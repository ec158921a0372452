"""Packages from git, wheels and folders, and packages that need a compiler or a system library."""

import contextlib
import io
import subprocess
import tarfile
import zipfile

import pytest
from support import docker, unique

pytestmark = pytest.mark.docker


def wheel(folder, name, code):
    """Write a wheel with one module to a folder, and return its path."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    contents = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": f"{name}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n",
    }
    with zipfile.ZipFile(path, "w") as file:
        for each, text in contents.items():
            file.writestr(each, text)
    return path


# Like an extension module, it is compiled when it is installed.
SETUP = """
import subprocess
from setuptools import setup
subprocess.run(["cc", "-shared", "-fPIC", "-o", "compiled/answer.so", "answer.c"], check=True)
setup(name="compiled", version="1.0", packages=["compiled"], package_data={"compiled": ["answer.so"]})
"""
COMPILED = {
    "setup.py": SETUP,
    "answer.c": "#include <stdlib.h>\nint answer(void) { return abs(-42); }\n",
    "compiled/__init__.py": "import ctypes\nanswer = ctypes.CDLL(__path__[0] + '/answer.so').answer()\n",
    "PKG-INFO": "Metadata-Version: 2.1\nName: compiled\nVersion: 1.0\n",
}


def source_archive(folder):
    """Write a source archive with C code to a folder, and return its path."""
    path = folder / "compiled-1.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, text in COMPILED.items():
            member = tarfile.TarInfo(f"compiled-1.0/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text.encode()))
    return path


def package_folder(folder, name, code):
    """Write a package that uv can build to a folder, and return the folder."""
    (folder / "src" / name).mkdir(parents=True)
    (folder / "src" / name / "__init__.py").write_text(code)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "1.0"\n[build-system]\nrequires = ["uv_build"]\n'
        'build-backend = "uv_build"\n'
    )
    return folder


@contextlib.contextmanager
def git_server(folder, image):
    """Serve the packages in a folder as git repositories to builds, and yield the address."""
    for path in folder.iterdir():
        git = ["git", "-C", path, "-c", "user.name=me", "-c", "user.email=me@example.org"]
        for command in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"], ["tag", "v1"], ["update-server-info"]):
            subprocess.run([*git, *command], check=True)
    name = unique("git")
    mount = f"type=bind,source={folder},target=/git,readonly"
    serve = ("python", "-m", "http.server", "--directory", "/git", "8000")
    docker("run", "--detach", "--rm", "--name", name, "--user", "0", "--mount", mount, image, *serve)
    try:
        address = docker("inspect", "--format", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", name)
        yield f"http://{address}:8000"
    finally:
        docker("rm", "--force", name)


def test_packages_come_from_git_files_and_folders(copy, open_folder):
    project = copy()
    (open_folder / "git").mkdir()
    (open_folder / "git").chmod(0o755)
    package_folder(open_folder / "git" / "from_git", "from_git", "value = 1\n")
    package_folder(project.path / "packages" / "edited", "edited", "value = 1\n")
    first = wheel(open_folder, "in_a_wheel", "value = 1\n")
    archive = source_archive(open_folder)
    before = project.read("pyproject.toml")
    with git_server(open_folder / "git", project.setting("IMAGE")) as address:
        assert "is outside of packages/" in project.error("add", f"PKG={open_folder / 'git' / 'from_git'}")
        error = project.error("add", f"PKG=in-a-wheel @ {first.as_uri()} {archive}")
        assert "cc" in error and "apt-build.txt" in error
        # Neither of the two is half added.
        assert project.read("pyproject.toml") == before
        with (project.path / "apt-build.txt").open("a") as file:
            file.write("gcc\nlibc6-dev\n")
        said = project.ok("add", f"PKG=from_git @ git+{address}/from_git/.git@v1 ./packages/edited {first} {archive}")
        assert said.splitlines()[-1] == "added compiled edited from-git in-a-wheel; next: make build"
        project.ok("build")
        project.ok("release")
    code = "import compiled, edited, from_git, in_a_wheel; print(compiled.answer, edited.value, from_git.value)"
    assert project.run(f"python -c '{code}'") == "42 1 1\n"
    (project.path / "packages" / "edited" / "src" / "edited" / "__init__.py").write_text("value = 2\n")
    assert project.run(f"python -c '{code}'") == "42 2 1\n"
    assert docker("run", "--rm", f"{project.slug}:release", "python", "-c", code) == "42 1 1"
    assert docker("run", "--rm", f"{project.slug}:release", "sh", "-c", "command -v git cc; true") == ""
    assert project.run("command -v cc; true") == ""
    project.ok("clean")


def test_missing_system_library_is_named(copy, open_folder):
    project = copy()
    file = wheel(open_folder, "sounds", "import ctypes\nctypes.CDLL('libsndfile.so.1')\n")
    project.ok("add", f"PKG={file}")
    done = project.make("build")
    note = "sounds cannot be imported: a system library is missing (libsndfile.so.1). Run: make add APT='libsndfile1'"
    assert f"note: {note}" in done.stderr.splitlines()
    assert "is not the name of a system package" in project.error("add", "APT=a;b")
    (project.path / "apt.txt").write_text("libgomp1")
    assert project.ok("add", "APT=libsndfile1") == "added libsndfile1 to apt.txt; next: make build\n"
    assert project.lines("apt.txt")[-2:] == ["libgomp1", "libsndfile1"]
    # Only the stage with system packages. The rest would take long.
    image = f"{project.slug}:base"
    docker("build", "--quiet", "--target", "base", "--tag", image, str(project.path))
    listed = docker("run", "--rm", image, "sh", "-c", "ldconfig -p")
    assert "libsndfile.so.1 " in listed and "libgomp.so.1 " in listed


def test_environment_is_taken_over(copy, open_folder):
    project = copy()
    folder = open_folder / "old project"
    folder.mkdir()
    (folder / "environment.yml").write_text("dependencies:\n  - humanize>=4\n  - pip:\n      - -r more.txt\n")
    (folder / "more.txt").write_bytes(b"# From Windows\r\ntabulate==0.9.0\r\n-e .\r\nno-such-package-anywhere\r\n")
    done = project.make("add", f"FROM={folder / 'environment.yml'}")
    assert done.stdout.splitlines()[-1] == "added humanize tabulate; next: make build"
    reports = [line.split(" : ")[0] for line in done.stderr.splitlines()]
    assert reports == ["more.txt, line 3: -e .", "more.txt, line 4: no-such-package-anywhere"]
    assert '"tabulate==0.9.0",' in project.read("pyproject.toml")
    before = project.read("pyproject.toml"), project.read("uv.lock")
    (folder / "old.txt").write_text("numpy==1.19.5\n")
    error = project.error("add", f"FROM={folder / 'old.txt'}")
    assert "numpy==1.19.5" in error and "matplotlib" in error and "UNPINNED=1" in error
    assert (project.read("pyproject.toml"), project.read("uv.lock")) == before

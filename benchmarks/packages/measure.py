"""Try the packages in packages.toml in generated projects on the local engine, and write results.json.

The steps are those of a user. Each package is added to a project of its own, which is then built. If the build names a
command, that is run too, and the project is built again. Then the package is imported in a new container.

`make packages` tries the packages that are not in results.json; `make packages ARGS="numpy scipy"` tries these again.
Set PYTORCH_INDEX if PyTorch's index cannot be reached.
"""

import datetime
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import uuid
from pathlib import Path

HERE = Path(__file__).parent
TEMPLATE = HERE.parents[1]
RESULTS = HERE / "results.json"
PYTHON = "3.13"
NAME = f"packages-{uuid.uuid4().hex[:8]}"
# In GB. A package with CUDA takes several, twice: in the cache of downloads and in the image.
SPARE = 20


class Failed(Exception):
    """A command failed. The message is its error in one line."""


def listed() -> dict[str, dict[str, str]]:
    """Return the packages, each with its settings from packages.toml."""
    return tomllib.loads((HERE / "packages.toml").read_text(encoding="utf-8"))["packages"]


def recorded() -> dict:
    """Return the content of results.json, without packages if there is no such file."""
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"packages": {}}


def record(package: str, result: dict) -> None:
    """Write what came of a package to results.json, in the order of the list."""
    found = {**recorded()["packages"], package: result}
    packages = {name: found[name] for name in listed() if name in found}
    content = {"date": str(datetime.date.today()), "python": PYTHON, "packages": packages}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def run(*command: str | Path, cwd: Path) -> str:
    """Run a command and return what it prints.

    Raises:
        Failed: The exit status is not 0.
    """
    kept = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MAKELEVEL")}
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(command, cwd=cwd, env=kept, text=True, **streams)
    if done.returncode:
        lines = [line for line in done.stdout.splitlines() if line.strip() and not line.startswith("make: ")]
        raise Failed(lines[-1].removeprefix("error: ") if lines else f"exit status {done.returncode}")
    return done.stdout


def generated(work: Path, framework: str) -> Path:
    """Return the folder of a generated project with this framework and its lock file."""
    slug = f"{NAME}-{framework}"
    if not (work / slug).exists():
        answers = [f"project_slug={slug}", f"python_version={PYTHON}", f"framework={framework}", "ci=none"]
        run(sys.executable, "-m", "cookiecutter", TEMPLATE, "--no-input", "--output-dir", work, *answers, cwd=work)
        run("make", "lock", cwd=work / slug)
    return work / slug


def built(project: Path) -> tuple[str, float]:
    """Build a project. Return what is printed, and the size of the image in MB."""
    said = run("make", "build", cwd=project)
    image = re.search(r"^IMAGE=(.*)$", (project / ".env").read_text(encoding="utf-8"), re.M)[1]
    return said, int(run("docker", "image", "inspect", "--format", "{{.Size}}", image, cwd=project)) / 1e6


def system_packages(project: Path) -> list[str]:
    """Return the packages in a project's apt.txt."""
    lines = (project / "apt.txt").read_text(encoding="utf-8").splitlines()
    return " ".join(line.partition("#")[0] for line in lines).split()


def attempt(project: Path, package: str, modules: str) -> dict:
    """Add a package to a project, do what is suggested, import it, and return what came of it."""
    result = {"version": "", "imported": False, "system": [], "size": 0, "system size": 0, "reason": ""}
    before = built(project)[1]
    present = system_packages(project)
    try:
        said = run("make", "add", f"PKG={package}", cwd=project)
        more, size = built(project)
        result["size"] = round(size - before, 1)
        done = set()
        while (command := re.search(r"Run: (make add .*)", said + more)) and command[1] not in done:
            done.add(command[1])
            said = run("sh", "-c", command[1], cwd=project)
            more, complete = built(project)
            result["system size"] = round(complete - size, 1)
        result["system"] = [name for name in system_packages(project) if name not in present]
        ask = f"import importlib.metadata; print(importlib.metadata.version('{package}'))"
        result["version"] = run("make", "run", f'CMD=python -c "{ask}"', cwd=project).split()[-1]
        run("make", "run", f'CMD=python -c "import {modules}"', cwd=project)
        result["imported"] = True
    except Failed as error:
        result["reason"] = str(error)
    return result


def measure(work: Path, package: str, settings: dict[str, str]) -> dict:
    """Try a package in a copy of a project, and remove the copy with its images."""
    framework = settings.get("framework", "none")
    project = work / "copy" / package
    shutil.copytree(generated(work, framework), project, ignore=shutil.ignore_patterns(".local", ".env"))
    try:
        return {"framework": framework, **attempt(project, package, settings.get("import", package.replace("-", "_")))}
    finally:
        run("make", "clean", "IMAGES=1", cwd=project)
        shutil.rmtree(project)


def main() -> None:
    packages = listed()
    if stray := [name for name in sys.argv[1:] if name not in packages]:
        raise SystemExit(f"error: packages.toml does not list {', '.join(stray)}. Correct the names.")
    wanted = sys.argv[1:] or [name for name in packages if name not in recorded()["packages"]]
    with tempfile.TemporaryDirectory(prefix=f"{NAME}-") as work:
        for package in wanted:
            if shutil.disk_usage(work).free < SPARE * 1e9:
                raise SystemExit(f"error: less than {SPARE} GB are free. Free some and start again.")
            try:
                result = measure(Path(work), package, packages[package])
            except Failed as error:
                raise SystemExit(f"error: the project for {package} cannot be used: {error}") from error
            record(package, result)
            print(package, {key: value for key, value in result.items() if value}, flush=True)


if __name__ == "__main__":
    main()

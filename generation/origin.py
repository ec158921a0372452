"""Where a project comes from: the .cruft.json that `make add-service` and cruft read."""

import json
import re
from pathlib import Path

from generation import TEMPLATE
from generation.checks import launch

# Answers that nobody types and that only describe this machine.
LOCAL = ("_template", "_checkout", "_output_dir", "_repo_dir", "__command")


def git(*arguments: str) -> list[str]:
    """Return the lines that git prints about the template, or an empty list if it fails or is missing."""
    # Only the history is read, so it does not matter who owns the folder.
    process = launch("git", "-c", "safe.directory=*", "-C", str(TEMPLATE), *arguments)
    lines = process.communicate()[0].splitlines() if process else []
    return lines if process and process.returncode == 0 else []


def without_password(url: str) -> str:
    """Return the URL of a repository without a password or token."""
    return re.sub(r"^(\w+://[^/@:]*):[^/]*@", r"\1@", re.sub(r"^(https?://)[^/]*@", r"\1", url))


def template_url(answers: dict, commit: str, folder: str) -> str:
    """Return the URL that the template can be fetched from, or `folder` if its origin does not have this commit."""
    origin = (git("config", "remote.origin.url") or [""])[0]
    # A clone that cookiecutter made only has commits of its origin. In another clone, some may not be pushed.
    cloned = answers.get("_template") != answers.get("_repo_dir")
    pushed = cloned or git("for-each-ref", "--count=1", "--contains", commit, "refs/remotes/origin")
    if not pushed or not re.match(r"/|\w+://|[^/\\]{2,}:", origin):
        return folder
    return without_password(origin)


def recorded(answers: dict, template: str, commit: str) -> dict:
    """Return what .cruft.json says about the answers."""
    kept = {name: answer for name, answer in answers.items() if name not in LOCAL}
    return {"cookiecutter": {**kept, "_template": template, "_commit": commit}}


def remember_template(answers: dict, project: Path) -> None:
    """Write .cruft.json, unless the template is not in a git repository.

    Do nothing if cruft generates the project, which the answer `_commit` shows: cruft writes the file itself, later.
    """
    lines = git("rev-parse", "--show-toplevel", "--show-prefix", "HEAD", "HEAD:./cookiecutter.json")
    if len(lines) != 4 or "_commit" in answers:
        return
    folder, directory, commit, _ = lines
    template = template_url(answers, commit, folder)
    state = {
        "template": template,
        "commit": commit,
        "checkout": answers.get("_checkout"),
        "context": recorded(answers, template, commit),
        "directory": directory.rstrip("/") or None,
    }
    text = json.dumps(state, ensure_ascii=False, indent=2) + "\n"
    (project / ".cruft.json").write_text(text, encoding="utf-8", newline="\n")

"""Adds the files of a project to a repository that exists already: the work of `make adopt`.

FROM=path python -m generation.adopt [--no-input] [question=answer...]

The project is generated and checked in a temporary folder. Then the files that the commands need are copied into the
repository. No file of the repository is changed or replaced. If a copy fails, all copies are removed again.
"""

import contextlib
import filecmp
import json
import os
import re
import shlex
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

import click
from cookiecutter.config import get_user_config
from cookiecutter.exceptions import CookiecutterException
from cookiecutter.generate import generate_context, generate_files
from cookiecutter.prompt import prompt_for_config
from cookiecutter.utils import work_in

from generation import TEMPLATE, steps
from generation.escaping import jinja, shell
from generation.frameworks import write_framework_files
from generation.kernels import write_kernels
from generation.origin import remember_template
from generation.services import added_by_needs, selected, write_services
from generation.suggestions import PACKAGE_LISTS, git, suggest

# A file of ours whose name is taken goes beside the other one, with this after its name.
SUFFIX = ".ds-docker"

# What can happen to a file, apart from going beside another one.
SAMPLE = "It belongs to the sample project, so it is not copied. Nor is a license, which only the owner can give."
COMMANDS = "The commands need it under its own name, so nothing else may have that name."
IF_MISSING = "It is copied unless the repository has one."

# What happens to the files of a generated project. A file belongs to the first pattern that fits; `*` fits any text,
# slashes included. With another text than those above, a file is copied, or goes beside a file of the repository under
# the name {new}. The text then says what to do about the two.
PARTS = {
    "docker/*": COMMANDS,
    "deploy/*": COMMANDS,
    ".jupyter/*": COMMANDS,
    "services/*": COMMANDS,
    ".cruft.json": COMMANDS,
    "Makefile": "use both: make -f {new}, or put 'include {new}' at the top of yours",
    "pyproject.toml": "copy [dependency-groups] and [tool.uv] to yours, which also needs a [project] table",
    "Dockerfile": "make build reads Dockerfile: rename yours, then: mv {new} Dockerfile",
    ".dockerignore": "it keeps secrets out of images: rename yours, then: mv {new} .dockerignore",
    "compose.yaml": "put 'include: [{new}]' at the top of yours",
    ".gitignore": "it keeps secrets out of git: (echo; cat {new}) >>.gitignore",
    "apt*.txt": "copy its lines to yours",
    "conftest.py": "it makes notebooks tests: copy its functions to yours",
    "src/*/__init__.py": IF_MISSING,
    "src/*/files.py": "services import it: copy its functions to yours",
    "src/*/gpu.py": "make gpu runs it: copy its functions to yours",
    # pytest fails if there is no test at all.
    "tests/test_gpu.py": "it tests our gpu.py: rename it",
    ".hadolint.yaml": "make lint uses yours: delete this one",
    ".gitattributes": "whoever works on Windows needs its lines in .gitattributes; git then converts line ends",
    ".pre-commit-config.yaml": "copy the checks that you want",
    ".devcontainer/*": "copy the settings that you want",
    ".github/*": "copy its job to yours",
    ".gitlab-ci.yml": "copy its jobs to yours",
    "renovate.json": "copy the rules that you want",
    ".env.example": "copy the settings that you want",
    "README.md": "copy what your readers need, such as the table of commands",
    "AGENTS.md": "copy the rules that you want",
    "LICENSE": SAMPLE,
    "src/*": SAMPLE,
    "tests/*": SAMPLE,
    "data/*": SAMPLE,
    "models/*": SAMPLE,
    "notebooks/*": SAMPLE,
    "reports/*": SAMPLE,
}

# Other names for files with the purpose of ours, in lower case. make prefers the first two to Makefile.
OTHER_NAMES = {
    "Makefile": ("gnumakefile", "makefile"),
    "README.md": ("readme", "readme.*"),
}

# Compose takes compose.yaml instead of these.
OTHER_COMPOSE_FILES = ("compose.yml", "docker-compose.yaml", "docker-compose.yml")


class CannotAdoptError(Exception):
    """The repository cannot be adopted as it is. The message says why and what to do."""


def find_repository(path: str) -> Path:
    """Return the real path of the folder to adopt.

    Raises:
        CannotAdoptError: It is not a folder that can be adopted.
    """
    if not path:
        raise CannotAdoptError("no repository is given. Use make adopt FROM=path.")
    root = Path(path).expanduser().resolve()
    if not root.is_dir():
        raise CannotAdoptError(f"{path} is not a folder. Use make adopt FROM=path with the folder of your repository.")
    if root.is_relative_to(TEMPLATE) or TEMPLATE.is_relative_to(root):
        raise CannotAdoptError(f"{path} is the template, or a folder above it. Use the folder of your repository.")
    if (root / ".cruft.json").exists():
        raise CannotAdoptError(
            f"{path} has a .cruft.json, so it comes from a template already. Update it there: make update."
        )
    if not os.access(root, os.W_OK | os.X_OK):
        raise CannotAdoptError(f"you do not have permission to write to {path}. Check who owns it: ls -ld.")
    return root


def ask(suggestions: dict[str, str], given: dict[str, str], no_input: bool) -> dict:
    """Ask the questions and return all answers, including cookiecutter's private variables.

    Raises:
        CannotAdoptError: A given answer is not one of the choices.
        FailedHookException: Answers are wrong. The message has a line for each.
    """
    # cookiecutter renders these answers, but not those that are typed at the prompt.
    answers = {name: jinja(answer) for name, answer in {**suggestions, **given}.items()}
    settings = get_user_config()["default_context"]
    try:
        context = generate_context(str(TEMPLATE / "cookiecutter.json"), settings, answers)
    except ValueError as error:
        raise CannotAdoptError(f"{str(error).rstrip('.')}. Use one of them.") from None
    return prompt_for_config(context, no_input)


def require_no_coverage(pyproject: Path) -> None:
    """Let `make test` pass whatever share of the code the tests run: code that exists may have none."""
    text = pyproject.read_text(encoding="utf-8")
    pyproject.write_text(re.sub(r"(?m)^fail_under = \d+$", "fail_under = 0", text), encoding="utf-8")


def generate(answers: dict, folder: Path) -> tuple[Path, list[str]]:
    """Generate and check the project in a folder, as the hook does. Return the project's folder, and notes."""
    project = Path(generate_files(TEMPLATE, {"cookiecutter": answers}, folder, accept_hooks=False))
    with work_in(project):
        if services := selected(answers["services"]):
            write_services(services, answers, Path())
        write_framework_files(answers["framework"], answers["package_name"], Path())
        write_kernels(answers["kernels"], answers, Path())
        steps.remove_unchosen_files(answers)
        require_no_coverage(Path("pyproject.toml"))
        notes = steps.check(answers["__command"])
        remember_template(answers, Path())
    return project, [*added_by_needs(answers["services"]), *(f"note: {note}" for note in notes)]


@dataclass
class Plan:
    """What happens to the files of a generated project.

    - `copies`: the files to copy, with their names in the repository
    - `beside`: the files that go beside one of the repository, with what to do about the two
    - `left_out`: the files whose place belongs to the repository
    """

    copies: dict[str, str] = field(default_factory=dict)
    beside: dict[str, str] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)


def pattern_of(name: str) -> str:
    """Return the pattern in PARTS that a file of a generated project belongs to."""
    return next(pattern for pattern in PARTS if fnmatchcase(name, pattern))


def is_taken(root: Path, name: str) -> bool:
    """Return whether the repository has a file in the place of ours. A link is one, even if it is broken."""
    names = [path.name.lower() for path in root.iterdir()]
    if any(fnmatchcase(other, pattern) for other in names for pattern in OTHER_NAMES.get(name, ())):
        return True
    # With our .gitattributes, git would report notebooks with CR LF as changed.
    converting = name == ".gitattributes" and re.search(
        "^i/(crlf|mixed)", git(root, "ls-files", "--eol", "*.ipynb"), re.M
    )
    return bool(converting) or os.path.lexists(root / name)


def is_same(ours: Path, theirs: Path) -> bool:
    """Return whether the repository has this very file already."""
    return theirs.is_file() and filecmp.cmp(ours, theirs, shallow=False)


def is_open(root: Path, name: str) -> bool:
    """Return whether the folder of a file is in the repository or can be made: no link leads out, no file is there."""
    above = [root / folder for folder in Path(name).parents]
    return all(path.resolve().is_relative_to(root) and (path.is_dir() or not os.path.lexists(path)) for path in above)


def shorten(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def plan(project: Path, root: Path) -> Plan:
    """Decide what to do with each file of a generated project.

    Raises:
        CannotAdoptError: The repository has something else in the place of files that cannot go beside it.
    """
    found = Plan()
    blocked, earlier = [], []
    names = sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())
    # In the order of PARTS, which is the order in which to merge files.
    for name in sorted(names, key=lambda name: list(PARTS).index(pattern_of(name))):
        ours, part, target = project / name, PARTS[pattern_of(name)], name
        taken = is_taken(root, name) and not is_same(ours, root / name)
        if part is SAMPLE or (part is IF_MISSING and taken):
            found.left_out.append(name)
            continue
        if not is_open(root, name) or (part is COMMANDS and taken):
            blocked.append(name)
            continue
        if taken:
            target = name + SUFFIX
            found.left_out.append(name)
            found.beside[target] = part.format(new=target)
        if not os.path.lexists(root / target):
            found.copies[name] = target
        elif not is_same(ours, root / target):
            earlier.append(target)
    if blocked:
        raise CannotAdoptError(f"{root} has something else in the place of {shorten(blocked)}. Rename it first.")
    if earlier:
        raise CannotAdoptError(f"{root} has {shorten(earlier)} from an earlier adoption. Merge and delete them first.")
    return found


def remember_left_out(project: Path, left_out: list[str]) -> None:
    """Write to .cruft.json that an update leaves these files alone."""
    file = project / ".cruft.json"
    if file.exists():
        state = json.loads(file.read_text(encoding="utf-8"))
        text = json.dumps({**state, "skip": sorted(left_out)}, ensure_ascii=False, indent=2) + "\n"
        file.write_text(text, encoding="utf-8", newline="\n")


def copy_files(project: Path, root: Path, copies: dict[str, str]) -> None:
    """Copy files, and make their folders. If anything fails, remove what was made.

    Raises:
        OSError: A file cannot be written, or exists.
    """
    made: list[Path] = []
    # A repository with this file counts as adopted, so it comes last.
    names = sorted(copies, key=lambda name: name == ".cruft.json")
    try:
        for name in names:
            target = root / copies[name]
            for folder in reversed(target.relative_to(root).parents):
                if not (root / folder).exists():
                    (root / folder).mkdir()
                    made.append(root / folder)
            # Unlike a copy, this fails if somebody has just made the file.
            with target.open("xb") as file:
                made.append(target)
                file.write((project / name).read_bytes())
            shutil.copymode(project / name, target)
    except BaseException:
        for path in reversed(made):
            with contextlib.suppress(OSError):
                path.rmdir() if path.is_dir() else path.unlink()
        raise


def links_that_lead_out(root: Path) -> list[str]:
    """Return the links in the repository and its folders whose target is outside, except `data`, which may be one."""
    paths = [path for pattern in ("*", "*/*") for path in sorted(root.glob(pattern)) if path != root / "data"]
    links = [path for path in paths if path.is_symlink() and not path.resolve().is_relative_to(root)]
    return [path.relative_to(root).as_posix() for path in links]


def notes_about(root: Path, copies: dict[str, str]) -> list[str]:
    """Return what to know about the repository before working in it."""
    notes = []
    ours = next((name for name in copies.values() if name in (".gitignore", ".gitignore" + SUFFIX)), None)
    files = git(root, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "data", "models").split("\0")
    if ours and files[0]:
        notes.append(
            f"git has {files[0]}, but {ours} ignores new files in data/ and models/. "
            "To keep them in git, delete its first lines."
        )
    if links := links_that_lead_out(root):
        notes.append(
            f"containers do not see what {', '.join(links)} links to. docs/how-to/data.md says how to mount it."
        )
    if others := [name for name in OTHER_COMPOSE_FILES if (root / name).exists()]:
        project = re.sub(r"[^a-z0-9_-]", "", root.name.lower()).lstrip("_-")
        notes.append(
            "docker compose will read compose.yaml. "
            f"For yours, use docker compose --project-name {project} --file {others[0]}."
        )
    return notes


def add_packages(root: Path, make: str) -> list[str]:
    """Return the commands that add the packages in the lists of the repository. Its pyproject.toml stays as it is."""
    unread = ("pyproject.toml", "setup.cfg")
    return [f"{make} add FROM={name}" for name in PACKAGE_LISTS if name not in unread and (root / name).is_file()]


def describe(root: Path, found: Plan, notes: list[str]) -> list[str]:
    """Return the lines that say what was done, what to merge, and what to do next."""
    lines = ["", f"{root.name} is adopted: {len(found.copies)} files are new, and yours are as they were.", *notes]
    if found.beside:
        width = max(map(len, found.beside))
        lines += ["", "Merge by hand:", *(f"  {name:{width}}  {text}" for name, text in found.beside.items())]
    makefile = "Makefile" + SUFFIX
    make = f"make -f {makefile}" if makefile in found.beside else "make"
    commands = [f"cd {shlex.quote(str(root))}", *add_packages(root, make), f"{make} build", f"{make} notebook"]
    return [*lines, "", "Then:" if found.beside else "Next:", *(f"  {command}" for command in commands), ""]


def adopt(path: str, given: dict[str, str], no_input: bool) -> list[str]:
    """Adopt the repository at a path, and return the lines that say what was done and what to do next.

    Raises:
        CannotAdoptError: The repository cannot be adopted.
        CookiecutterException: An answer is wrong. The message has a line for each.
        OSError: A file cannot be written.
    """
    root = find_repository(path)
    answers = ask(suggest(root), given, no_input)
    with tempfile.TemporaryDirectory() as folder:
        project, notes = generate(answers, Path(folder))
        found = plan(project, root)
        remember_left_out(project, found.left_out)
        notes += [f"note: {note}" for note in notes_about(root, found.copies)]
        copy_files(project, root, found.copies)
    return describe(root, found, notes)


@click.command()
@click.argument("answers", nargs=-1, metavar="[question=answer]...")
@click.option("--no-input", is_flag=True, help="Take the suggested answers.")
@click.pass_context
def main(context: click.Context, answers: tuple[str, ...], no_input: bool) -> None:
    """Adopt the repository at the path in the variable FROM."""
    path = os.environ.get("FROM", "")
    # If an answer is wrong, this command is printed with all answers.
    context.obj = [f"FROM={shell(path)}", shell(sys.executable), "-m", "generation.adopt", "--no-input"]
    # What was copied is removed, too, if the terminal closes.
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda number, _: sys.exit(128 + number))
    try:
        given = dict(answer.partition("=")[::2] for answer in answers)
        print(*adopt(path, given, no_input), sep="\n")
    except CookiecutterException as error:
        sys.exit(f"error: {str(error).removeprefix('error: ')}")
    except CannotAdoptError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        sys.exit(f"error: a file cannot be written: {error}. Correct this and run it again; nothing was left behind.")


if __name__ == "__main__":
    main()

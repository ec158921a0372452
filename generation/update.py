"""Bring a project to another version of the template: the part of `make update` that needs Python.

python -m generation.update render COMMIT GIVEN OLD OUT
python -m generation.update merge COMMIT VERSIONS MINE OUT

COMMIT is the commit of this clone of the template. OLD is a clone at the commit that the project records. GIVEN holds
.cruft.json and pyproject.toml of the project, a list of the folders in its `services`, and the variables ANSWERS and
VERSION in `answers` and `version`. The first command generates the project from both clones. It writes to its OUT,
which is VERSIONS for the second one:

- old/project/, new/project/: the project as each version generates it
- paths: the files of the project that differ in the two, one per line, except those that its owner lists in `skip`
- plan.json: what the second command must know

MINE has these files as they are in the project. A folder stands for what is not a regular file. The second OUT
receives:

- files/: the files to write
- written, removed: the names of the files to write and to remove, one per line
- changes: a line for each of them
- notes: what the owner has to know or to do, a line for each
- next: the commands that come next
- update.diff: the changes of the project's files
- left-out.diff: the changes of the template to the files in `skip`
- cruft.json: the new .cruft.json

If anything is wrong, OUT only receives `problem`, a line that says why.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from generation import TEMPLATE
from generation.add import CannotAddError, merge_files, read_state, run, write_state
from generation.adopt import SUFFIX, shorten
from generation.answers import CHECKS, unknown
from generation.frameworks import frameworks
from generation.kernels import kernels
from generation.origin import recorded
from generation.services import added_by_needs, catalogue, named

# They belong to the project alone, whatever a version of the template does.
NEVER = (".cruft.json", ".env", "uv.lock")


def files(folder: Path) -> set[str]:
    """Return the paths of the files in a folder, except those of git."""
    paths = (path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())
    return {path.as_posix() for path in paths if path.parts[0] != ".git"}


@dataclass
class File:
    """The content of a file, and whether it can be executed."""

    content: bytes
    executable: bool


def read(folder: Path, name: str) -> File | None:
    """Return a file, or None if it does not exist."""
    path = folder / name
    return File(path.read_bytes(), bool(path.stat().st_mode & 0o100)) if path.is_file() else None


def list_skipped(state: dict, pyproject: str, default: str) -> list[str]:
    """Return the paths and patterns that an update leaves alone: `skip` in .cruft.json and in pyproject.toml.

    cruft reads both, too. If the project's pyproject.toml has no [tool.cruft], that of a new project counts, `default`.

    Raises:
        CannotAddError: A file is not valid TOML, or `skip` is not a list of texts.
    """
    try:
        sections = [tomllib.loads(text).get("tool", {}).get("cruft") for text in (pyproject, default)]
    except tomllib.TOMLDecodeError:
        raise CannotAddError("pyproject.toml is not valid. 'make lock V=1' shows where.") from None
    section = next((section for section in sections if section is not None), {})
    skip = [state.get("skip") or [], section.get("skip", [])]
    if not all(isinstance(part, list) and all(isinstance(entry, str) for entry in part) for part in skip):
        raise CannotAddError(
            "skip is not a list of paths. Correct it in .cruft.json or in [tool.cruft] of pyproject.toml."
        )
    return [entry for part in skip for entry in part]


def skipped_files(skip: list[str], folder: Path) -> set[str]:
    """Return the files of a generated project that the paths and patterns in `skip` name, as cruft understands them."""
    names = files(folder)
    found: set[str] = set()
    for entry in (entry.strip("/") for entry in skip):
        paths = folder.glob(entry) if "*" in entry else [folder / entry]
        tops = {os.path.relpath(path, folder) for path in paths} - {"."}
        found |= {name for name in names if any(name == top or name.startswith(f"{top}/") for top in tops)}
    return found


def read_given_answers(text: str, known: dict, new: list[str]) -> dict[str, str]:
    """Return the answers in the variable ANSWERS, which can only be for new questions.

    Raises:
        CannotAddError: It is for another question, or wrong.
    """
    try:
        answers = dict(word.partition("=")[::2] for word in shlex.split(text))
    except ValueError:
        raise CannotAddError("ANSWERS has a quote that does not end. Use ANSWERS=\"name='a text'\".") from None
    for name, answer in answers.items():
        if name not in new:
            questions = f"the new questions are {', '.join(new)}" if new else "there are no new questions"
            raise CannotAddError(f"{name!r} in ANSWERS is not a new question: {questions}. Leave it out.")
        if isinstance(known[name], list) and answer not in known[name]:
            raise CannotAddError(f"the answer {name}={answer} does not exist. Use one of {', '.join(known[name])}.")
        if problem := CHECKS.get(name, lambda _: None)(answer):
            raise CannotAddError(f"the answer {name}={answer} {problem}")
    return answers


def still_there(answers: dict, old: Path, folders: set[str]) -> tuple[dict, list[str]]:
    """Return the answers with the services and kernels that the project and both versions have, and notes.

    What a version of the template does not know, or the owner has removed, is the owner's: it stays as it is.

    Raises:
        CannotAddError: The template no longer has the project's framework.
    """
    framework = answers.get("framework", "none")
    if framework not in frameworks():
        raise CannotAddError(
            f"the framework {framework!r} in .cruft.json does not exist in this version of the template. "
            f"{unknown(framework, frameworks())}"
        )
    services = [name for name in named(answers.get("services", "none")) if name in folders]
    present = named(answers.get("kernels", "none"))
    kept, notes = {}, []
    for question, names, known, file in (
        ("services", services, catalogue(), "services/{}/compose.yaml"),
        ("kernels", present, kernels(), "templates/kernels/{}/kernel.json"),
    ):
        # An older template had its services in the folder of the project.
        both = [name for name in names if name in known and any(old.glob("**/" + file.format(name)))]
        kept[question] = ", ".join(both) or "none"
        notes += [
            f"{name} in the answer {question} is not in both versions of the template, so its files stay as they are."
            for name in names
            if name not in both
        ]
    return {**answers, **kept}, notes


def generate(template: Path, answers: dict, commit: str, out: Path) -> dict:
    """Generate the project from a version of the template into `out`/project, and return all answers.

    Raises:
        CannotAddError: The version cannot generate it.
    """
    out.mkdir()
    file = out / "recorded.json"
    file.write_text(json.dumps({**answers, "_commit": commit}), encoding="utf-8")
    program = Path(__file__).with_name("render_version.py")
    done = subprocess.run(
        [sys.executable, "-B", program, template, file, out],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    if done.returncode:
        print(done.stdout)
        reason = next((line for line in done.stdout.splitlines() if line.startswith("error: ")), "")
        reason = reason.removeprefix("error: ") or done.stdout.splitlines()[-1]
        raise CannotAddError(
            f"the template at commit {commit[:7]} cannot generate this project: {reason.rstrip('.')}. "
            "Correct the answers in .cruft.json."
        )
    return json.loads((out / "answers.json").read_text(encoding="utf-8"))


def render(commit: str, given: Path, old: Path, out: Path) -> None:
    """Generate the project from both versions of the template, as the docstring of this module says.

    Raises:
        CannotAddError: .cruft.json, pyproject.toml or ANSWERS is wrong, or a version cannot generate the project.
    """
    state = read_state(given)
    recorded_answers = state["context"]["cookiecutter"]
    folders = set((given / "services").read_text(encoding="utf-8").split())
    answers, notes = still_there(recorded_answers, old, folders)

    questions = json.loads((TEMPLATE / "cookiecutter.json").read_text(encoding="utf-8"))
    new = [name for name in questions if not name.startswith("_") and name not in recorded_answers]
    typed = read_given_answers((given / "answers").read_text(encoding="utf-8"), questions, new)
    before = state["commit"]
    without_new = {name: answer for name, answer in answers.items() if name not in new}
    generate(old, without_new, before, out / "old")
    answers = generate(TEMPLATE, {**without_new, **typed}, commit, out / "new")
    notes += [
        f"the question {name} is new, and its default, {answers[name]}, is the answer. "
        f'For another one, before the update or after you undo it: make update ANSWERS="{name}=...".'
        for name in new
        if name not in typed
    ]
    notes += added_by_needs(answers["services"])
    trees = [out / version / "project" for version in ("old", "new")]
    pyproject = given / "pyproject.toml"
    mine = pyproject.read_text(encoding="utf-8") if pyproject.exists() else ""
    skip = list_skipped(state, mine, (trees[1] / "pyproject.toml").read_text(encoding="utf-8"))
    skipped = {name for tree in trees for name in skipped_files(skip, tree)}
    differing = {
        name for name in files(trees[0]) | files(trees[1]) if read(trees[0], name) != read(trees[1], name)
    } - set(NEVER)
    # Beside a file of the owner's is the template's, if the project was adopted.
    targets = {name: name + SUFFIX if name in skipped else name for name in sorted(differing)}
    state |= {"commit": commit, "checkout": (given / "version").read_text(encoding="utf-8").strip() or None}
    state["context"] = recorded(answers, state["template"], commit)
    plan = {"before": before, "state": state, "notes": notes, "targets": targets}
    (out / "plan.json").write_text(json.dumps(plan), encoding="utf-8")
    (out / "paths").write_text("".join(f"{name}\n" for name in targets.values()), encoding="utf-8")


def git_diff(first: Path, second: Path, *options: str) -> bytes:
    """Return what `git diff` prints for two folders, whose names come before the names of files.

    Raises:
        CannotAddError: The image has no git.
    """
    command = ["git", "diff", "--no-index", "--no-prefix", "--no-color", *options, first.name, second.name]
    try:
        return subprocess.run(command, cwd=first.parent, capture_output=True).stdout
    except FileNotFoundError:
        raise CannotAddError("the development image has no git. Add git to apt-dev.txt, and run: make build.") from None


def diff(files: dict[str, tuple[File | None, File | None]]) -> bytes:
    """Return the differences of files, two versions each, as git prints them."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, name) for name in "ab"]
        for folder in folders:
            folder.mkdir()
        for name, versions in files.items():
            for folder, version in zip(folders, versions, strict=True):
                if version is not None:
                    write(folder, name, version)
        return git_diff(*folders, "--binary")


def find_moved(old: Path, new: Path) -> dict[str, str]:
    """Return the files that have another name in the new version, with that name."""
    with tempfile.TemporaryDirectory() as temporary:
        folders = [Path(temporary, name) for name in "ab"]
        for folder, project in zip(folders, (old, new), strict=True):
            shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".git"))
        lines = git_diff(*folders, "--find-renames", "--name-status", "--diff-filter=R").decode().splitlines()
    return {first[2:]: second[2:] for _, first, second in (line.split("\t") for line in lines)}


def write(folder: Path, name: str, file: File) -> None:
    """Write a file and the folders that it is in."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.content)
    path.chmod(0o755 if file.executable else 0o644)


@dataclass
class Update:
    """What happens to the files of the project, and what its owner has to know.

    - `written`: the files to write
    - `removed`: the files to remove
    - `conflicts`: the files that were written with marks of conflicts
    - `taken`: the files whose name a file of the owner's has
    """

    written: dict[str, File] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def put_beside(self, name: str, file: File) -> None:
        """Write the template's file beside the one of the owner's."""
        self.written[name + SUFFIX] = file

    def remove(self, name: str, before: File, mine: File, new_name: str | None) -> None:
        """Remove a file that the template no longer has, unless its owner has changed it."""
        if mine.content == before.content:
            self.removed.append(name)
        elif new_name:
            self.notes.append(
                f"{name} is {new_name} in the template now. You have changed it, so it stays: "
                "copy your changes to the new file, and delete it."
            )
        else:
            self.notes.append(
                f"{name} is no longer in the template. You have changed it, so it stays: "
                "delete it if you do not need it."
            )

    def add(self, name: str, mine: File | None, after: File) -> None:
        """Add a new file of the template. If its owner has another file of this name, it goes beside that."""
        if mine is None or mine.content == after.content:
            if mine != after:
                self.written[name] = after
        else:
            self.put_beside(name, after)
            self.taken.append(name)
            self.notes.append(f"{name} is new in the template, and you have such a file. Ours is {name}{SUFFIX}.")

    def change(self, name: str, before: File, mine: File, after: File, names: tuple[str, str, str]) -> None:
        """Merge a change of the template into a file of the project."""
        executable = after.executable if before.executable != after.executable else mine.executable
        content, conflicts = mine.content, False
        if mine.content == before.content:
            content = after.content
        elif after.content not in (mine.content, before.content):
            if b"\0" in mine.content + before.content + after.content:
                self.put_beside(name, after)
                self.notes.append(
                    f"{name} has changed in the template, and you have changed it too. Ours is {name}{SUFFIX}."
                )
            else:
                content, conflicts = merge_files(mine.content, before.content, after.content, names)
        if conflicts:
            self.conflicts.append(name)
            self.notes.append(f"{name} has a conflict. Edit what is between <<<<<<< and >>>>>>> in it.")
        if (merged := File(content, executable)) != mine:
            self.written[name] = merged


def merge(commit: str, versions: Path, mine: Path, out: Path) -> None:
    """Merge the changes of the template into the files of the project, as the docstring of this module says.

    Raises:
        CannotAddError: The image has no git.
    """
    plan = json.loads((versions / "plan.json").read_text(encoding="utf-8"))
    old, new = (versions / version / "project" for version in ("old", "new"))
    names = ("yours", f"template {plan['before'][:7]}", f"template {commit[:7]}")
    moved = find_moved(old, new)
    update, left_out = Update(notes=plan["notes"]), {}
    for name, target in plan["targets"].items():
        before, after, current = read(old, name), read(new, name), read(mine, target)
        if target != name and current is None:
            left_out[name] = (before, after)
        elif (mine / target).is_dir():
            update.notes.append(f"{target} is a link or a folder, so the change of the template is left out.")
        elif after is None:
            if current is not None:
                update.remove(target, before, current, moved.get(name))
        elif before is None:
            update.add(target, current, after)
        elif current is None:
            update.notes.append(f"{target} has changed in the template. You have deleted it, so it stays deleted.")
        else:
            update.change(target, before, current, after, names)
    if left_out:
        update.notes.append(
            f"left alone, since you own it: {shorten(list(left_out))}. .local/left-out.diff has the template's changes."
        )
    write_result(update, plan["state"], mine, left_out, out)


def next_commands(written: set[str], conflicts: list[str]) -> str:
    """Return what comes next, after these files have been written."""
    commands = ["resolve the conflicts"] if conflicts else []
    if "pyproject.toml" in written:
        commands.append("make lock")
    return ", then ".join([*commands, "make build"])


def write_result(update: Update, state: dict, mine: Path, left_out: dict, out: Path) -> None:
    """Write what the docstring of this module lists to `out`."""
    for name, file in update.written.items():
        write(out / "files", name, file)
    if update.taken:
        # The next update must not take the owner's file for the template's.
        state["skip"] = sorted({*(state.get("skip") or []), *update.taken})
    write_state(state, out)
    before = {name: read(mine, name) for name in [*update.written, *update.removed]}
    changes = [("remove", name) for name in update.removed]
    for name in update.written:
        kind = "conflict" if name in update.conflicts else "change" if before[name] else "add"
        changes.append((kind, name))
    changes.sort(key=lambda change: change[1])
    for name, lines in (
        ("written", sorted(update.written)),
        ("removed", sorted(update.removed)),
        ("changes", [f"{kind:8}  {path}" for kind, path in changes]),
        ("notes", update.notes),
        ("next", [next_commands(set(update.written), update.conflicts)]),
    ):
        (out / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (out / "update.diff").write_bytes(diff({name: (file, update.written.get(name)) for name, file in before.items()}))
    (out / "left-out.diff").write_bytes(diff(left_out))


if __name__ == "__main__":
    command = {"render": render, "merge": merge}[sys.argv[1]]
    run(command, sys.argv[2], *(Path(argument).resolve() for argument in sys.argv[3:]))

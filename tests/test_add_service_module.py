"""generation/add_service.py, the Python part of `make add-service`, without an engine."""

import json
import shutil

import pytest
from conftest import SERVICES, files

from generation import add_service
from generation.add import run

RECORDED = {
    **{"project_name": "Old", "project_slug": "old", "package_name": "old", "description": "Old.", "author_name": "Me"},
    **{"python_version": "3.13", "accelerator": "cpu", "framework": "jax", "services": "none", "ci": "none"},
    "license": "MIT",
}


@pytest.fixture
def add(tmp_path):
    """Add a service to a project, and return the folder with the result: `add("redis", services=["mysql"])`."""

    def to_project(name, services=(), pyproject="", **changes):
        answers = {**RECORDED, "services": ", ".join(services) or "none", **changes}
        answers = {name: answer for name, answer in answers.items() if answer is not None}
        state = {"template": "t", "commit": "0123456789", "context": {"cookiecutter": answers}, "directory": None}
        given = tmp_path / "given"
        shutil.rmtree(given, ignore_errors=True)
        given.mkdir()
        (given / ".cruft.json").write_text(json.dumps(state), encoding="utf-8")
        (given / "pyproject.toml").write_text(pyproject, encoding="utf-8")
        (given / "services").write_text("".join(f"{service}\n" for service in services), encoding="utf-8")
        run(add_service.add_service, name, given, given / "out")
        return given / "out"

    return to_project


def lines(file):
    return file.read_text(encoding="utf-8").splitlines()


def problem(out):
    assert files(out) == {"problem"}
    (line,) = lines(out / "problem")
    return line


@pytest.mark.parametrize("framework", ["jax", "none"])
def test_service_is_written_as_at_generation(add, baked, framework):
    out = add("mlflow", framework=framework)
    generated = baked(
        services="mlflow", framework=framework, **{name: RECORDED[name] for name in ("project_slug", "package_name")}
    )
    assert files(out / "services") == files(generated / "services")
    for name in files(out / "services"):
        assert (out / "services" / name).read_bytes() == (generated / "services" / name).read_bytes(), name
        assert (out / "services" / name).stat().st_mode == (generated / "services" / name).stat().st_mode, name


@pytest.mark.parametrize(
    ("present", "added"), [([], ["postgres", "scraper"]), (["redis", "postgres"], ["scraper"]), (["scraper"], [])]
)
def test_needed_services_are_added_if_missing(add, present, added):
    """A project that already has the folder only gets the shared module."""
    out = add("scraper", services=present)
    assert lines(out / "added") == added
    assert {path.name for path in (out / "services").iterdir()} == {"access.py", *added}
    answer = json.loads((out / "cruft.json").read_text(encoding="utf-8"))["context"]["cookiecutter"]["services"]
    assert answer.split(", ") == [*present, *added]


def test_only_the_services_answer_changes(add):
    out = add("redis", services=["mysql"], project_name='Zoë "🐝"', _commit="0123456789")
    state = json.loads((out / "cruft.json").read_text(encoding="utf-8"))
    assert list(state) == ["template", "commit", "context", "directory"]
    expected = {**RECORDED, "services": "mysql, redis", "project_name": 'Zoë "🐝"', "_commit": "0123456789"}
    assert state["context"]["cookiecutter"] == expected
    assert "Zoë" in (out / "cruft.json").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("group", "missing"),
    [
        ([], ["psycopg[binary]>=3.2", "sqlalchemy>=2.0"]),
        (["SQLAlchemy==2.1"], ["psycopg[binary]>=3.2"]),
        (["sqlalchemy>=2.0", "psycopg", "tomlkit"], []),
        ([{"include-group": "dev"}], ["psycopg[binary]>=3.2", "sqlalchemy>=2.0"]),
    ],
)
def test_only_missing_packages_are_listed(add, group, missing):
    values = ", ".join(f'"{line}"' if isinstance(line, str) else '{ include-group = "dev" }' for line in group)
    out = add("postgres", pyproject=f"[dependency-groups]\ndev = []\nservices = [{values}]\n")
    assert lines(out / "requirements.txt") == missing


@pytest.mark.parametrize(
    "changes",
    [
        {"data_source": "none", "__network": "yes", "_template": "t"},
        {"framework": None, "ci": None},
        # Answers that another Python accepted.
        {"package_name": "tomllib", "project_slug": "numpy"},
    ],
    ids=["unknown answers", "missing answers", "reserved names"],
)
def test_answers_of_another_version_can_be_used(add, changes):
    out = add("redis", **changes)
    assert not (out / "problem").exists()
    package = changes.get("package_name") or "old"
    assert f"from {package}.files" in (out / "services" / "access.py").read_text(encoding="utf-8")


def test_unknown_service_is_a_problem(add):
    line = problem(add("postgrs"))
    assert line == (
        f"the template at commit 0123456 has no 'postgrs'. Did you mean postgres? Use {', '.join(SERVICES)}."
    )


def test_invalid_pyproject_is_a_problem(add):
    assert problem(add("redis", pyproject="[project")) == "pyproject.toml is not valid. 'make lock V=1' shows where."


def test_template_that_fails_is_a_problem(add, monkeypatch, capfd):
    def fail(*arguments):
        raise ValueError("no\nidea")

    monkeypatch.setattr(add_service, "write_services", fail)
    assert problem(add("redis")).startswith("the template cannot write redis: ValueError: no idea. Rerun with V=1")
    assert "Traceback" in capfd.readouterr().err

"""Several copies of one project on one machine: which image each of them runs, and which containers belong to it."""

import shutil

import pytest
from support import Project, docker

pytestmark = pytest.mark.docker

IMPORT = 'python -c "import humanize"'


def test_clones_share_an_image_if_their_sources_are_the_same(copy):
    first, second = copy("first"), copy("second clone")
    # Neither needs a build: the project that they are copies of has this image.
    assert [project.run("echo here") for project in (first, second)] == ["here\n", "here\n"]
    assert first.setting("IMAGE") == second.setting("IMAGE")
    assert first.setting("COMPOSE_PROJECT_NAME") != second.setting("COMPOSE_PROJECT_NAME")
    (second.path / "src" / "new.py").write_text("")
    second.run("true")
    assert first.setting("IMAGE") == second.setting("IMAGE")
    assert first.setting("RELEASE_IMAGE") != second.setting("RELEASE_IMAGE")


def test_each_clone_runs_what_its_own_lock_file_says(copy):
    first, second = copy("first"), copy("second clone")
    second.ok("add", "PKG=humanize")
    # The image does not match the lock file any more, so it is built first.
    assert f"\nbuilt {second.slug}:cpu\n" in second.make("run", f"CMD={IMPORT}").stderr
    assert second.run(IMPORT) == ""
    assert first.make("run", f"CMD={IMPORT}").returncode != 0
    first.ok("build")
    assert second.run(IMPORT) == ""
    # The image that the last build has replaced is gone.
    replaced = second.setting("IMAGE")
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(first.path / name, second.path)
    second.ok("build")
    assert docker("image", "ls", "--quiet", replaced) == ""


def test_renamed_folder_keeps_its_containers_and_volumes(copy):
    project = copy("before")
    address = project.notebook()
    [running] = project.containers("status=running")
    name = project.setting("COMPOSE_PROJECT_NAME")
    project.path = project.path.rename(project.path.with_name("after it"))
    assert project.notebook() == address
    assert project.containers("status=running") == [running]
    assert "the notebook is running" in project.ok("doctor")
    # A copy of the folder is a clone of its own, and so is one in the old place.
    for place in ("the copy", "before"):
        other = Project(shutil.copytree(project.path, project.path.with_name(place)))
        assert other.ok("stop") == "nothing is running\n"
        other.run("true")
        assert other.setting("COMPOSE_PROJECT_NAME") != name
        other.ok("clean")
    assert project.ok("stop") == "stopped\n"
    assert project.setting("COMPOSE_PROJECT_NAME") == name

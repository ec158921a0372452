"""Several copies of one project on one machine: which image each of them runs, and which containers belong to it."""

import os
import shutil
import subprocess

import pytest
from support import Project, docker

pytestmark = pytest.mark.docker

# A package that no other test adds: an image with the same packages is not built again.
IMPORT = 'python -c "import inflection"'


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
    second.ok("add", "PKG=inflection")
    # The image does not match the lock file any more, so it is built first.
    assert f"\nbuilt {second.slug}:cpu (" in second.make("run", f"CMD={IMPORT}").stderr
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
    project = copy("before").keep_cache_in_volume()
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


def test_clone_of_somebody_else_stays_as_it_is(copy):
    """Two people in one group, and root, in a folder that the group can write to."""
    if os.getuid() != 0:
        pytest.skip("only root can act as somebody else")
    team = 54400
    ann, ben = ({"user": (user, team), "HOME": "/tmp"} for user in (54321, 54322))
    project = copy("shared", (54321, team))
    subprocess.run(["chmod", "-R", "g+w", project.path], check=True)
    address = project.notebook(**ann)
    before = {path: path.stat() for path in (project.path / ".local", project.path / ".env")}
    for someone in (ben, {}, {"SUDO_UID": "54322", "SUDO_GID": str(team), "SUDO_USER": "ben"}):
        for target in ("notebook", "run", "doctor"):
            line = project.error(target, "CMD=true", **someone)
            assert "this clone of the project belongs to 54321. Run 'git clone' in a folder of your own" in line
    assert {path: path.stat()[:6] for path in before} == {path: before[path][:6] for path in before}
    assert project.notebook(**ann) == address
    assert project.notebook(SUDO_UID="54321", SUDO_GID=str(team), SUDO_USER="ann") == address
    # A clone of his own shares the image and the data.
    own = copy("own", (54322, team))
    assert own.run("id -u; touch data/raw/new", DATA_DIR=str(project.path / "data"), **ben) == "54322\n"
    assert own.setting("IMAGE") == project.setting("IMAGE")
    assert (project.path / "data" / "raw" / "new").stat().st_uid == 54322
    os.chown(project.path / ".local", 0, 0)
    assert ".local belongs to root. Take this folder over" in project.error("notebook", **ann)
    os.chown(project.path / ".local", 54321, team)
    assert project.ok("stop", **ann) == "stopped\n"

"""A project lives its day on a real engine: build, notebook, pipeline, and what must hold meanwhile."""

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import urllib.request

import pytest
from conftest import OPTIONS
from support import docker, status, unique, wait_until

from generation.answers import RESERVED_NAMES, slug_problem

pytestmark = pytest.mark.docker

# Users and groups: root, one that the image knows under another name, a common one, nobody, one that no system knows,
# and one from a large directory. Group 20 is that of every user of macOS.
IDENTITIES = [(0, 0), (33, 33), (1000, 20), (65534, 65534), (54321, 54321), (2000000000, 100)]


def own_lines(text: str) -> str:
    """Return a .env without the lines that make writes for Compose."""
    return text.partition("# Written by make")[0]


def checksums(folder, names=("data", "models", "notebooks", "reports", ".env")):
    paths = [path for name in names for path in [folder / name, *(folder / name).rglob("*")] if path.is_file()]
    return {path: hashlib.sha256(own_lines(path.read_text("latin-1")).encode()).hexdigest() for path in paths}


def api(url: str, path: str) -> str:
    """Return the address of JupyterLab's API for the address that `make notebook` printed."""
    return url.replace("/lab?", f"/api/{path}?")


def running_containers(project) -> list[str]:
    """List the names of the running containers that were started from this very folder."""
    return project.containers("status=running", f"label=com.docker.compose.project.working_dir={project.path}")


@pytest.fixture
def running(lab):
    return lab.notebook()


def test_image_is_labelled(built):
    labels = built.inspect(built.image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.title"] == built.slug
    assert labels["org.opencontainers.image.version"] == "0.1.0"
    assert labels["org.opencontainers.image.licenses"] == OPTIONS["license"][0]
    assert "org.opencontainers.image.source" in labels
    assert "make notebook" in labels["usage"]


def test_image_is_for_no_user_and_has_no_setuid_program(built):
    assert built.inspect(built.image)["Config"]["User"] == "10001:10001"
    find = "find / -xdev -type f -perm /6000"
    assert docker("run", "--rm", "--user", "0", built.image, "sh", "-c", find) == ""


def test_label_names_the_repository_without_its_password(copy):
    project = copy()
    address = "https://ann:secret@git.example/ann/work.git"
    subprocess.run(["git", "remote", "add", "origin", address], cwd=project.path, check=True)
    project.ok("build")
    labels = project.inspect(project.image)["Config"]["Labels"]
    assert labels["org.opencontainers.image.source"] == "https://git.example/ann/work"


def test_build_after_an_edit_is_the_same_image(built):
    built.ok("build")
    before = built.image_id()
    module = next((built.path / "src").rglob("predict.py"))
    text = module.read_text()
    module.write_text(text + "\nEDITED = True\n")
    try:
        built.ok("build")
        assert set(built.steps().values()) == {"CACHED"}
        assert built.image_id() == before
        package = module.parent.name
        assert built.run(f"python -c 'from {package} import predict; print(predict.EDITED)'").strip() == "True"
    finally:
        module.write_text(text)


def test_engine_reads_dockerignore_as_the_hook_does(copy):
    project = copy()
    paths = [
        ".env",
        "src/.env",
        "src/a/.env.local",
        "src/a.ipynb",
        "src/.git/config",
        "data/raw/a.csv",
        "src/data/a.py",
    ]
    paths += ["src/a/key.pem", "src/id_rsa", "notebooks/b.ipynb", "models/m", "docker/image/a.sh", "docker/a.sh"]
    paths += ["packages/a-1.0.whl", "packages/a/pyproject.toml", "packages/a/.env"]
    for path in map(project.path.joinpath, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    recipe = "FROM busybox:1\nCOPY . /context\n"
    (project.path / "list.Dockerfile").write_text(recipe)
    tag = f"{project.slug}:context"
    docker("build", "--quiet", "--file", str(project.path / "list.Dockerfile"), "--tag", tag, str(project.path))
    found = docker("run", "--rm", tag, "find", "/context", "-type", "f").replace("/context/", "").split()
    assert set(paths) & set(found) == {
        "src/data/a.py",
        "docker/image/a.sh",
        "packages/a-1.0.whl",
        "packages/a/pyproject.toml",
    }
    allowed = (
        "pyproject.toml",
        "uv.lock",
        "apt.txt",
        "apt-dev.txt",
        "apt-build.txt",
        "docker/image/",
        "docker/ui/",
        "packages/",
        "src/",
    )
    assert all(path.startswith(allowed) for path in found)


def test_nothing_secret_is_in_an_image(copy, tmp_path):
    """Canaries in all the places where people keep secrets; every layer, the history and the settings are searched."""
    project = copy()
    canary = unique("canary").replace("-", "")
    places = [".env", "src/.env", "data/raw/secret.csv", ".git/secret", ".local/secret", "notebooks/secret.ipynb"]
    for path in map(project.path.joinpath, places):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"PASSWORD={canary}\n")
    project.ok("build", NO_PROXY=f"{canary}.example")
    project.ok("release", NO_PROXY=f"{canary}.example")
    for tag in ("cpu", "release"):
        image = f"{project.slug}:{tag}"
        assert canary not in docker("history", "--no-trunc", image)
        assert canary not in docker("image", "inspect", image)
        archive = tmp_path / "image.tar"
        docker("save", "--output", str(archive), image)
        with tarfile.open(archive) as layers:
            for member in filter(tarfile.TarInfo.isfile, layers):
                assert canary.encode() not in layers.extractfile(member).read(), member.name


def test_notebook_address_is_the_last_line(running, lab):
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/lab\?token=[0-9a-f]{48}", running)
    assert lab.notebook() == running


def test_notebook_asks_for_its_token(running):
    address = api(running, "contents")
    assert status(address) == 200
    assert status(address.split("?")[0]) == 403
    assert status(address[:-1] + ("0" if address[-1] != "0" else "1")) == 403


def test_notebook_answers_on_this_machine_only(running):
    port = re.search(r":(\d+)/", running)[1]
    addresses = {each[4][0] for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    addresses |= {docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")}
    outside = [address for address in addresses if not address.startswith("127.")]
    assert outside
    assert {status(f"http://{address}:{port}/api") for address in outside} == {0}


def test_notebook_refuses_other_sites(running):
    address = api(running, "contents")
    assert status(address, Host="evil.example") == 403
    assert status(api(running, "sessions"), b"{}", Origin="http://evil.example") in (400, 403, 404)


def test_token_is_made_once_and_is_private(running, lab):
    token = lab.path / ".local" / "jupyter_token"
    assert token.stat().st_mode & 0o777 == 0o600
    ignored = subprocess.run(["git", "check-ignore", "--quiet", token], cwd=lab.path)
    assert ignored.returncode == 0
    (name,) = running_containers(lab)
    assert token.read_text() not in docker("logs", name) + docker("inspect", name)
    lab.ok("stop")
    assert lab.notebook().split("token=")[1] == token.read_text()


def test_notebook_log_has_no_warning(copy):
    # A fresh container: other tests make it complain, as it should.
    project = copy().keep_cache_in_volume()
    assert status(project.notebook()) == 200
    (name,) = running_containers(project)
    log = subprocess.run(["docker", "logs", name], capture_output=True, text=True)
    assert not re.findall(r"^\[[WEC] .*|^.*[Ww]arning.*", log.stdout + log.stderr, re.M)


def test_containers_can_do_little(running, lab):
    (name,) = running_containers(lab)
    host = lab.inspect(name)["HostConfig"]
    assert host["CapDrop"] == ["ALL"] and not host["CapAdd"]
    assert host["ReadonlyRootfs"] and host["Init"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["PidsLimit"] == 4096 and host["ShmSize"] == 2 * 2**30
    assert not host["Privileged"] and host["RestartPolicy"]["Name"] in ("", "no")
    command = "grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /opt/venv/x /x 2>&1; df -m /dev/shm | tail -n 1"
    seen = lab.run(f"{command}; true")
    assert "CapEff:\t0000000000000000" in seen and "NoNewPrivs:\t1" in seen
    assert seen.count("Read-only file system") == 2
    assert " 2048 " in seen


def test_stop_ends_busy_kernels_in_time(running, lab):
    body = json.dumps({"name": "python3"}).encode()
    assert status(api(running, "kernels"), body, **{"Content-Type": "application/json"}) == 201
    (name,) = running_containers(lab)
    lab.ok("stop")
    # 137 would be the engine's patience running out.
    assert lab.inspect(name)["State"]["ExitCode"] == 0
    assert not running_containers(lab)


def test_notebook_turns_unhealthy_when_it_hangs(copy):
    project = copy()
    # Of the health check, only how often it asks.
    settings = project.read("compose.yaml").replace("/api]}", "/api], interval: 1s, timeout: 1s}")
    assert "interval: 1s" in settings
    (project.path / "compose.yaml").write_text(settings)
    project.notebook()
    (name,) = running_containers(project)
    # The pattern does not fit this command itself.
    stop = "for each in /proc/[0-9]*; do grep -q 'jupyter-la[b]' $each/cmdline && kill -STOP ${each#/proc/}; done; true"
    docker("exec", name, "bash", "-c", stop)
    wait_until(lambda: project.inspect(name)["State"]["Health"]["Status"] == "unhealthy")


def test_busy_port_moves_to_the_next_free_one(lab):
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind(("127.0.0.1", 8888))
            taken.listen()
        except OSError:
            pass  # Somebody else holds it, which is as good.
        done = lab.make("notebook")
        port = int(re.search(r":(\d+)/", done.stdout.splitlines()[-1])[1])
        assert port > 8888
        assert f"note: port 8888 is in use, so the notebook is on port {port}" in done.stderr


def test_busy_port_that_was_asked_for_is_an_error(lab):
    lab.ok("clean")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is in use" in lab.error("notebook", f"PORT={port}")
    assert lab.containers() == []


def test_running_notebook_is_not_moved(running, lab):
    assert "already runs on port" in lab.error("notebook", "PORT=18888")
    assert status(api(running, "contents")) == 200


def test_starting_twice_at_once_starts_one(lab):
    lab.ok("clean")
    started = [
        subprocess.Popen(["make", "notebook"], cwd=lab.path, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [each.communicate()[0].splitlines()[-1] for each in started]
    assert [each.returncode for each in started] == [0, 0, 0]
    assert len(set(outputs)) == 1
    assert len(lab.containers()) == 1


def test_work_survives_whatever_happens_to_the_container(lab):
    address = api(lab.notebook(), "contents/notebooks/kept.txt")
    body = json.dumps({"type": "file", "format": "text", "content": "a day's work"}).encode()
    request = urllib.request.Request(address, body, {"Content-Type": "application/json"}, method="PUT")
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 201
    kept = lab.path / "notebooks" / "kept.txt"
    try:
        for end in (["stop"], ["rm", "--force"]):
            (name,) = running_containers(lab)
            docker(*end, name)
            assert status(api(lab.notebook(), "contents/notebooks/kept.txt")) == 200
        lab.ok("stop")
        assert kept.read_text() == "a day's work"
    finally:
        kept.unlink()


def test_new_image_is_announced_to_a_running_notebook(copy):
    project = copy()
    address = project.notebook()
    (project.path / "Dockerfile").write_text(
        project.read("Dockerfile").replace('CMD ["jupyter"', 'LABEL new="1"\nCMD ["jupyter"')
    )
    project.ok("build")
    done = project.make("notebook")
    assert done.stdout.splitlines()[-1] == address
    assert "older image" in done.stderr


def test_interrupt_leaves_no_container(lab):
    started = subprocess.Popen(["make", "run", "CMD=sleep 100"], cwd=lab.path, start_new_session=True)
    wait_until(lambda: running_containers(lab))
    os.killpg(started.pid, signal.SIGINT)
    assert started.wait() != 0
    wait_until(lambda: not running_containers(lab))


def test_stop_ends_commands_too(lab):
    started = subprocess.Popen(["make", "run", "CMD=sleep 100"], cwd=lab.path, start_new_session=True)
    wait_until(lambda: running_containers(lab))
    lab.ok("stop")
    assert started.wait() != 0
    assert not running_containers(lab)


def test_exit_status_and_output_are_the_commands_own(lab):
    done = lab.make("run", """CMD=echo "it's" $HOME; echo oops >&2; exit 3""")
    assert done.stdout == f"it's /cache/{os.getuid()}\n"
    assert done.stderr.splitlines()[0] == "oops"
    assert "Error 3" in done.stderr


def test_standard_input_is_for_run_and_shell_alone(lab):
    script = 'make run CMD="tr a-z A-Z" <Makefile | head -n 1; make lint >/dev/null; echo read on; make shell\nid -u\n'
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    done = subprocess.run(["sh"], input=script, cwd=lab.path, env=environment, capture_output=True, text=True)
    assert done.stdout.splitlines() == [lab.read("Makefile").splitlines()[0].upper(), "read on", str(os.getuid())]


@pytest.mark.parametrize("owner", IDENTITIES, ids=lambda owner: "{}:{}".format(*owner))
def test_files_belong_to_the_caller(owner, copy, open_folder):
    if os.getuid() not in (0, owner[0]):
        pytest.skip("only root can act as somebody else")
    project = copy("owned", owner).keep_cache_in_volume()
    home = open_folder / "home"
    home.mkdir()
    os.chown(home, *owner)
    here = {"user": owner, "HOME": str(home)}
    named = "getpass.getuser() == pwd.getpwuid(os.getuid()).pw_name"
    who = f"import getpass, os, pwd; print({named}, os.getuid(), os.getgid())"
    seen = project.run(
        f'python -c "{who}"; touch ~/here; mkdir -p made/deep; touch made/deep/file; grep CapEff /proc/self/status',
        **here,
    )
    assert f"True {owner[0]} {owner[1]}" in seen
    assert "CapEff:\t0000000000000000" in seen
    project.run(
        "git -c user.name=a -c user.email=b commit --quiet --allow-empty --message x && git log --oneline", **here
    )
    assert status(api(project.notebook(**here), "contents")) == 200
    project.ok("stop", **here)
    others = [path for path in project.path.rglob("*") if (path.lstat().st_uid, path.lstat().st_gid) != owner]
    assert others == []


def test_sudo_leaves_files_to_the_one_who_called_it(copy):
    if os.getuid() != 0:
        pytest.skip("only root can play sudo")
    project = copy("sudo", (1000, 1000))
    (project.path / "uv.lock").unlink()
    project.ok("build", SUDO_UID="1000", SUDO_GID="1000")
    project.run("touch made", SUDO_UID="1000", SUDO_GID="1000")
    assert {path.lstat().st_uid for path in project.path.rglob("*")} == {1000}


@pytest.mark.parametrize("name", ["a b ü 数据 it's", 'co:lon,co,mma "quo"te"', "#do$lar${X} back\\slash #%", "-dash"])
def test_any_folder_name_works(name, copy):
    project = copy(name)
    project.run("test -d data/raw && touch 'made here'")
    assert (project.path / "made here").exists()
    assert status(api(project.notebook(), "contents")) == 200
    project.ok("clean")
    assert not project.containers(f"label=com.docker.compose.project.working_dir={project.path}")


@pytest.fixture
def typed(copy):
    """Run plain `docker compose` in the folder of a project, as a person types it after a make command."""
    project = copy().keep_cache_in_volume()
    project.notebook()

    def run(*arguments):
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_CONFIG") if name in os.environ}
        done = subprocess.run(
            ["docker", "compose", *arguments], cwd=project.path, env=kept, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    run.project = project
    return run


def test_plain_compose_sees_the_notebook(typed):
    (name,) = running_containers(typed.project)
    assert name in typed("ps")
    assert "jupyter" in typed("logs", "lab").lower()
    who = typed("exec", "--no-TTY", "lab", "bash", "-c", "id -u; ls /workspace/Makefile")
    assert who.split()[:2] == [str(os.getuid()), "/workspace/Makefile"]
    # It has the settings that make used: nothing is created again.
    before = typed.project.inspect(name)["Id"]
    typed("up", "--detach", "lab")
    assert typed.project.inspect(name)["Id"] == before


def test_plain_compose_starts_a_notebook_that_make_finds(typed):
    typed("down")
    typed("up", "--detach", "--wait", "lab")
    assert status(api(typed.project.notebook(), "contents")) == 200


@pytest.mark.parametrize("name", ["it's", "do$lar${X}", "back\\slash", "a b ü"])
def test_plain_compose_mounts_the_same_data(name, copy, tmp_path):
    """make writes the folder of the data to .env, whatever is in its name."""
    project = copy()
    folder = tmp_path / name
    folder.mkdir()
    project.ok("run", "CMD=true", f"DATA_DIR={folder}")
    done = subprocess.run(
        ["docker", "compose", "config", "--format", "json"], cwd=project.path, capture_output=True, text=True
    )
    mounts = json.loads(done.stdout)["services"]["lab"]["volumes"]
    (source,) = (mount["source"] for mount in mounts if mount["target"] == "/workspace/data")
    assert source.replace("$$", "$") == str(folder)


def test_two_projects_run_beside_each_other(lab, other):
    addresses = lab.notebook(), other.notebook()
    try:
        assert [status(api(address, "contents")) for address in addresses] == [200, 200]
        first, second = (address.replace("/lab?", "/api/contents?").split("token=") for address in addresses)
        assert first[1] != second[1]
        assert status(f"{first[0]}token={second[1]}") == 403
        assert "wrote models/model.npz" in other.ok("train")
        lab.ok("stop")
        assert status(api(addresses[1], "contents")) == 200
    finally:
        other.ok("clean")


def test_folders_of_one_name_are_kept_apart(copy):
    first, second = copy("one/lab"), copy("two/lab")
    assert first.notebook() != second.notebook()
    first.ok("stop")
    assert len(running_containers(second)) == 1


@pytest.mark.parametrize("kind", ["absolute", "relative", "given"])
def test_data_can_lie_elsewhere(kind, copy, tmp_path):
    project = copy("work")
    elsewhere = tmp_path / "other disk"
    elsewhere.mkdir()
    arguments = []
    if kind == "given":
        arguments = [f"DATA_DIR={elsewhere}"]
    else:
        shutil.rmtree(project.path / "data")
        target = elsewhere if kind == "absolute" else os.path.relpath(elsewhere, project.path)
        (project.path / "data").symlink_to(target)
    project.ok("data", *arguments)
    assert list((elsewhere / "raw").glob("*.csv"))


def test_data_folder_can_be_set_for_good(copy, tmp_path):
    project = copy("work")
    elsewhere = tmp_path / "other disk"
    elsewhere.mkdir()
    (project.path / ".env").write_text(f'DATA_DIR="{elsewhere}"\n')
    project.ok("data")
    assert list((elsewhere / "raw").glob("*.csv"))


def test_downloads_can_be_in_a_folder_for_several_projects(copy, tmp_path):
    """It is used in place of the volume, and `make clean` leaves it."""
    home, cache = tmp_path / "home", tmp_path / "home" / "a cache"
    cache.mkdir(parents=True)
    (home / ".secret").write_text("canary")
    first, second = copy("one"), copy("two")
    for project in (first, second):
        (project.path / ".env").write_text("CACHE_DIR=~/a cache\n")
        # In both projects, a module with the same size and time.
        (project.path / "src" / "mine.py").write_text(f"print('{project.path.name}')\n")
        os.utime(project.path / "src" / "mine.py", (10**9, 10**9))
    first.run("mkdir -p ~/.cache; echo model >~/.cache/model", HOME=str(home))
    assert second.run("cat ~/.cache/model ~/.secret", HOME=str(home), PASS="~/.secret") == "model\ncanary"
    imported = [project.run("python -c 'import mine'", HOME=str(home)) for project in (first, second)]
    assert imported == ["one\n", "two\n"]
    plain = ["docker", "compose", "run", "--rm", "--no-TTY", "task", "sh", "-c", "cat ~/.cache/model"]
    assert subprocess.run(plain, cwd=second.path, capture_output=True, text=True).stdout == "model\n"
    assert f"caches in {cache}\n" in first.ok("doctor", HOME=str(home))
    first.ok("clean", HOME=str(home))
    mine = cache / str(os.getuid())
    assert mine.stat().st_mode & 0o777 == 0o700
    assert (mine / ".cache" / "model").read_text() == "model\n"
    assert {path.stat().st_uid for path in mine.rglob("*")} == {os.getuid()}
    assert first.volumes() == second.volumes() == []


def test_removed_data_folder_comes_back_as_the_callers(copy):
    project = copy("owned", (54321, 54321) if os.getuid() == 0 else None)
    shutil.rmtree(project.path / "data")
    project.ok("data", user=(54321, 54321) if os.getuid() == 0 else None, HOME=str(project.path))
    assert {path.stat().st_uid for path in (project.path / "data").rglob("*")} == {project.path.stat().st_uid}


def test_data_that_a_group_shares_can_be_written(copy, open_folder):
    if os.getuid() != 0:
        pytest.skip("only root can act as somebody else")
    project = copy("owned", (54321, 54321))
    shared = open_folder / "shared"
    shared.mkdir()
    os.chown(shared, 0, 4444)
    shared.chmod(0o2770)
    here = {"user": (54321, 54321), "groups": (4444,), "HOME": str(project.path)}
    project.ok("data", f"DATA_DIR={shared}", **here)
    assert [path.stat().st_gid for path in shared.rglob("*")] == [4444, 4444]


def test_data_that_can_only_be_read(copy):
    if os.getuid() != 0:
        pytest.skip("only root can mount")
    project = copy()
    for file in (project.path / "data" / "raw").glob("*.csv"):
        file.unlink()
    mount = ["mount", "--bind", "--options", "ro", project.path / "data", project.path / "data"]
    subprocess.run(mount, check=True)
    try:
        done = project.make("data")
        assert done.returncode != 0
        assert done.stderr.startswith("error: /workspace/data/raw") and "Read-only file system" in done.stderr
        assert "Traceback" not in done.stderr
    finally:
        subprocess.run(["umount", project.path / "data"], check=True)


def test_no_target_touches_what_a_person_made(copy):
    project = copy()
    for path in ("data/raw/mine.csv", "models/mine.bin", "notebooks/mine.ipynb", "reports/mine.txt", ".env"):
        (project.path / path).write_text("# mine\n")
    project.ok("train")
    before = checksums(project.path)
    for target in ("data", "lint", "format", "notebook", "stop", "doctor", "lock", "clean"):
        project.make(target)
        after = checksums(project.path)
        assert {path: after.get(path) for path in before} == before, target


def test_clean_leaves_nothing_on_the_engine(copy):
    project = copy().keep_cache_in_volume()
    project.notebook()
    (name,) = running_containers(project)
    compose_name = project.inspect(name)["Config"]["Labels"]["com.docker.compose.project"]
    assert project.volumes() == [f"{compose_name}_cache"]
    project.ok("clean")
    mine = f"label=com.docker.compose.project.working_dir={project.path}"
    assert project.containers(mine) == []
    for kind in ("network", "volume"):
        assert docker(kind, "ls", "--quiet", "--filter", f"label=com.docker.compose.project={compose_name}") == ""


def test_no_library_hides_behind_a_project_name(built):
    program = """
import importlib.metadata as metadata, re
names = {d.metadata["Name"] for d in metadata.distributions()}
# mypyc names a module by a checksum.
names |= {n for n in metadata.packages_distributions() if n.isidentifier() and not n.endswith("__mypyc")}
print(*{re.sub("[-_.]+", "-", name).lower() for name in names})
"""
    names = set(docker("run", "--rm", built.image, "python", "-c", program).split())
    # Only what an answer could spell: names with other characters, and private modules, cannot be given.
    names = {name for name in names if not slug_problem(f"{name}-x") and name != built.slug}
    assert names - RESERVED_NAMES == set()

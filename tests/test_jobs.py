"""Commands in the background, and credentials that are handed to commands by name."""

import os
import pty
import re
import subprocess

import pytest
from support import docker, wait_until

pytestmark = pytest.mark.docker

# All that a shell and YAML could take for something else.
SECRET = 'it\'s $HOME "and" \\n #\n{{more}}'


def jobs(project) -> dict[str, str]:
    """Return the state of each job that `make jobs` lists."""
    lines = project.ok("jobs").splitlines()[1:]
    return dict(re.match(r"(\S+) +(.+?)  ", line).groups() for line in lines)


def type_in_terminal(project, *arguments: str) -> str:
    """Run make in a terminal of its own, close the terminal when make has ended, and return what it showed."""
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(project.path)
        os.execvp("make", ["make", *arguments])
    shown = b""
    # Linux answers with an error when nobody has the other end open any more, macOS with nothing.
    try:
        while text := os.read(terminal, 1000):
            shown += text
    except OSError:
        pass
    os.close(terminal)
    assert os.waitpid(process, 0)[1] == 0, shown
    return shown.decode()


def test_job_outlives_its_terminal_and_keeps_its_log(copy):
    project = copy("first name").keep_cache_in_volume()
    assert "there are no jobs" in project.ok("jobs")
    shown = type_in_terminal(project, "run", "DETACH=1", "CMD=until [ -e go ]; do sleep 0.2; done; echo out; exit 3")
    assert "run-1 runs in the background" in shown
    assert "make logs JOB=run-1" in shown
    assert jobs(project) == {"run-1": "running"}
    # It is found when the folder has another name, too.
    project.path = project.path.rename(project.path.with_name("second name"))
    assert "'make stop'" in project.error("clean")
    (project.path / "go").touch()
    assert project.ok("logs", "JOB=run-1", "FOLLOW=1") == "out\n"
    wait_until(lambda: jobs(project) == {"run-1": "failed (3)"})
    # Those that start at the same time get names of their own.
    starts = [
        subprocess.Popen(["make", *arguments, "DETACH=1"], cwd=project.path, stdout=subprocess.DEVNULL)
        for arguments in (["data"], ["run", "CMD=sleep 1000"])
    ]
    assert [start.wait() for start in starts] == [0, 0]
    names = jobs(project)
    assert {name[:-2] for name in names} == {"run", "data"}
    assert sorted(name[-1] for name in names) == ["1", "2", "3"]
    (data,) = (name for name in names if name.startswith("data"))
    (sleeper,) = names.keys() - {data, "run-1"}
    wait_until(lambda: jobs(project)[data] == "done")
    assert f"{sleeper} " in project.ok("cancel", f"JOB={sleeper}")
    # What has ended stays as it is.
    project.ok("cancel", f"JOB={data}")
    assert jobs(project) == {sleeper: "stopped", data: "done", "run-1": "failed (3)"}
    project.ok("run", "DETACH=1", 'CMD=python -c "bytearray(10**9)"', MEMORY="64m")
    wait_until(lambda: jobs(project)["run-4"] == "out of memory")
    for target in ("logs", "cancel"):
        assert "there is no job 'x'. 'make jobs' lists them." in project.error(target, "JOB=x")
    assert "no job is given" in project.error("cancel")
    project.ok("run", "DETACH=1", "CMD=sleep 1000")
    assert "jobs were stopped too: run-5." in project.make("stop").stderr
    project.ok("clean")
    assert "there are no jobs" in project.ok("jobs")
    assert docker("volume", "ls", "--quiet", "--filter", f"name={project.setting('COMPOSE_PROJECT_NAME')}") == ""


def test_credentials_reach_programs_and_nothing_else(copy, tmp_path):
    project = copy().keep_cache_in_volume()
    home = tmp_path / "my home"
    (home / ".aws").mkdir(parents=True)
    (home / ".aws" / "credentials").write_text("aws-canary")
    (home / ".netrc").write_text("netrc-canary")
    environment = {"HOME": str(home), "API_KEY": SECRET, "value": "lower-canary\n"}
    (project.path / ".env").open("a").write("HF_TOKEN='hf-canary'\n")
    given = "PASS=API_KEY, HF_TOKEN,value,~/.aws,~/.netrc"
    show = 'printf %s "$API_KEY$value"; echo "$HF_TOKEN"; cat ~/.aws/credentials ~/.netrc; touch ~/new'
    expected = f"{SECRET}lower-canary\nhf-canary\naws-canarynetrc-canary"
    done = project.make("run", given, f"CMD={show}", "V=1", **environment)
    assert done.stdout == expected, done.stderr
    assert "-canary" not in done.stderr and "{{more}}" not in done.stderr
    # Files of yours cannot be changed, and the home folder can.
    assert "Read-only" in project.make("run", given, "CMD=touch ~/.aws/new", **environment).stderr
    # A job and a notebook have them, too. Their containers, images and logs, and files on this machine, do not.
    project.ok("run", given, "DETACH=1", "CMD=sleep 1; " + show.replace("cat", "wc -c") + "; sleep 1000", **environment)
    project.notebook(given, **environment)
    wait_until(lambda: "hf-canary" in project.ok("logs", "JOB=run-1"))
    assert SECRET in project.ok("logs", "JOB=run-1")
    lab = project.container("lab")
    running = docker("exec", lab, "sh", "-c", "cat /proc/[0-9]*/environ ~/.aws/credentials")
    assert SECRET in running and "HF_TOKEN=hf-canary" in running and "aws-canary" in running
    job = project.container("task")
    seen = docker("inspect", lab, job, project.image) + docker("logs", lab)
    seen += docker("image", "history", "--no-trunc", project.image)
    seen += subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    left = [file for file in project.path.rglob("*") if file.is_file() and file.name != ".env"]
    seen += "".join(file.read_text(errors="replace") for file in left)
    assert "-canary" not in seen and "{{more}}" not in seen
    # A running notebook keeps what it has.
    assert "'make stop notebook PASS=HF_TOKEN'" in project.make("notebook", "PASS=HF_TOKEN").stderr
    # Without a volume, Docker could make the home folder as root.
    project.ok("stop")
    project.ok("clean")
    (project.path / ".env").open("a").write("PASS=~/.aws\n")
    assert project.run("touch ~/new; cat ~/.aws/credentials", **environment) == "aws-canary"
    for name, words in {
        "NOT_SET": "NOT_SET is not set",
        "~/.kaggle": "~/.kaggle does not exist",
        "/etc": "PASS cannot have '/etc'",
        "A B": "PASS cannot have 'A B'",
    }.items():
        assert words in project.error("run", "CMD=true", f"PASS={name}", **environment)

"""A Slurm cluster of two nodes on this machine, from Debian's packages, and a login node that ssh reaches."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from support import free_port, wait_until

PACKAGES = ["slurmctld", "slurmd", "slurm-client", "munge"]

# A memory limit is a cgroup's, as in most clusters. The second partition rejects jobs of more than a minute.
CONFIGURATION = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
ProctrackType=proctrack/cgroup
TaskPlugin=task/cgroup
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
ReturnToService=2
EnforcePartLimits=ALL
GresTypes=gpu
KillWait=3
MinJobAge={min_job_age}
SchedulerParameters=sched_interval=1,batch_sched_delay=0,requeue_delay=0
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=8000
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=8000
PartitionName=main Nodes=ALL Default=YES MaxTime=UNLIMITED State=UP
PartitionName=short Nodes=ALL MaxTime=1 State=UP
"""
CGROUPS = "CgroupAutomount=yes\nIgnoreSystemd=yes\nConstrainRAMSpace=yes\nAllowedSwapSpace=0\nConstrainSwapSpace=no\n"


# `build FILE docker-archive:ARCHIVE` writes the files of the image and their environment, and `exec` runs a command in
# them with the folders that `--mount` names. Unlike Apptainer, it separates only mounts and processes.
STAND_IN = """\
#!/bin/sh
set -eu
[ "$1" != --quiet ] || shift
command=$1
shift
if [ "$command" = build ]; then
  image=$(docker load --quiet --input "${2#docker-archive:}" | sed 's/^Loaded image: //')
  container=$(docker create "$image")
  trap 'docker rm "$container" >/dev/null' EXIT
  mkdir "$1.files"
  docker export "$container" | tar -xf - -C "$1.files"
  format='{{range .Config.Env}}{{println .}}{{end}}'
  docker image inspect --format "$format" "$image" | sed '/^$/d' >"$1.files/.environment"
  tar -cf "$1" -C "$1.files" .
  rm -rf "$1.files"
  exit
fi
root=$(mktemp -d)
export root
binds=''
while :; do
  case $1 in
    --mount) binds="$binds$(echo "$2" | sed 's/^type=bind,"*source=//; s/"*,destination=/|/')
" && shift 2 ;;
    --pwd) shift 2 ;;
    --*) shift ;;
    *) break ;;
  esac
done
tar -xf "$1" -C "$root"
shift
export binds
trap 'rm -rf --one-file-system "$root"' EXIT
status=0
unshare --mount --pid --fork --kill-child sh -euc '
  mount --bind "$root" "$root"
  printf %s "$binds" | while IFS="|" read -r from to; do mkdir -p "$root$to" && mount --bind "$from" "$root$to"; done
  mount -t proc proc "$root/proc" && mount --rbind /dev "$root/dev"
  mount -o remount,ro,bind "$root"
  exec chroot "$root" /usr/bin/env -i $(cat "$root/.environment") /bin/sh -c "cd /workspace && exec \\"\\$@\\"" sh "$@"
' sh "$@" &
child=$!
trap 'kill -TERM $(pgrep -P "$child") 2>/dev/null || true' TERM
wait "$child" || status=$?
while kill -0 "$child" 2>/dev/null; do status=0; wait "$child" || status=$?; done
exit "$status"
"""


def missing(words: str):
    """Skip, unless this machine is one that tests everything."""
    pytest.fail(words) if os.environ.get("REQUIRE_ENGINE") else pytest.skip(words)


def require(packages: list[str], program: str) -> None:
    """Install Debian's packages if a program is missing, without starting what is in them."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a cluster")
    if shutil.which(program):
        return
    if not shutil.which("apt-get"):
        missing(f"{program} is missing, and so is apt-get")
    policy = Path("/usr/sbin/policy-rc.d")
    mine = not policy.exists()
    if mine:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            done = subprocess.run(["apt-get", "--quiet", *words], capture_output=True, text=True, env=environment)
    finally:
        if mine:
            policy.unlink()
    if done.returncode:
        missing(f"{program} cannot be installed: {done.stderr.strip().splitlines()[-1]}")


def path_with_apptainer(folder: Path) -> str:
    """Return a PATH with Apptainer, or if this machine has none, with the stand-in."""
    if shutil.which("apptainer") or shutil.which("singularity"):
        return os.environ["PATH"]
    (folder / "bin").mkdir()
    program = folder / "bin" / "apptainer"
    program.write_text(STAND_IN)
    program.chmod(0o755)
    return f"{program.parent}:{os.environ['PATH']}"


@contextlib.contextmanager
def login_node(folder: Path, environment: dict[str, str]):
    """Start an SSH server as the machine `login`, and yield the folder of an `ssh` that knows it.

    Functions to stop and start the server follow. Commands have the environment there.
    """
    require(["openssh-server"], "sshd")
    for name in ("host", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name], check=True)
    port = free_port()
    Path("/run/sshd").mkdir(exist_ok=True)
    variables = " ".join(f'"{name}={value}"' for name, value in environment.items())
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/key.pub\n"
        f"PidFile none\nStrictModes no\nPermitRootLogin yes\nUsePAM no\nSetEnv {variables}\n"
    )
    (folder / "config").write_text(
        f"Host login\nHostName 127.0.0.1\nPort {port}\nUser root\nIdentityFile {folder}/key\nIdentitiesOnly yes\n"
        f"UserKnownHostsFile {folder}/known\nStrictHostKeyChecking no\nLogLevel ERROR\n"
    )
    (folder / "bin").mkdir(exist_ok=True)
    ssh = folder / "bin" / "ssh"
    ssh.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F "{folder}/config" "$@"\n')
    ssh.chmod(0o755)
    servers = []

    def start():
        servers.append(
            subprocess.Popen([shutil.which("sshd"), "-D", "-f", folder / "sshd_config"], start_new_session=True)
        )
        done = wait_until(lambda: subprocess.run([ssh, "login", "true"], capture_output=True).returncode == 0)
        assert done

    def stop():
        server = servers.pop()
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()

    start()
    try:
        yield ssh.parent, stop, start
    finally:
        for server in servers:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


class Cluster:
    """A controller and two nodes, with their files in one folder. Their environment has `SLURM_CONF`."""

    def __init__(self, folder: Path, min_job_age: int = 300):
        self.folder = folder
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": path_with_apptainer(folder)}
        self.processes: list[subprocess.Popen] = []
        host = socket.gethostname().split(".")[0]
        ports = [free_port() for _ in range(3)]
        text = CONFIGURATION.format(host=host, folder=folder, ports=ports, min_job_age=min_job_age)
        (folder / "slurm.conf").write_text(text)
        (folder / "cgroup.conf").write_text(CGROUPS)
        (folder / "state").mkdir()
        (folder / "munge").mkdir(mode=0o700)

    def __enter__(self):
        key = self.folder / "munge" / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        files = [f"--{name}-file={self.folder}/munge/{name}" for name in ("key", "log", "pid", "seed")]
        self.spawn("munged", "--foreground", "--force", f"--socket={self.folder}/munge.socket", *files)
        wait_until(lambda: (self.folder / "munge.socket").exists())
        self.spawn("slurmctld", "-D", "-c")
        for name in ("node1", "node2"):
            self.spawn("slurmd", "-D", "-N", name)
        wait_until(lambda: self.ask("sinfo", "--noheader", "--format=%t", "--partition=main").split() == ["idle"])
        return self

    def spawn(self, *command: str) -> None:
        """Start a daemon in a process group of its own."""
        log = (self.folder / "output.log").open("a")
        environment = {**os.environ, **self.environment}
        self.processes.append(
            subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=log, start_new_session=True)
        )

    def ask(self, *command: str) -> str:
        """Run a command of Slurm, and return what it prints."""
        done = subprocess.run(command, env={**os.environ, **self.environment}, capture_output=True, text=True)
        return done.stdout.strip()

    def jobs(self) -> list[str]:
        """Return the states of the jobs that are pending or running."""
        return self.ask("squeue", "--noheader", "--format=%T").split()

    def __exit__(self, *_):
        self.ask("scancel", "--state=RUNNING", "--full", "--signal=KILL")
        self.ask("scancel", "--user=root")
        with contextlib.suppress(AssertionError):
            wait_until(lambda: not self.jobs(), 20)
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

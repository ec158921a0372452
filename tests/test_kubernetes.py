"""Jobs on a real Kubernetes cluster, whose node runs pods, with logs and limits, but has no Services and no DNS."""

import contextlib
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from pathlib import Path

import pytest
import yaml
from kubernetes import cluster  # noqa: F401
from support import Project, docker, free_port, running, unique, wait_until

pytestmark = pytest.mark.docker

COMPONENTS = {
    path.parent.name
    for path in Path(__file__).parent.parent.glob("*/deploy/kubernetes/*/kustomization.yaml")
    if "kind: Component" in path.read_text()
}


@pytest.fixture(scope="module")
def project(built, cluster):  # noqa: F811
    """A copy of the built project whose release image the node has, and a disk for its claim."""
    built.ok("release")
    release = built.setting("RELEASE_IMAGE")
    cluster.load(release)
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        disk = Path(name) / "disk"
        disk.mkdir()
        disk.chmod(0o777)
        volume = {
            "apiVersion": "v1",
            "kind": "PersistentVolume",
            "metadata": {"name": cluster.namespace},
            "spec": {
                "capacity": {"storage": "20Gi"},
                "accessModes": ["ReadWriteOnce"],
                "claimRef": {"namespace": cluster.namespace, "name": built.slug},
                "hostPath": {"path": str(disk)},
            },
        }
        cluster.kubectl("apply", "--filename=-", text=json.dumps(volume))
        copied = shutil.copytree(built.path, Path(name) / "a project", symlinks=True, ignore=_state)
        mine = Project(copied)
        mine.release, mine.disk = release, disk
        with (copied / ".env").open("a") as settings:
            settings.write(f"KUBE_NAMESPACE={cluster.namespace}\n")
        try:
            yield mine
        finally:
            mine.remove_clone()
            cluster.kubectl("delete", "persistentvolume", cluster.namespace, "--wait=false", check=False)


_state = shutil.ignore_patterns(".local")


@pytest.fixture
def remote(project, cluster):  # noqa: F811
    """Run make for the cluster: `remote(project.ok, "train")`. Nothing of a job may stay there."""

    def run(method, *arguments, **options):
        return method(*arguments, "ON=kubernetes", **{**cluster.environment, **options})

    before = project.read("deploy/kubernetes/base/job.yaml")
    yield run
    (project.path / "deploy/kubernetes/base/job.yaml").write_text(before)
    for job in states(project, cluster):
        project.ok("cancel", f"JOB={job}", **cluster.environment)
    wait_until(lambda: cluster.kubectl("get", "job,pod,service,networkpolicy,secret", "--output=name") == "")
    project.ok("clean", **cluster.environment)


def states(project, cluster) -> dict[str, str]:  # noqa: F811
    """Return the state of each job that `make jobs` lists."""
    lines = project.ok("jobs", **cluster.environment).splitlines()
    return dict(re.match(r"(\S+) +(.+?)  ", line).groups() for line in lines if "kubernetes: " in line)


def change_job(project, old: str, new: str) -> None:
    """Replace a part of the manifest, as its owner would."""
    file = project.path / "deploy/kubernetes/base/job.yaml"
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


def following(project, cluster, *arguments: str):  # noqa: F811
    """Start `make run` on the cluster, whose output the test reads."""
    settings = ("ON=kubernetes", f"KUBECONFIG={cluster.kubeconfig}")
    return running("make", "run", *settings, *arguments, folder=project.path)


def test_training_on_a_cluster_gives_the_same_bytes(project, remote):
    project.ok("data")
    project.ok("train")
    metrics, model = project.path / "reports/metrics.json", project.path / "models/model.joblib"
    expected = metrics.read_bytes()
    metrics.unlink()
    model.unlink()
    # Other tests use the project, too.
    predictions = project.path / "data/processed/predictions.csv"
    predictions.unlink(missing_ok=True)
    shown = remote(project.ok, "train")
    assert "files of data" in shown and "accuracy=" in shown
    assert metrics.read_bytes() == expected and model.exists()
    trace = json.loads(project.read("reports/trace.json"))
    assert trace["image"] == docker("image", "inspect", "--format", "{{.Id}}", project.release)
    # The model goes there, and predictions come back. Data that is there already is not sent again.
    assert "sending" not in remote(project.ok, "predict")
    assert predictions.exists()
    # What is new is sent, and what is gone is removed.
    (project.path / "data/external/new file.txt").write_text("new")
    assert "new" in remote(project.ok, "run", "CMD=cat 'data/external/new file.txt'")
    (project.path / "data/external/new file.txt").unlink()
    assert "'data/external/new file.txt'" not in remote(project.ok, "run", "CMD=find data -type f")


def test_commands_arrive_as_typed_and_their_status_returns(project, remote):
    done = remote(project.make, "run", "CMD=printf '%s|' \"a  b\" '$HOME' 'ü\\' \"it's\"; echo; exit 7")
    assert "a  b|$HOME|ü\\|it's|\n" in done.stdout
    assert done.returncode != 0 and "failed (7)" in done.stderr
    secret = 'it\'s $HOME\n"{{x}}"'
    command = 'CMD=printf %s "$API_KEY" >models/key; id -u'
    shown = remote(project.ok, "run", "PASS=API_KEY", command, API_KEY=secret)
    assert (project.path / "models/key").read_text() == secret
    (project.path / "models/key").unlink()
    assert "10001\n" in shown
    assert "'~/.aws'" in remote(project.error, "run", "CMD=true", "PASS=~/.aws")
    assert "Leave out ON" in remote(project.error, "test")
    assert "Use ON= with one of: kubernetes" in project.error("train", "ON=mars")


def test_a_job_goes_on_without_its_terminal(project, remote, cluster):  # noqa: F811
    remote(project.ok, "run", "DETACH=1", "CMD=until [ -e models/go ]; do sleep 0.2; done; echo out")
    job = next(iter(states(project, cluster)))
    wait_until(lambda: states(project, cluster)[job] == "running")
    assert "Wait for it" in project.error("clean", **cluster.environment)
    settings = ("FOLLOW=1", f"KUBECONFIG={cluster.kubeconfig}")
    with running("make", "logs", f"JOB={job}", *settings, folder=project.path):
        (project.disk / "jobs" / job / "models" / "go").touch()
        wait_until(lambda: states(project, cluster)[job] == "done")
    assert "out\n" in project.ok("logs", f"JOB={job}", "FOLLOW=1", **cluster.environment)
    assert (project.path / "models/go").exists()
    (project.path / "models/go").unlink()
    # What it wrote until it is cancelled comes back, too.
    remote(project.ok, "run", "DETACH=1", "CMD=echo part >reports/part; sleep 1000")
    job = next(iter(states(project, cluster)))
    wait_until(lambda: (project.disk / "jobs" / job / "reports" / "part").exists())
    assert " cancelled " in project.ok("cancel", f"JOB={job}", **cluster.environment)
    assert project.read("reports/part") == "part\n"
    (project.path / "reports/part").unlink()


@pytest.mark.parametrize("answer", ["n", "y"])
def test_an_interrupt_asks_what_to_do_with_the_job(project, remote, cluster, answer):  # noqa: F811
    process, terminal = pty.fork()
    if process == 0:
        os.chdir(project.path)
        command = ["make", "run", "ON=kubernetes", "CMD=echo begun; sleep 1000"]
        os.execvpe("make", command, {**os.environ, **cluster.environment})
    shown = b""
    sent = answered = False
    with contextlib.suppress(OSError):
        while text := os.read(terminal, 1000):
            shown += text
            if not sent and b"begun" in shown:
                os.write(terminal, b"\x03")
                sent = True
            elif not answered and b"[y/N]" in shown:
                os.write(terminal, answer.encode() + b"\n")
                answered = True
    os.close(terminal)
    assert os.waitpid(process, 0)[1] != 0
    (state,) = {state for job, state in states(project, cluster).items() if job.encode() in shown}
    assert state == {"n": "running", "y": "cancelled"}[answer], shown


def test_what_is_wrong_is_said_before_anything_is_sent(project, remote, cluster, host):  # noqa: F811
    (host / "docker").symlink_to(shutil.which("docker"))
    assert "kubectl is not installed" in remote(project.error, "train", PATH=str(host))
    assert "KUBE_CONTEXT" in remote(project.error, "train", KUBE_CONTEXT="nowhere")
    assert "KUBE_NAMESPACE" in remote(project.error, "train", KUBE_NAMESPACE="nowhere")
    assert "does not answer" in remote(project.error, "train", KUBECONFIG=rewired(cluster, project, free_port()))
    cluster.kubectl("create", "serviceaccount", "nobody")
    token = cluster.kubectl("create", "token", "nobody")
    stranger = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    stranger["users"][0]["user"] = {"token": token}
    assert "may not create jobs" in remote(project.error, "train", KUBECONFIG=written(project, stranger))
    stranger["users"][0]["user"] = {"token": token + "x"}
    assert "does not accept your login" in remote(project.error, "train", KUBECONFIG=written(project, stranger))
    assert "REPOSITORY" in remote(project.error, "train", REPOSITORY="127.0.0.1:1/x/y")
    for setting in ("NODES=0", "TASKS=x", "KUBE_DATA=disk", "NODES=2 TASKS=2", "KUBE_DATA=source DATA_SOURCE=../x"):
        remote(project.error, "train", *setting.split())
    assert states(project, cluster) == {}


def written(project, configuration: dict) -> str:
    """Write a kubeconfig and return its path."""
    path = project.path / ".local" / "kubeconfig"
    path.write_text(yaml.safe_dump(configuration))
    return str(path)


def rewired(cluster, project, port: int) -> str:  # noqa: F811
    """Return the path of a kubeconfig that reaches the cluster at another port."""
    configuration = yaml.safe_load(Path(cluster.kubeconfig).read_text())
    configuration["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{port}"
    return written(project, configuration)


def test_an_image_that_is_missing_leaves_nothing(project, remote, cluster):  # noqa: F811
    file = project.path / "src" / "changed.py"
    file.write_text("")
    assert "cannot pull the image" in remote(project.make, "run", "CMD=true").stderr
    file.unlink()
    assert states(project, cluster) == {}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('requests: {cpu: "1"', 'requests: {cpu: "100"', "the quota 'quota' of the namespace has no room"),
        ('requests: {cpu: "1"', 'requests: {cpu: "7"', "no node has the cpu that it requests"),
        ("limits: {memory: 4Gi}", 'limits: {memory: 4Gi, nvidia.com/gpu: "1"}', "no node has a free GPU"),
    ],
    ids=["quota", "busy", "gpu"],
)
def test_a_job_that_waits_says_why(project, remote, cluster, old, new, reason):  # noqa: F811
    change_job(project, old, new)
    with following(project, cluster, "CMD=true") as job:
        line = job.stderr.readline()
        assert reason in line and line.startswith("note: ") and line.endswith(".\n")
        os.killpg(job.pid, signal.SIGINT)
        assert "goes on" in job.communicate()[0]


def test_a_cluster_that_refuses_the_job_says_why(project, remote, cluster):  # noqa: F811
    change_job(project, "runAsNonRoot: true", "runAsNonRoot: false")
    # The policy applies to pods, so the job is there and has none.
    with following(project, cluster, "CMD=true") as job:
        assert "Pod Security Standard" in job.stderr.readline()
    policy = f"""
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {{name: {cluster.namespace}}}
spec:
  matchConstraints:
    resourceRules: [{{apiGroups: [batch], apiVersions: [v1], operations: [CREATE], resources: [jobs]}}]
  validations: [{{expression: "object.metadata.labels['team'] == 'x'", message: every job names its team}}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {{name: {cluster.namespace}}}
spec:
  policyName: {cluster.namespace}
  validationActions: [Deny]
  matchResources: {{namespaceSelector: {{matchLabels: {{kubernetes.io/metadata.name: {cluster.namespace}}}}}}}
"""
    cluster.kubectl("apply", "--filename=-", text=policy)
    try:
        wait_until(lambda: "does not admit the job" in remote(project.make, "run", "DETACH=1", "CMD=true").stderr)
    finally:
        cluster.kubectl("delete", "--filename=-", text=policy)


def test_a_queue_starts_the_job_when_it_has_room(project, remote, cluster):  # noqa: F811
    with following(project, cluster, "CMD=echo admitted", "QUEUE=team-a") as job:
        assert "the queue team-a has not admitted it yet" in job.stderr.readline()
        (found,) = cluster.get("jobs")["items"]
        assert found["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
        # As Kueue does, which is not on this cluster.
        cluster.kubectl("patch", "job", found["metadata"]["name"], "--patch", '{"spec": {"suspend": false}}')
        shown, errors = job.communicate()
        assert job.returncode == 0 and "admitted\n" in shown, errors


def test_a_job_out_of_memory_is_said_to_be(project, remote):
    change_job(project, "limits: {memory: 4Gi}", "limits: {memory: 64Mi}")
    change_job(project, "memory: 1Gi}", "memory: 64Mi}")
    done = remote(project.make, "run", 'CMD=python -c "bytearray(10**9)"')
    assert done.returncode != 0 and "ran out of memory" in done.stderr


def test_a_preempted_job_starts_again_with_its_checkpoint(project, remote, cluster):  # noqa: F811
    count = "echo $(($(cat models/count 2>/dev/null || echo 0) + 1)) >models/count; cat models/count; "
    command = f"CMD={count} [ $(cat models/count) = 2 ] || sleep 1000"
    with following(project, cluster, command) as job:
        wait_until(lambda: job.stdout.readline() == "1\n")
        cluster.kubectl("create", "priorityclass", cluster.namespace, "--value=1000")
        try:
            cores = cluster.get("node", "real")["status"]["allocatable"]["cpu"]
            cluster.kubectl("apply", "--filename=-", text=json.dumps(pod(cluster, project, f"{int(cores) - 1}500m")))
            wait_until(lambda: cluster.get("pod", "urgent")["status"]["phase"] == "Running")
            cluster.kubectl("delete", "pod", "urgent", "--force", "--grace-period=0")
            shown, errors = job.communicate()
            assert job.returncode == 0 and "2\n" in shown, errors
        finally:
            cluster.kubectl("delete", "priorityclass", cluster.namespace)
    assert project.read("models/count") == "2\n"
    (project.path / "models/count").unlink()


def pod(cluster, project, cpu: str) -> dict:  # noqa: F811
    """Return a pod that is more urgent than the project's jobs."""
    restricted = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    container = {
        "name": "main",
        "image": project.release,
        "imagePullPolicy": "IfNotPresent",
        "command": ["sleep", "1000"],
        "resources": {"requests": {"cpu": cpu, "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "securityContext": restricted,
    }
    spec = {
        "priorityClassName": cluster.namespace,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "urgent"}, "spec": spec}


class Relay:
    """Passes connections on to the cluster, until it is cut."""

    def __init__(self, port: int):
        self.open = [socket.create_server(("127.0.0.1", 0))]
        self.port = self.open[0].getsockname()[1]
        self.target = port
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                near, _ = self.open[0].accept()
                far = socket.create_connection(("127.0.0.1", self.target))
                self.open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self.copy, args=pair, daemon=True).start()

    @staticmethod
    def copy(source, sink):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)

    def cut(self):
        for each in self.open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def test_a_lost_connection_leaves_the_job_running(project, remote, cluster):  # noqa: F811
    server = yaml.safe_load(Path(cluster.kubeconfig).read_text())["clusters"][0]["cluster"]["server"]
    relay = Relay(int(server.rpartition(":")[2]))
    settings = f"KUBECONFIG={rewired(cluster, project, relay.port)}"
    command = "CMD=echo one; until [ -e models/go ]; do sleep 0.2; done; echo two"
    with following(project, cluster, command, settings) as job:
        wait_until(lambda: job.stdout.readline() == "one\n")
        relay.cut()
        errors = job.communicate()[1]
        assert "does not answer" in errors and "goes on" in errors and "make logs JOB=" in errors
    (name,) = states(project, cluster)
    assert states(project, cluster)[name] == "running"
    (project.disk / "jobs" / name / "models" / "go").touch()
    shown = project.ok("logs", f"JOB={name}", "FOLLOW=1", **cluster.environment)
    assert re.findall("^(one|two)$", shown, re.MULTILINE) == ["one", "two"]
    (project.path / "models/go").unlink()


def test_tasks_run_beside_each_other(project, remote, cluster):  # noqa: F811
    change_job(project, 'requests: {cpu: "1"', "requests: {cpu: 10m")
    done = remote(project.make, "run", "TASKS=3", "CMD=echo $TASK >reports/task-$TASK; [ $TASK != 1 ] || exit 4")
    assert done.returncode != 0 and "failed (4)" in done.stderr
    for number in range(3):
        assert project.read(f"reports/task-{number}") == f"{number}\n"
        (project.path / f"reports/task-{number}").unlink()


def test_every_component_is_admitted(project, remote, cluster):  # noqa: F811
    expected = {
        "gpu": ("nvidia.com/gpu", {"ACCELERATOR": "cuda"}),
        "queue": ("kueue.x-k8s.io/queue-name", {"QUEUE": "x"}),
        "nodes": ("PET_MASTER_ADDR", {"NODES": "2"}),
        "tasks": ("backoffLimitPerIndex", {"TASKS": "2"}),
        "pass": ("/run/variables", {"PASS": "USER", "USER": "x"}),
        "source": ("rclone", {"KUBE_DATA": "source", "DATA_SOURCE": "s3://bucket/x"}),
    }
    assert set(expected) == COMPONENTS
    for words, settings in expected.values():
        if "ACCELERATOR" in settings:
            # Under the name of the image for CUDA, which has 5 GB.
            project.make("train", "ON=kubernetes", "ACCELERATOR=cuda", KUBECONFIG="/dev/null")
            docker("tag", project.release, project.setting("RELEASE_IMAGE"))
            cluster.load(project.setting("RELEASE_IMAGE"))
        remote(project.ok, "run", "DETACH=1", "CMD=true", **settings)
        (job,) = cluster.get("jobs")["items"]
        assert words in json.dumps(job)
        # The policy is about pods, so they have to be there, unless the job is suspended.
        if not job["spec"].get("suspend"):
            wait_until(lambda: cluster.get("pods", "--selector=batch.kubernetes.io/job-name")["items"])
        (name,) = (name for name, state in states(project, cluster).items() if state != "cancelled")
        project.ok("cancel", f"JOB={name}", **cluster.environment)


def test_a_job_copies_its_data_from_the_source(project, remote, cluster, tmp_path):  # noqa: F811
    tmp_path.chmod(0o755)
    raw = tmp_path / "store" / "bucket" / "my data" / "raw"
    raw.mkdir(parents=True)
    (raw / "from there.txt").write_text("from there")
    (address,) = (x["address"] for x in cluster.get("node", "real")["status"]["addresses"] if x["type"] == "InternalIP")
    cluster.load("rclone/rclone:1")
    keys = ("--env=ROOT_ACCESS_KEY=abc", "--env=ROOT_SECRET_KEY=secretsecret", f"--volume={tmp_path}/store:/store")
    name, port = unique("s3"), free_port()
    image = ("versity/versitygw:v1.8.0", "--port=:7070", "posix", "/store")
    docker("run", "--detach", f"--name={name}", f"--publish={address}:{port}:7070", *keys, *image)
    try:
        settings = {
            "KUBE_DATA": "source",
            "DATA_SOURCE": "s3://bucket/my data",
            "RCLONE_CONFIG_DATA_ENDPOINT": f"http://{address}:{port}",
            "AWS_ACCESS_KEY_ID": "abc",
            "AWS_SECRET_ACCESS_KEY": "secretsecret",
        }
        command = "CMD=cat data/raw/*; ls data/raw; env; cp data/raw/* data/processed"
        shown = remote(project.ok, "run", command, **settings)
        assert "from there" in shown and "tumors.csv" not in shown and "secretsecret" not in shown
        assert project.read("data/processed/from there.txt") == "from there"
        (project.path / "data/processed/from there.txt").unlink()
        settings["DATA_SOURCE"] = "s3://nothing/x"
        assert "there is nothing at DATA_SOURCE" in remote(project.make, "run", command, **settings).stderr
    finally:
        docker("rm", "--force", "--volumes", name)


@pytest.fixture
def simulated_nodes(cluster):  # noqa: F811
    """Add 1,000 nodes whose pods only seem to run."""
    subprocess.run([cluster.program, "up", "--real-node"], env={**os.environ, "NODES": "1000"}, check=True)
    try:
        yield
    finally:
        # In one request: kubectl sends one for each, a few in a second.
        cluster.kubectl("delete", "--raw=/api/v1/nodes?labelSelector=engine%2Fnode%21%3Dreal")
        wait_until(lambda: cluster.kubectl("get", "nodes", "--output=name") == "node/real")


def test_a_job_of_1000_pods_is_followed_and_cancelled(project, remote, cluster, simulated_nodes):  # noqa: F811
    cluster.kubectl("delete", "resourcequota", "quota")
    file = project.path / "deploy/kubernetes/transfer/pod.yaml"
    file.write_text(file.read_text().replace("spec:\n", "spec:\n  nodeSelector: {engine/node: real}\n", 1))
    # Simulated pods would end after two seconds.
    change_job(project, "  template:\n", "  template:\n    metadata: {annotations: {engine/outcome: run}}\n")
    change_job(project, "restartPolicy: Never", "restartPolicy: Never\n      nodeSelector: {kubernetes.io/os: linux}")
    shown = remote(project.ok, "run", "TASKS=1000", "DETACH=1", "CMD=sleep 1000")
    (job,) = re.findall(r"JOB=(\S+) FOLLOW", shown)
    settings = ("FOLLOW=1", f"KUBECONFIG={cluster.kubeconfig}")
    with running("make", "logs", f"JOB={job}", *settings, folder=project.path) as followed:
        wait_until(lambda: "of 1000" in (line := followed.stderr.readline()) and "1000 of 1000" in line)
    assert states(project, cluster)[job] == "running"
    project.ok("cancel", f"JOB={job}", **cluster.environment)
    assert cluster.kubectl("get", "pods", "--output=name") == ""

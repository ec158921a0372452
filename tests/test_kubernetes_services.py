"""Services on a real Kubernetes cluster. It has no Services and no DNS, so a test connects to the addresses of pods."""

import json
import re
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
from conftest import TEMPLATE
from kubernetes import cluster  # noqa: F401
from support import docker, edit, free_port, running, unique, wait_until

pytestmark = pytest.mark.docker

ON_KUBERNETES = sorted(file.parent.parent.name for file in TEMPLATE.glob("services/*/kubernetes/kustomization.yaml"))
KINDS = "deployments,services,horizontalpodautoscalers,poddisruptionbudgets,networkpolicies"
CAPABILITIES = ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
# What a pod says of itself. It ends with an error if it can write to its root or to the data.
CONFINEMENT = """
set -eu
grep -E '^(Uid|Cap|NoNewPrivs|Seccomp:)' /proc/self/status
echo "shm: $(stat -f -c %T /dev/shm)"
! touch /written /opt/written 2>/dev/null
! test -e /var/run/secrets/kubernetes.io
echo done
"""


@pytest.fixture(scope="module")
def registry(engine):
    """The address of an empty registry, which the node can read, too."""
    name, port = unique("registry"), free_port()
    docker("run", "--detach", "--name", name, "--publish", f"127.0.0.1:{port}:5000", "registry:2")
    yield f"127.0.0.1:{port}"
    docker("rm", "--force", "--volumes", name)


@pytest.fixture(scope="module")
def project(generate, cluster, registry):  # noqa: F811
    """A project with a trained model, whose images go to the registry."""
    mine = generate("kube", services="api,dask").slim()
    # The node is small, and has other pods.
    for file in Path(mine.path).glob("services/*/kubernetes/*.yaml"):
        file.write_text(re.sub(r"cpu: \d+m", "cpu: 50m", file.read_text()))
    settings = {**cluster.environment, "REPOSITORY": f"{registry}/team/{mine.slug}", "START_TIMEOUT": "180"}
    with open(mine.path / ".env", "a") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
    mine.ok("train")
    return mine


@pytest.fixture(scope="module")
def on(project, cluster):  # noqa: F811
    """Run a target for a service on the cluster: `on("up", "api")`."""

    def make(target, service, run=project.ok, **environment):
        return run(target, f"SERVICE={service}", "ON=kubernetes", KUBECONFIG=cluster.kubeconfig, **environment)

    return make


@pytest.fixture
def api(on, cluster):  # noqa: F811
    """Two running pods with the API. They stay for the next test."""
    on("up", "api")
    wait_until(lambda: all(is_ready(pod) for pod in pods(cluster, "api")) and len(pods(cluster, "api")) == 2)
    return on


def clone(project):
    return project.lines(".local/clone")[0]


def ready(cluster, project, service):  # noqa: F811
    """Return the addresses to which kube-proxy would send requests now."""
    slices = cluster.get("endpointslices", f"--selector=kubernetes.io/service-name={service}-{clone(project)}")
    endpoints = [endpoint for each in slices["items"] for endpoint in each["endpoints"] or ()]
    return [address for each in endpoints if each["conditions"]["ready"] for address in each["addresses"]]


def pods(cluster, service):  # noqa: F811
    """Return the pods of a service that are not ending."""
    found = cluster.get("pods", f"--selector=service={service}")["items"]
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def is_ready(pod):
    conditions = pod["status"].get("conditions", ())
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)


def request(address, path, body=None):
    """Send a request to a pod, and return the status and the answer. Without an answer, the status is the reason."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Content-Type": "application/json"}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        url = f"http://{address}:8000{path}"
        with opener.open(urllib.request.Request(url, data, headers), timeout=30) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()
    except OSError as error:
        return repr(error), None


class Load:
    """Clients that send rows to the pods that are ready, each with a new connection, and count the answers."""

    def __init__(self, cluster, project, row):  # noqa: F811
        self.answers = Counter()
        self.addresses = ready(cluster, project, "api")
        self.ended = threading.Event()
        threads = [threading.Thread(target=self.send, args=(row,)) for _ in range(3)]
        self.threads = [*threads, threading.Thread(target=self.follow, args=(cluster, project))]

    def follow(self, cluster, project):  # noqa: F811
        while not self.ended.is_set():
            self.addresses = ready(cluster, project, "api")
            time.sleep(0.5)

    def send(self, row):
        number = 0
        while not self.ended.is_set():
            addresses = self.addresses
            number += 1
            answer = request(addresses[number % len(addresses)], "/predict", row)[0] if addresses else "nobody is ready"
            self.answers[answer] += 1
            # Leave processor time for the pods that start.
            time.sleep(0.05)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        for thread in self.threads:
            thread.join()


def change_model(project):
    """Write another model: the same, with one attribute more."""
    package = project.slug.replace("-", "_")
    code = f"from {package} import model; new = model.load(model.FILE); new.changed = {time.time()}; "
    project.run(f'python -c "{code}model.save(new, model.FILE)"')


def gone(cluster, names):  # noqa: F811
    """Return whether pods are gone for good, not only ending."""
    return not names & {pod["metadata"]["name"] for pod in cluster.get("pods")["items"]}


def test_api_is_confined(api, cluster):  # noqa: F811
    listed = api("ps", "api")
    name = pods(cluster, "api")[0]["metadata"]["name"]
    assert name in listed
    assert "Application startup complete" in api("logs", "api")
    lines = cluster.kubectl("exec", name, "--", "sh", "-c", CONFINEMENT).splitlines()
    found = dict(line.split(":", 1) for line in lines if ":" in line)
    assert lines[-1] == "done" and found["Uid"].split() == ["10001"] * 4
    assert {found[kind].strip() for kind in CAPABILITIES} == {"0" * 16}
    assert (found["NoNewPrivs"].strip(), found["Seccomp"].strip(), found["shm"].strip()) == ("1", "2", "tmpfs")


def test_same_or_damaged_model_changes_nothing(api, cluster, project):  # noqa: F811
    before = {pod["metadata"]["uid"] for pod in pods(cluster, "api")}
    api("up", "api")
    file = project.path / "models" / "model.joblib"
    good = file.read_bytes()
    try:
        for change in (lambda: file.write_bytes(b"damaged"), file.unlink):
            change()
            problem = api("up", "api", run=project.error)
            assert "the model in models/ is missing or cannot be read. Train it: make train." in problem
    finally:
        file.write_bytes(good)
    assert {pod["metadata"]["uid"] for pod in pods(cluster, "api")} == before


def test_update_and_rollback_fail_no_request(api, cluster, project):  # noqa: F811
    output = api("up", "api")
    assert f"port-forward service/api-{clone(project)} 8000" in output
    addresses = ready(cluster, project, "api")
    row = json.loads(project.run("python -m services.api.example --rows 1"))
    before = {pod["metadata"]["name"] for pod in pods(cluster, "api")}
    images = {pod["spec"]["containers"][0]["image"] for pod in pods(cluster, "api")}
    since = request(addresses[0], "/ready")[1]["model_of"]

    with Load(cluster, project, row) as load:
        change_model(project)
        api("up", "api", API_MAX_ROWS="3")
        wait_until(lambda: gone(cluster, before))
        updated = load.answers.total()
        address = ready(cluster, project, "api")[0]
        assert request(address, "/ready")[1]["model_of"] > since
        # What is set here reaches the pods.
        assert request(address, "/predict/batch", {"rows": [row] * 4})[0] == 422

        after = {pod["metadata"]["name"] for pod in pods(cluster, "api")}
        cluster.kubectl("rollout", "undo", f"deployment/api-{clone(project)}")
        wait_until(lambda: gone(cluster, after))
        assert {pod["spec"]["containers"][0]["image"] for pod in pods(cluster, "api")} == images
        assert request(ready(cluster, project, "api")[0], "/ready")[1]["model_of"] == since
    assert set(load.answers) == {200}, load.answers
    assert 100 < updated < load.answers.total()


@pytest.fixture
def shared_claim(cluster, project):  # noqa: F811
    """A claim that several nodes can read, with a file in its data folder."""
    folder = Path(f"/var/tmp/{unique('claim')}")
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "number.txt").write_text("41")
    size, modes = {"storage": "1Gi"}, ["ReadWriteMany"]
    name = cluster.namespace + "-shared"
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name},
        "spec": {"capacity": size, "accessModes": modes, "hostPath": {"path": str(folder)}, "storageClassName": ""},
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": project.slug},
        "spec": {
            "accessModes": modes,
            "resources": {"requests": size},
            "storageClassName": "",
            "volumeName": name,
        },
    }
    cluster.kubectl("apply", "--filename=-", text=json.dumps(volume))
    cluster.kubectl("apply", "--filename=-", text=json.dumps(claim))
    yield
    cluster.kubectl("delete", "persistentvolumeclaim", project.slug, "--wait=false")
    cluster.kubectl("delete", "persistentvolume", name, "--wait=false")
    shutil.rmtree(folder)


def introduce(cluster, project):  # noqa: F811
    """Tell the workers where the scheduler is, as the DNS of a cluster does."""
    (address,) = wait_until(lambda: ready(cluster, project, "dask"))
    alias = {"hostAliases": [{"ip": address, "hostnames": [f"dask-{clone(project)}"]}]}
    patch = json.dumps({"spec": {"template": {"spec": alias}}})
    cluster.kubectl("patch", "deployment", f"dask-worker-{clone(project)}", "--patch", patch)


CLIENT = """
from pathlib import Path

from services.dask.client import client

def look(data):
    import PACKAGE.features

    try:
        (data / 'written').write_text('')
        return 'writable'
    except OSError:
        return PACKAGE.features.TARGET, int((data / 'number.txt').read_text()) + 1

cluster = client()
cluster.wait_for_workers(2, timeout=120)
print(set(cluster.run(look, Path('/workspace/data')).values()))
print(cluster.submit(sum, [1, 2]).result())
"""


def test_notebook_computes_on_the_cluster(on, cluster, project, shared_claim):  # noqa: F811
    thread = threading.Thread(target=lambda: introduce(cluster, project))
    thread.start()
    output = on("up", "dask")
    thread.join()
    assert f"port-forward service/dask-{clone(project)} 8786 8787" in output
    # The autoscaler sets the number of workers.
    patch = '{"spec": {"minReplicas": 2}}'
    cluster.kubectl("patch", "horizontalpodautoscaler", f"dask-worker-{clone(project)}", "--patch", patch)
    gateway = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}")
    port = free_port()
    options = (f"--kubeconfig={cluster.kubeconfig}", f"--namespace={cluster.namespace}", f"--address={gateway}")
    forward = ("kubectl", *options, "port-forward", f"service/dask-{clone(project)}", f"{port}:8786")
    (project.path / "program.py").write_text(CLIENT.replace("PACKAGE", project.slug.replace("-", "_")))
    with running(*forward, folder=project.path) as process:
        assert "Forwarding" in process.stdout.readline()
        setting = {"PASS": "DASK_SCHEDULER_ADDRESS", "DASK_SCHEDULER_ADDRESS": f"tcp://{gateway}:{port}"}
        lines = project.run("python program.py", **setting).splitlines()
    assert lines[-2:] == ["{('malignant', 42)}", "3"]


@pytest.mark.parametrize("service", ON_KUBERNETES)
def test_files_are_admitted_without_make(cluster, project, service):  # noqa: F811
    folder = str(project.path / "services" / service / "kubernetes")
    assert len(cluster.kubectl("kustomize", folder).split("\n---\n")) >= 5
    names = cluster.kubectl("apply", "--dry-run=server", "--kustomize", folder, "--output=name").splitlines()
    assert {f"deployment.apps/{service}", f"service/{service}", f"networkpolicy.networking.k8s.io/{service}"} <= set(
        names
    )


def test_reasons_why_nothing_starts(api, project):
    file = "services/api/kubernetes/deployment.yaml"
    kept = project.read(file)
    cases = (
        ("runAsNonRoot: true", "runAsNonRoot: false", "the namespace's Pod Security Standard forbids"),
        ("requests: {cpu: 50m", "requests: {cpu: 100", "the quota 'quota' of the namespace has no room for"),
        ("name: settings, optional: true", "name: missing", "cannot start: configmap"),
        ("image: api\n", "image: nobody/has-this:1\n", "the cluster cannot pull the image"),
        ("imagePullPolicy: IfNotPresent", "command: [python, -c, 1/0]", "ZeroDivisionError: division by zero"),
    )
    try:
        for old, new, message in cases:
            edit(project, file, old, new)
            assert message in api("up", "api", run=project.error), message
            (project.path / file).write_text(kept)
    finally:
        (project.path / file).write_text(kept)


def test_nothing_stays_of_a_service(on, cluster):  # noqa: F811
    for service in ON_KUBERNETES:
        on("down", service)
    assert cluster.get(KINDS)["items"] == []
    assert [each["metadata"]["name"] for each in cluster.get("configmaps")["items"]] == ["kube-root-ca.crt"]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"ON": "slurm", "SERVICE": "api"}, "ON='slurm' is not valid for services. Use ON=kubernetes"),
        ({"ON": "kubernetes"}, "no service is given. Use SERVICE= with one that has files for Kubernetes: api dask."),
        ({"ON": "kubernetes", "SERVICE": "nothing"}, "there is no service 'nothing'."),
        ({"ON": "kubernetes", "SERVICE": "redis"}, "redis has no files for Kubernetes. These have: api dask."),
    ],
)
def test_services_that_cannot_go_to_a_cluster(generate_once, variables, message):
    assert message in generate_once.error("up", **variables)


@pytest.fixture(scope="module")
def generate_once(generate):
    return generate("kube", services="api,dask,redis")

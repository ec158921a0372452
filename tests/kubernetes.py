"""A namespace of a real Kubernetes cluster, for tests: import the fixture `cluster`.

from kubernetes import cluster  # noqa: F401

def test_something(cluster, built):
    cluster.load(built.image)
    built.ok("train", ON="kubernetes", **cluster.environment)
    cluster.kubectl("get", "pods")
"""

import json
import os
import subprocess
from dataclasses import dataclass

import pytest
from support import unique

# What a team's administrator would set. A quota also refuses pods without requests and limits for these resources.
NAMESPACE = """
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels: {{pod-security.kubernetes.io/enforce: restricted, pod-security.kubernetes.io/enforce-version: latest}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {{name: quota, namespace: {name}}}
spec:
  hard:
    pods: "20"
    requests.cpu: "8"
    requests.memory: 16Gi
    limits.memory: 32Gi
"""


@dataclass(frozen=True)
class Cluster:
    """A namespace, and what the targets of a project need to find it."""

    program: str
    kubeconfig: str
    namespace: str

    @property
    def environment(self) -> dict[str, str]:
        """Return the settings for `Project.make`."""
        return {"KUBECONFIG": self.kubeconfig, "KUBE_NAMESPACE": self.namespace}

    def kubectl(self, *arguments: str, check: bool = True, text: str | None = None) -> str:
        """Run kubectl in the namespace, with a text as its input, and return what it prints."""
        command = ["kubectl", f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True)
        assert not check or done.returncode == 0, f"kubectl {arguments}\n{done.stderr}"
        return done.stdout.strip()

    def get(self, *arguments: str) -> dict:
        """Return an object, or a list of them, as the API has it."""
        return json.loads(self.kubectl("get", *arguments, "--output=json"))

    def load(self, *images: str) -> None:
        """Give the nodes images of the engine, as a registry would."""
        subprocess.run([self.program, "load", *images], check=True, capture_output=True)


@pytest.fixture(scope="module")
def cluster():
    """A namespace that enforces the Pod Security Standard `restricted` and has a quota, on a cluster with a real node.

    ENGINE_KUBERNETES is the program that starts the cluster, unless it runs, and prints the path of its kubeconfig.
    """
    program = os.environ.get("ENGINE_KUBERNETES")
    if not program:
        pytest.skip("ENGINE_KUBERNETES does not name a program that starts a Kubernetes cluster")
    done = subprocess.run([program, "up", "--real-node"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    new = Cluster(program, done.stdout.strip().splitlines()[-1], unique("test"))
    try:
        new.kubectl("apply", "--filename=-", text=NAMESPACE.format(name=new.namespace))
        yield new
    finally:
        # Pods end at once, and the namespace is gone before the next test.
        new.kubectl("delete", "pods", "--all", "--force", "--grace-period=0", check=False)
        new.kubectl("delete", "namespace", new.namespace, "--timeout=120s", check=False)

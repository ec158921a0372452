"""Turns the configuration that Compose prints into a stack for Docker Swarm, both in JSON.

`docker stack` refuses many of Compose's options. What has another place there is moved to it. What
has none is left out, and named on standard error in a line for each option.
"""

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from pathlib import Path

# Options that mean the same in a stack.
KEPT = """cap_add cap_drop command dns dns_search entrypoint extra_hosts healthcheck hostname init
labels logging read_only stop_grace_period stop_signal sysctls tty ulimits user
working_dir""".split()
# What this program converts, what is only for building, and what make does itself.
CONVERTED = """build cpus deploy environment expose image mem_limit mem_reservation pids_limit ports
profiles pull_policy restart secrets shm_size tmpfs volumes""".split()
LOST = {
    "depends_on": "they start in any order",
    "devices": "they have no access to devices",
    "gpus": "they have no GPU",
    "group_add": "they cannot use the group that owns your data folder",
    "ports": "Swarm cannot publish them for this machine only. PUBLISH=name does for all",
    "security_opt": "programs may gain privileges unless daemon.json forbids it",
    "tmpfs exec": "programs in folders in memory cannot run",
}
# All containers of a project share this volume, at the same time.
SHARED = "cache"


def checksum(content: bytes) -> str:
    """Return a short checksum."""
    return hashlib.sha256(content).hexdigest()[:12]


def in_bytes(size: str) -> int:
    """Return a size such as 64m in bytes."""
    number = size.lower().rstrip("bkmg")
    unit = size.lower().removeprefix(number)[:1] or "b"
    return int(number) * 1024 ** "bkmg".index(unit)


def memory_mount(target: str, size: str = "") -> dict:
    """Return a folder in memory."""
    limit = {"tmpfs": {"size": in_bytes(size)}} if size else {}
    return {"type": "tmpfs", "target": target, **limit}


def mounts(service: dict) -> list[dict]:
    """Return all mounts of a service. Folders in memory have other options there."""
    kept = ("type", "source", "target", "read_only")
    found = []
    for mount in service.get("volumes", ()):
        found.append({name: mount[name] for name in kept if name in mount})
        if mount.get("volume", {}).get("nocopy"):
            found[-1]["volume"] = {"nocopy": True}
    for line in service.get("tmpfs", ()):
        target, _, text = line.partition(":")
        options = dict(option.partition("=")[::2] for option in text.split(","))
        found.append(memory_mount(target, options.get("size", "")))
    if "shm_size" in service:
        found.append(memory_mount("/dev/shm", service["shm_size"]))
    return found


def lost_options(service: dict) -> set[str]:
    """Return the options of a service that a stack does not have."""
    lost = {name for name in service if name not in KEPT and name not in CONVERTED}
    if service.get("networks") in (None, {"default": None}):
        lost.discard("networks")
    # The user is in this group anyway.
    if service.get("group_add") == [service.get("user", "").partition(":")[2]]:
        lost.discard("group_add")
    resources = service.get("deploy", {}).get("resources", {})
    if resources.get("reservations", {}).get("devices"):
        lost.add("gpus")
    options = {
        option for line in service.get("tmpfs", ()) for option in line.partition(":")[2].split(",")
    }
    # Everybody may write to a folder in memory if it has no other mode.
    known = ("", "mode=1777")
    return lost | {f"tmpfs {each}" for each in options if each not in known and "size=" not in each}


def keeps_data(service: dict) -> bool:
    """Return whether a service writes to a volume, which only one container can use at a time."""
    return any(
        mount["type"] == "volume" and mount["source"] != SHARED and not mount.get("read_only")
        for mount in service.get("volumes", ())
    )


def deployment(service: dict, arguments: argparse.Namespace, name: str) -> dict:
    """Return how many containers of a service there are, where, and how others replace them.

    If the new container comes first, an update fails no request: Swarm takes the old one out of
    the DNS two seconds before it stops it. If the new one fails, the old one stays.
    """
    own = service.get("deploy", {})
    # Two containers cannot have the same port of a machine.
    has_port = name in arguments.publish and not arguments.ingress
    alone = keeps_data(service) or own.get("update_config", {}).get("order") == "stop-first"
    replicas = arguments.replicas.get(name) or own.get("replicas") or arguments.current.get(name, 1)
    if int(replicas) > 1 and alone:
        sys.exit(f"error: there can be only one container of {name} at a time. Use REPLICAS=1.")
    if int(replicas) > 1 and has_port:
        sys.exit(
            f"error: only one container of {name} can have its port of this machine. "
            "Use REPLICAS=1, or PUBLISH_MODE=ingress."
        )
    change = {
        "parallelism": 1,
        "order": "stop-first" if alone or has_port else "start-first",
    }
    limits = {"memory": service.get("mem_limit"), "pids": service.get("pids_limit")}
    limits["cpus"] = str(service["cpus"]) if service.get("cpus") else None
    # Folders and volumes of this machine, and images that no registry has, are only here.
    here = service["image"] in arguments.image or any(
        mount["type"] != "tmpfs" for mount in service.get("volumes", ())
    )
    return {
        "replicas": int(replicas),
        # Names lead to the containers themselves, not to an address that forwards connections.
        "endpoint_mode": "vip" if name in arguments.publish and not has_port else "dnsrr",
        "update_config": {**change, "failure_action": "rollback"},
        "rollback_config": {**change, "failure_action": "pause"},
        # Compose gives up after some attempts. Here, nobody may be watching.
        "restart_policy": {"condition": "any", "delay": "5s"},
        "placement": {"constraints": [f"node.id == {arguments.node}"] if here else []},
        "resources": {
            "limits": {name: value for name, value in limits.items() if value not in (None, "0")},
            "reservations": {"memory": service["mem_reservation"]}
            if "mem_reservation" in service
            else {},
        },
    }


def converted(service: dict, arguments: argparse.Namespace, name: str) -> dict:
    """Return a service as it is in a stack."""
    new = {option: service[option] for option in KEPT if service.get(option)}
    # Variables of the shell that have no value there.
    environment = service.get("environment", {}).items()
    new["environment"] = {variable: value for variable, value in environment if value is not None}
    new["image"] = arguments.image.get(service["image"], service["image"])
    new["volumes"] = mounts(service)
    new["secrets"] = service.get("secrets", [])
    new["deploy"] = deployment(service, arguments, name)
    if name in arguments.publish:
        mode = "ingress" if arguments.ingress else "host"
        new["ports"] = [
            {"target": port["target"], "published": int(port["published"]), "mode": mode}
            for port in service.get("ports", ())
        ]
    return {option: value for option, value in new.items() if value not in ([], {})}


def stack(composed: dict, arguments: argparse.Namespace) -> dict:
    """Return the stack, and print what it lacks."""
    lost = defaultdict(list)
    services = {}
    for name in arguments.services:
        service = composed["services"][name]
        services[name] = converted(service, arguments, name)
        for option in lost_options(service):
            lost[option].append(name)
        if service.get("ports") and name not in arguments.publish:
            lost["ports"].append(name)
    for option, names in sorted(lost.items()):
        effect = LOST.get(option, "it has no effect in a stack")
        print(f"note: the stack lacks {option} ({', '.join(names)}): {effect}.", file=sys.stderr)
    secrets = {}
    for new in services.values():
        names = [each["source"] for each in new.get("secrets", ())]
        for name in names:
            # The content of a secret cannot change, so a new password is a new secret.
            content = (arguments.secrets / name).read_bytes()
            version = checksum(arguments.name.encode() + content)
            secrets[name] = {"file": f"secrets/{name}", "name": f"{name}_{version}"}
        # Tells new containers from those before them. If only their number changes, they stay.
        made_of = [{**new, "deploy": new["deploy"]["resources"]}, [secrets[name] for name in names]]
        new["labels"] = {**new.get("labels", {}), "stack": checksum(json.dumps(made_of).encode())}
    used = [mount for new in services.values() for mount in new.get("volumes", ())]
    return {
        "services": services,
        "secrets": secrets,
        "volumes": {each["source"]: {} for each in used if each["type"] == "volume"},
        # `docker run --network` can join it.
        "networks": {"default": {"driver": "overlay", "attachable": True}},
    }


def pair(text: str) -> list[str]:
    """Return the name and the value in NAME=VALUE."""
    return text.split("=", 1)


def main() -> None:
    """Read Compose's configuration from standard input, and print the stack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("services", nargs="+", help="the containers")
    parser.add_argument("--name", required=True, help="of the stack")
    parser.add_argument("--node", required=True, help="the ID of this machine in the swarm")
    parser.add_argument("--secrets", required=True, type=Path, help="the folder with the secrets")
    for option in ("--image", "--replicas", "--current"):
        parser.add_argument(option, action="append", default=[], type=pair, metavar="NAME=VALUE")
    parser.add_argument("--publish", action="append", default=[], metavar="NAME")
    parser.add_argument("--ingress", action="store_true")
    arguments = parser.parse_args()
    for option in ("image", "replicas", "current"):
        setattr(arguments, option, dict(getattr(arguments, option)))
    print(json.dumps(stack(json.load(sys.stdin), arguments), indent=2))


if __name__ == "__main__":
    main()

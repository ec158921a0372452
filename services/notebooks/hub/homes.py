"""Home folders and the Unix users who own them. Only the hub, which is root, calls this.

A home's owner says which user ID a person has, so the volume is all that has to be kept.
"""

import os
import subprocess
from pathlib import Path

HOMES = Path("/home")
# A temporary file system with a folder for each user, for sockets and what Voilà writes.
RUN = Path("/run/notebooks")
FIRST = 20000
# The proxy and Voilà, which have no home.
PROGRAMS = {"proxy": FIRST - 2, "published": FIRST - 1}
LINKS = {"data": "/workspace/data", "published": "/workspace/services/notebooks/published"}


def user_ids() -> dict[str, int]:
    """Return the user ID of everybody who has a home."""
    owners = {path.name: path.stat().st_uid for path in HOMES.iterdir()}
    return {name: uid for name, uid in owners.items() if name[0] != "." and uid >= FIRST}


def write_users() -> None:
    """Write /etc/passwd and /etc/group, which are links to these files."""
    users = {**PROGRAMS, **user_ids()}
    passwd = [f"{name}:x:{uid}:{uid}::/home/{name}:/bin/bash" for name, uid in user_ids().items()]
    passwd += [f"{name}:x:{uid}:{uid}::{RUN}/{name}:/bin/false" for name, uid in PROGRAMS.items()]
    passwd += ["root:x:0:0::/root:/bin/false", "nobody:x:65534:65534::/nonexistent:/bin/false"]
    group = [f"{name}:x:{uid}:" for name, uid in users.items()] + ["root:x:0:", "nogroup:x:65534:"]
    # Data may be open only to a group. In a rootless engine, that can be group 0, which is root's.
    if (data := os.environ["DATA_GID"]) != "0":
        group.append(f"data:x:{data}:{','.join(users)}")
    for name, lines in (("passwd", passwd), ("group", group)):
        temporary = RUN / f".{name}"
        temporary.write_text("\n".join(lines) + "\n")
        temporary.chmod(0o644)
        temporary.replace(RUN / name)


def becoming(uid: int) -> list[str]:
    """Return what comes before a command to run it as a user."""
    return ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", "--"]


def as_user(uid: int, *command: str | Path, **options) -> subprocess.CompletedProcess:
    """Run a command as a user, who alone has access to their files."""
    line = [*becoming(uid), *command]
    return subprocess.run(line, stderr=subprocess.PIPE, text=True, check=False, **options)


def next_user_id() -> int:
    """Return an ID that owns nobody's files."""
    return max([FIRST - 1, *(path.stat().st_uid for path in HOMES.iterdir())]) + 1


def remove(folder: Path) -> None:
    """Remove a folder in HOMES, if it is there."""
    if folder.exists():
        as_user(folder.stat().st_uid, "find", folder, "-mindepth", "1", "-delete")
        folder.rmdir()


def prepare_runtime(name: str, uid: int) -> Path:
    """Return a user's folder in RUN, which only the user and the hub, by its group, can enter."""
    folder = RUN / name
    if not folder.exists():
        folder.mkdir(mode=0o700)
        # What the user makes in it has the hub's group.
        folder.chmod(0o2770)
        os.chown(folder, uid, 0)
    return folder


def prepare(name: str) -> Path:
    """Make a person's user ID, home and folder in RUN. Return the path of that folder."""
    if not (HOMES / name).exists():
        # Not there until it is complete.
        home = HOMES / f".new-{name}"
        remove(home)
        home.mkdir(mode=0o700)
        for link, target in LINKS.items():
            (home / link).symlink_to(target)
        uid = next_user_id()
        os.chown(home, uid, uid)
        home.rename(HOMES / name)
    write_users()
    return prepare_runtime(name, (HOMES / name).stat().st_uid)


def end_processes(name: str) -> None:
    """End what a person's server has left, such as a program that was started in a terminal."""
    as_user((HOMES / name).stat().st_uid, "sh", "-c", "kill -KILL -1")

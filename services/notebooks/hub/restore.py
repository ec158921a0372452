"""Replace the homes that are in a backup, which is standard input: all of them, or none."""

import os
import re
import shutil
import sys
import tarfile
import zlib
from tempfile import TemporaryFile

import homes
from backup import COMPLETE
from users import NAME


def unpack(backup: tarfile.TarFile) -> list[str]:
    """Write each home of a backup to a new folder beside the old one. Return the names.

    Raises:
        ValueError: It is not a whole backup.
    """
    names = []
    for member in backup:
        if member.name == COMPLETE:
            return names
        if not re.fullmatch(NAME, member.name) or not member.isreg():
            raise ValueError(f"{member.name!r} is not a home")
        new, old = homes.HOMES / f".restored-{member.name}", homes.HOMES / member.name
        homes.remove(new)
        taken = {uid for name, uid in homes.user_ids().items() if name != member.name}
        uid = old.stat().st_uid if old.exists() else member.uid
        if uid < homes.FIRST or uid in taken:
            uid = homes.next_user_id()
        new.mkdir(mode=0o700)
        os.chown(new, uid, uid)
        names.append(member.name)
        # A file, since the other end of a pipe would see only a process that has ended.
        with TemporaryFile(dir=homes.HOMES) as file:
            shutil.copyfileobj(backup.extractfile(member), file)
            file.seek(0)
            done = homes.as_user(uid, "tar", "--extract", "--directory", new, stdin=file)
        if done.returncode:
            raise ValueError(done.stderr.strip().rpartition("\n")[2])
    raise ValueError("the backup is incomplete")


def main() -> None:
    """Restore the backup."""
    try:
        with tarfile.open(fileobj=sys.stdin.buffer, mode="r|gz") as backup:
            names = unpack(backup)
    except (ValueError, OSError, EOFError, zlib.error, tarfile.TarError) as error:
        for folder in homes.HOMES.glob(".restored-*"):
            homes.remove(folder)
        sys.exit(f"not a whole backup of notebooks: {error}")
    for name in names:
        old = homes.HOMES / f".replaced-{name}"
        homes.remove(old)
        if (homes.HOMES / name).exists():
            homes.end_processes(name)
            (homes.HOMES / name).rename(old)
        (homes.HOMES / f".restored-{name}").rename(homes.HOMES / name)
        homes.remove(old)
    homes.write_users()


if __name__ == "__main__":
    main()

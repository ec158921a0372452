"""Write all homes to standard output: a compressed tar file with a tar file for each person."""

import io
import os
import sys
import tarfile
from tempfile import TemporaryFile

import homes

COMPLETE = "complete"


def main() -> None:
    """Write the backup."""
    with tarfile.open(fileobj=sys.stdout.buffer, mode="w|gz") as backup:
        for name, uid in homes.user_ids().items():
            # In the volume, since a home can be larger than the memory.
            with TemporaryFile(dir=homes.HOMES) as file:
                folder = homes.HOMES / name
                options = ["--create", "--warning=no-file-changed", "--exclude=./.cache"]
                done = homes.as_user(uid, "tar", *options, "--directory", folder, ".", stdout=file)
                # 1 means that a file has changed meanwhile.
                if done.returncode > 1:
                    sys.exit(f"{name}: {done.stderr.strip().rpartition(chr(10))[2]}")
                member = tarfile.TarInfo(name)
                member.uid, member.size = uid, os.fstat(file.fileno()).st_size
                file.seek(0)
                backup.addfile(member, file)
        backup.addfile(tarfile.TarInfo(COMPLETE), io.BytesIO())


if __name__ == "__main__":
    main()

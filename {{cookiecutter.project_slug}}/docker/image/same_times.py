"""In an image build: give the files that this step wrote times that do not depend on the clock.

The same sources then give the same image. A module's time is computed from its content, since
Python uses cached bytecode as long as the module's time and size are the same.
"""

import os
import re
import zlib
from pathlib import Path

EARLIEST = 315532800  # 1980, in seconds since 1970: zip files know no earlier year
LATEST = EARLIEST + 2**30
# The engine makes /dev when a step starts, just after the mount points, which change the folders
# that they are in.
START = Path("/dev").stat().st_mtime
MOUNTING = 10  # seconds, far more than making the mount points takes


def same_times(folder: str) -> None:
    """Set the times of a folder and of everything below it on the same file system."""
    for entry in os.scandir(folder):
        time = entry.stat(follow_symlinks=False).st_mtime
        if entry.is_dir(follow_symlinks=False):
            if not os.path.ismount(entry.path):
                same_times(entry.path)
        elif time > LATEST and re.fullmatch(r"/opt/.*\.py", entry.path) and not entry.is_symlink():
            time = EARLIEST + (zlib.crc32(Path(entry.path).read_bytes()) >> 2)
            os.utime(entry.path, (time, time))
        elif time > START:
            os.utime(entry.path, (EARLIEST, EARLIEST), follow_symlinks=False)
    if Path(folder).stat().st_mtime > START - MOUNTING:
        os.utime(folder, (EARLIEST, EARLIEST))


same_times("/")

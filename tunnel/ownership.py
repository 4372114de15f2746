"""Who besides us could change a file, or put another in its place.

Settings name programs, and programs run as we do: so both are taken only from places that nobody
else can write to, as ssh does it. Root may always; so may a group that nobody else is in.
"""

import os
import stat
import sys
from pathlib import Path


def problem(path: Path) -> str | None:
    """Why the file cannot be trusted: it, or a directory above it, is somebody else's, or somebody
    else may write to it. None: it can be. On Windows nothing is looked at."""
    if sys.platform == "win32":
        return None
    real = path.resolve()
    for place in (real, *real.parents):
        try:
            status = place.stat()
        except OSError:
            continue  # whoever opens the file says what is wrong
        if status.st_uid not in {os.geteuid(), 0}:
            return f"{place} belongs to {_name(status.st_uid)}"
        if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
            continue  # such as /tmp: only the owner of a file replaces it
        if status.st_mode & stat.S_IWOTH:
            return f"everybody may write to {place}"
        if status.st_mode & stat.S_IWGRP and not _is_ours_alone(status.st_gid):
            return f"others of its group may write to {place}"
    return None


def _name(uid: int) -> str:
    import pwd  # not there on Windows

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def _is_ours_alone(gid: int) -> bool:
    """Many systems give each user a group of that name, and let it write."""
    import grp
    import pwd

    trusted = {os.geteuid(), 0}
    try:
        names = {one.pw_name for one in map(pwd.getpwuid, trusted)}
        members = set(grp.getgrgid(gid).gr_mem)
    except KeyError:
        return False
    first = {one.pw_uid for one in pwd.getpwall() if one.pw_gid == gid}
    return members <= names and first <= trusted

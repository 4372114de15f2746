"""The user that root's server runs as."""

import os
import subprocess
import sys
from pathlib import Path

# Root on a machine whose users are in a file. It prints each look-up that finds nobody.
FIRST_START = """
import os, pwd, sys
from pathlib import Path
from gateway.embedded import account

folder = Path(sys.argv[1])
nobody = pwd.getpwuid(os.getuid())

def look_up(name):
    if (folder / "users").exists():
        return nobody
    print("nobody", flush=True)
    raise KeyError(name)

pwd.getpwnam = look_up
os.geteuid = lambda: 0
account.SYSTEM_DIR = folder / "system"
account._PROGRAMS = str(folder)
account.server_account()
print("found", flush=True)
"""
# As the real one it refuses to run twice at once. It is slow: until the test lets it go on.
USERADD = """#!/bin/sh
cd "$(dirname "$0")"
echo call >>calls
mkdir passwd.lock || exit 1
dd if=go-on bs=1 count=1 2>/dev/null
echo "$*" >>users
rmdir passwd.lock
"""


def test_two_first_starts_at_once_make_the_user_once_and_both_find_it(tmp_path: Path) -> None:
    (tmp_path / "useradd").write_text(USERADD)
    (tmp_path / "useradd").chmod(0o755)
    os.mkfifo(tmp_path / "go-on")
    gate = os.open(tmp_path / "go-on", os.O_RDWR)
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", FIRST_START, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        for start in starts:
            assert start.stdout is not None
            assert start.stdout.readline() == "nobody\n"
        os.write(gate, b"go")
        outputs = [start.communicate(timeout=60)[0] for start in starts]
    finally:
        for start in starts:
            start.kill()
            start.communicate()
        os.close(gate)
    assert [output.splitlines()[-1:] for output in outputs] == [["found"], ["found"]]
    assert (tmp_path / "calls").read_text() == "call\n"
    assert "localllm-postgres" in (tmp_path / "users").read_text()

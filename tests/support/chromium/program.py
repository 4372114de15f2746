"""A headless Chromium for machines that have none: from the package of npm that package.json names.

It holds the browser and the libraries that bare systems lack, compressed, for Linux on x86-64.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import fasteners
import pytest

from tests.support.node import NODE, packages

_MANIFEST = Path(__file__).parent
_UNPACK = """
import { inflate } from "@sparticuz/chromium";
const names = ["chromium.br", "al2023.tar.br", "fonts.tar.br", "swiftshader.tar.br"];
await Promise.all(names.map((name) => inflate(`node_modules/@sparticuz/chromium/bin/${name}`)));
"""
_START = """#!/bin/sh
cd "$(dirname "$0")" && export LD_LIBRARY_PATH="$PWD/al2023/lib" FONTCONFIG_PATH="$PWD/fonts"
exec ./chromium "$@"
"""


def unpacked() -> str:
    """The command that starts it. Skips the test where it cannot be had."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        pytest.skip("there is no browser on this machine, and no package that has one for it")
    folder = packages(_MANIFEST).parent
    target, lock = folder / "unpacked", folder.with_suffix(".lock")
    with fasteners.InterProcessLock(lock):
        if not target.is_dir():
            new = folder / "unpacking"
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            command = [NODE, "--input-type=module", "--eval", _UNPACK]
            environ = {**os.environ, "TMPDIR": str(new)}  # that is where the package puts it
            subprocess.run(command, cwd=folder, env=environ, check=True)
            start = new / "start"
            start.write_text(_START)
            start.chmod(0o755)
            new.rename(target)
    return str(target / "start")

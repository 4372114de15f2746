"""Installs a peer into the cache, with the ordinary installer and its own configuration.

CACHE/NAME-VERSION holds a peer. CACHE/NAME-VERSION.refused says why there is none: a registry that
said no is not asked at each run. Remove that file to ask again.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bench.peers.pinned import Pin

LIMIT = 900  # seconds for one step: LiteLLM is 700 MB, and a first build of Go takes minutes
Say = Callable[[str], None]


class LeftOut(Exception):
    """A peer that cannot be installed here; the text says why, in words for the table."""


def install(pin: Pin, cache: Path, say: Say) -> Path:
    """The folder that holds the peer. Raises LeftOut."""
    if pin.left_out:
        raise LeftOut(pin.left_out)
    home = cache / f"{pin.name}-{pin.version}"
    refused = home.with_name(f"{home.name}.refused")
    if refused.exists():
        raise LeftOut(refused.read_text("utf-8"))
    if (home / "installed").exists():
        return home
    shutil.rmtree(home, ignore_errors=True)  # what an interrupted run left
    home.mkdir(parents=True)
    say(f"installing {pin.package} {pin.version}")
    try:
        for command, added in steps(pin, home):
            _run(pin, command, home, added, say)
    except LeftOut as wrong:
        refused.write_text(str(wrong), "utf-8")
        raise
    (home / "installed").touch()
    return home


def steps(pin: Pin, home: Path) -> list[tuple[list[str], dict[str, str]]]:
    """The commands that install it, each with what it adds to the environment."""
    if pin.installer == "pip":
        wanted = f"{pin.package}[{pin.extra}]=={pin.version}"
        pip = [str(home / "bin/python"), "-m", "pip", "install", "--quiet", wanted]
        return [([sys.executable, "-m", "venv", str(home)], {}), (pip, {})]
    if pin.installer == "npm":
        package = {
            "private": True,
            "dependencies": {pin.package: pin.version},
            "overrides": dict(pin.others),
        }
        (home / "package.json").write_text(json.dumps(package), "utf-8")
        quiet = ["--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"]
        return [(["npm", "install", *quiet], {})]
    return [(["go", "install", f"{pin.package}@{pin.version}"], {"GOBIN": str(home)})]


def build(pin: Pin, checkout: Path, cache: Path, say: Say) -> Path:
    """The same from a checkout of its source, for where the registry has it not."""
    describe = ["git", "-C", str(checkout), "describe", "--tags"]
    tag = subprocess.run(describe, capture_output=True, text=True).stdout.strip()
    if tag != pin.version:
        raise LeftOut(f"its checkout is at {tag or 'no tag'} and not at {pin.version}")
    home = cache / f"{pin.name}-{pin.version}-source"
    home.mkdir(parents=True, exist_ok=True)
    say(f"building {pin.name} {pin.version} from its source")
    _run(pin, ["go", "build", "-o", str(home / pin.name), "."], checkout, {}, say)
    return home


def _run(
    pin: Pin, command: Sequence[str], directory: Path, added: Mapping[str, str], say: Say
) -> None:
    if not shutil.which(command[0]):
        raise LeftOut(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env={**os.environ, **added},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise LeftOut(f"{pin.installer} took more than {LIMIT} s") from None
    if done.returncode:
        say("\n".join(done.stderr.strip().splitlines()[-5:]))
        raise LeftOut(f"{pin.installer} could not get {pin.package} {pin.version} here")

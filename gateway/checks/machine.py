"""The machine: Python, the settings, the disk, and the secrets on it."""

import os
import platform
import shutil
import sys
from pathlib import Path

from gateway.checks.finding import Finding, fail, ok, warn
from gateway.config import near_names, preflight, secret_files, settings
from gateway.config.dotenv_file import read_dotenv
from gateway.config.secret_files import ADMIN_SECRET_FILE, SIGNING_KEY_FILE
from gateway.config.settings import Settings
from gateway.core import descriptors
from tunnel.private_files import UnsafeFile

LOW_DISK = 1024**3
OLDEST_PYTHON = (3, 11)


def python() -> Finding:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return fail("python", f"Python {version} is too old; install Python 3.11 or newer.")
    return ok("python", f"{version} on {platform.system()} {platform.machine()}")


def settings_read(loaded: Settings) -> Finding:
    written = read_dotenv(Path(".env"))
    given = {**written, **os.environ}
    changed = [name for name in settings.variables() if given.get(name, "").strip()]
    where = ".env and environment" if Path(".env").exists() else "environment"
    named = ", ".join(changed) or "nothing"
    text = f"{loaded.store} store; from {where}: {named}"
    told = near_names.advice(written)
    return warn("settings", f"{text}; {told}") if told else ok("settings", text)


def data_dir(loaded: Settings) -> Finding:
    path = loaded.data_dir
    try:
        preflight.check_data_dir(path)
    except preflight.NotReady as problem:
        return fail("data", str(problem))
    free = shutil.disk_usage(path).free
    if free < LOW_DISK:
        return warn("data", f"{path}: only {free // 1024**2} MB of disk space left; free some.")
    return ok("data", f"{path}, {free // 1024**3} GB of disk space left")


def open_files() -> Finding:
    """How many this user's processes may have open; the gateway raises the first number itself."""
    most = descriptors.limits()[1]
    if most < descriptors.FEW:
        return warn(
            "files",
            f"a process may have only {most} files open, and each connection is one: allow "
            f"{descriptors.ENOUGH} (`ulimit -Hn`, or LimitNOFILE= of the service).",
        )
    return ok("files", f"a process may have {min(most, descriptors.ENOUGH)} files open")


def secrets(loaded: Settings) -> Finding:
    try:
        kept = secret_files.read(loaded.data_dir / ADMIN_SECRET_FILE)
    except UnsafeFile as problem:
        return fail("secrets", str(problem))
    left = loaded.data_dir / SIGNING_KEY_FILE
    if left.exists():
        return warn("secrets", f"{left} was left by `localllm supabase role`: delete it.")
    shared = _readable_dotenv()
    if shared:
        return warn("secrets", f"other users can read {shared}; run: chmod 600 .env")
    if not loaded.manages_keys:
        return ok("secrets", "no ADMIN_SECRET is needed: this gateway only serves calls")
    if loaded.admin_secret:
        return ok("secrets", "ADMIN_SECRET is set")
    if kept:
        return ok("secrets", f"admin secret in {loaded.data_dir / ADMIN_SECRET_FILE}")
    return warn("secrets", "there is no ADMIN_SECRET; `up` creates one, `serve` needs it set.")


def _readable_dotenv() -> str:
    """The names of the secrets in `.env`, if other users can read it."""
    path = Path(".env")
    if os.name == "nt" or not path.exists() or not path.stat().st_mode & 0o077:
        return ""
    given = read_dotenv(path)
    return " and ".join(name for name in settings.secret_names() if given.get(name))

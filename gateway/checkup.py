"""The checks of `localllm doctor`. Each gives one finding, whatever state the machine is in."""

import asyncio
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from gateway import preflight, secret_files, settings
from gateway.settings import Settings, SettingsError

if TYPE_CHECKING:
    from gateway.ollama import Found

ADMIN_SECRET_FILE = "admin-secret"  # noqa: S105 - the name of a file
OUTBOX_FOLDER = "outbox"
LOW_DISK = 1024**3
OLDEST_PYTHON = (3, 11)


class Finding(NamedTuple):
    """`state` is ok, warn or fail; `text` says what to do where it is not ok."""

    check: str
    state: str
    text: str


async def examine(report: Callable[[str], None]) -> list[Finding]:
    """Every check in turn; what needs settings is left out where they are wrong."""
    findings = [_python()]
    try:
        loaded = settings.load()
    except SettingsError as problem:
        return [*findings, Finding("settings", "fail", str(problem))]
    findings.append(_settings(loaded))
    findings.append(_data_dir(loaded))
    findings.append(_secrets(loaded))
    findings.append(await _store(loaded, report))
    findings.append(_outbox(loaded.data_dir / OUTBOX_FOLDER))
    findings.extend(await _model_servers(loaded))
    findings.append(await _port(loaded))
    return findings


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < OLDEST_PYTHON:
        return Finding("python", "fail", f"{version} is too old; install Python 3.11 or newer.")
    return Finding("python", "ok", f"{version} on {platform.system()} {platform.machine()}")


def _settings(loaded: Settings) -> Finding:
    may_be_set = [*settings.names(), *(f"{name}_FILE" for name in settings.secret_names())]
    changed = [name for name in may_be_set if os.environ.get(name, "").strip()]
    where = ".env and environment" if Path(".env").exists() else "environment"
    return Finding("settings", "ok", f"{loaded.store} store; from {where}: {_listed(changed)}")


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _data_dir(loaded: Settings) -> Finding:
    path = loaded.data_dir
    try:
        preflight.check_data_dir(path)
    except preflight.NotReady as problem:
        return Finding("data", "fail", str(problem))
    free = shutil.disk_usage(path).free
    if free < LOW_DISK:
        return Finding(
            "data", "warn", f"{path}: only {free // 1024**2} MB of disk left; free some."
        )
    return Finding("data", "ok", f"{path}, {free // 1024**3} GB of disk left")


def _secrets(loaded: Settings) -> Finding:
    try:
        kept = secret_files.read(loaded.data_dir / ADMIN_SECRET_FILE)
    except secret_files.UnsafeSecret as problem:
        return Finding("secrets", "fail", str(problem))
    shared = _readable_dotenv()
    if shared:
        return Finding("secrets", "warn", f"others can read {shared}; run: chmod 600 .env")
    if loaded.admin_secret:
        return Finding("secrets", "ok", "ADMIN_SECRET is set")
    if kept:
        return Finding("secrets", "ok", f"admin secret in {loaded.data_dir / ADMIN_SECRET_FILE}")
    return Finding("secrets", "warn", "no ADMIN_SECRET yet; `up` makes one, `serve` needs it set.")


def _readable_dotenv() -> str:
    """The secrets in a `.env` that is not the owner's alone."""
    path = Path(".env")
    if os.name == "nt" or not path.exists() or not path.stat().st_mode & 0o077:
        return ""
    given = settings.read_dotenv(path)
    return " and ".join(name for name in settings.secret_names() if given.get(name))


async def _store(loaded: Settings, report: Callable[[str], None]) -> Finding:
    from gateway.embedded import EmbeddedError
    from gateway.extras import ExtraError
    from gateway.opening import reach_database
    from gateway.stores import StoreUnavailable

    if loaded.store == "embedded" and not (loaded.data_dir / "postgres").exists():
        return Finding("store", "warn", "no embedded database yet; `localllm up` makes it.")
    try:
        if loaded.store == "supabase":
            return await _project(loaded, report)
        async with reach_database(loaded, report) as (dsn, _):
            return await _schema(loaded, dsn)
    except (StoreUnavailable, ExtraError, EmbeddedError, preflight.NotReady) as problem:
        return Finding("store", "fail", str(problem))


async def _project(loaded: Settings, report: Callable[[str], None]) -> Finding:
    from gateway.migrate import FUNCTIONS, lacking
    from gateway.opening import SchemaMissing, reach_project
    from gateway.stores import PUSH

    async with reach_project(loaded, report) as store:
        await store.check()  # makes the connection
        began = time.monotonic()
        missing = lacking(await store.admin("applied_migrations", {}))
        took = (time.monotonic() - began) * 1000
    if missing and missing != [FUNCTIONS]:
        raise SchemaMissing(missing)
    text = f"Supabase project {loaded.supabase_url}, {took:.0f} ms away"
    if missing:
        return Finding("store", "warn", f"{text}: its functions differ; {PUSH}")
    return Finding("store", "ok", f"{text}, schema up to date")


async def _schema(loaded: Settings, dsn: str) -> Finding:
    from gateway.migrate import pending

    missing = await pending(dsn)
    if missing:
        text = f"{loaded.store}: the schema lacks {', '.join(missing)}; run: localllm db migrate"
        return Finding("store", "warn", text)
    return Finding("store", "ok", f"{loaded.store} Postgres, schema up to date")


def _outbox(folder: Path) -> Finding:
    from gateway.outbox import left_in

    try:
        waiting, oldest = left_in(folder)
    except OSError as problem:
        return Finding("outbox", "fail", f"{folder} cannot be read: {problem.strerror}.")
    if waiting:
        age = "" if oldest is None else f", the oldest since {oldest:%Y-%m-%d %H:%M} UTC"
        text = f"{waiting} requests are running or wait to be counted{age}"
        return Finding("outbox", "warn", f"{text}; a running gateway sends them.")
    return Finding("outbox", "ok", "nothing waits to be counted")


async def _model_servers(loaded: Settings) -> list[Finding]:
    """One finding for each machine. The default model need not be on all of them."""
    from gateway.ollama import choose, look_at_all

    urls, default = loaded.ollama_base_url, loaded.ollama_default_model
    found = await look_at_all(urls)
    missing = bool(found) and choose(found, default)[1] != default
    names = [f"ollama-{number}" for number in range(1, len(urls) + 1)] if urls[1:] else ["ollama"]
    return [
        _model_server(name, url, found.get(url), default, missing=missing, demo=not found)
        for name, url in zip(names, urls, strict=True)
    ]


def _model_server(
    name: str, url: str, found: "Found | None", default: str, *, missing: bool, demo: bool
) -> Finding:
    if found is None:
        text = f"nothing answers at {url}; start Ollama (`ollama serve`) or set OLLAMA_BASE_URL."
        return Finding(name, "warn", text + " `up` uses its demo model meanwhile." * demo)
    if not found.models:
        return Finding(name, "warn", f"{url} has no model; run: ollama pull {default}")
    text = f"{found.version or 'no version'} at {url}, {len(found.models)} models"
    if missing:
        return Finding(name, "warn", f"{text}, not the default one; run: ollama pull {default}")
    return Finding(name, "ok", text)


async def _port(loaded: Settings) -> Finding:
    try:
        preflight.check_port(loaded.host, loaded.port)
    except preflight.NotReady as problem:
        url = preflight.local_url(loaded.host, loaded.port)
        if await asyncio.to_thread(is_gateway, url):
            return Finding("port", "ok", f"localllm runs at {url}")
        return Finding("port", "fail", str(problem))
    return Finding("port", "ok", f"{loaded.host} port {loaded.port} is free")


def is_gateway(url: str) -> bool:
    """Whether it is localllm that uses the port: its health says so, well or not."""
    address = urlsplit(url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=2)
    try:
        connection.request("GET", "/health")
        health = json.loads(connection.getresponse().read(65536))
    except (OSError, HTTPException, ValueError):
        return False
    finally:
        connection.close()
    return isinstance(health, dict) and "ollama" in health

"""Which cloudflared is used: that of CLOUDFLARED_PATH, one on PATH, or the pinned release."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tunnel import ownership
from tunnel.download import Progress
from tunnel.errors import TunnelError
from tunnel.install import install, is_genuine
from tunnel.releases import MINIMUM, VERSION, release_for, version_in

_PATIENCE = 15.0  # seconds for `--version`
# The environment variables that cloudflared gets: no secret of the gateway, and none that would
# override its command line. How Cloudflare is reached from this network is the owner's choice.
_PASSED = {
    *("PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"),
    *("SYSTEMROOT", "TEMP", "TMP", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
    *("TUNNEL_EDGE", "TUNNEL_REGION", "TUNNEL_EDGE_IP_VERSION", "TUNNEL_EDGE_BIND_ADDRESS"),
    *("TUNNEL_CACERT", "TUNNEL_TRANSPORT_PROTOCOL", "TUNNEL_DISABLE_QUIC_PMTU"),
    "TUNNEL_ORIGIN_CERT",  # the log-in, where it is not in the home directory
}


@dataclass(frozen=True)
class Program:
    """A cloudflared that has been run once. `version`: as it reports it, such as 2026.8.2."""

    path: Path
    version: str


async def obtain(
    named: Path | None, folder: Path, say: Callable[[str], None], progress: Progress
) -> Program:
    """Find one, or install the pinned one in `folder`. TunnelError says what to do."""
    found = await find(named, folder, say)
    if found is not None:
        return found
    return Program(await install(release_for(), folder, say, progress), VERSION)


async def find(
    named: Path | None, folder: Path, say: Callable[[str], None] = lambda _: None
) -> Program | None:
    """One that is installed and new enough, or None. `named` is used or refused, never skipped."""
    least = ".".join(map(str, MINIMUM))
    if named is not None:
        if (problem := _untrusted(named)) is not None:
            raise TunnelError(f"CLOUDFLARED_PATH {named} is not run as root: {problem}.")
        said = await _version_text(named)
        if said is None:
            raise TunnelError(
                f"CLOUDFLARED_PATH {named} does not run as cloudflared does: correct it, or leave "
                "it out and one is installed."
            )
        version = version_in(said)
        if version is not None and version < MINIMUM:
            raise TunnelError(
                f"CLOUDFLARED_PATH {named} is {_dotted(version)}, older than {least}: update it, "
                "or leave the setting out."
            )
        return Program(named, _dotted(version))
    on_path = _on_path()
    if on_path is not None and (problem := _untrusted(on_path)) is not None:
        say(f"{on_path} is not run as root: {problem}.")
    elif on_path is not None:
        version = version_in(await _version_text(on_path) or "")
        if version is not None and version >= MINIMUM:
            return Program(on_path, _dotted(version))
        say(f"{on_path} is older than {least} or does not run: not used.")
    return await _pinned(folder)


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a cloudflared that localllm starts."""
    environ = os.environ if environ is None else environ
    return {name: text for name, text in environ.items() if name.upper() in _PASSED}


def _untrusted(program: Path) -> str | None:
    """Why root does not run it: another user could have put it there."""
    return ownership.problem(program) if sys.platform != "win32" and os.geteuid() == 0 else None


def _on_path() -> Path | None:
    found = shutil.which("cloudflared")
    return Path(found).absolute() if found else None


async def _pinned(folder: Path) -> Program | None:
    try:
        release = release_for()
    except TunnelError:
        return None
    program = folder / release.program
    genuine = await asyncio.to_thread(is_genuine, program, release)
    return Program(program, VERSION) if genuine else None


async def _version_text(program: Path) -> str | None:
    """What `--version` prints, or None if it is no cloudflared."""
    try:
        child = await asyncio.create_subprocess_exec(
            *(program, "--version"),
            env=environment(),
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            start_new_session=os.name != "nt",
        )
    except (OSError, ValueError):
        return None
    try:
        output, _ = await asyncio.wait_for(child.communicate(), _PATIENCE)
    except TimeoutError:
        output = b""
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                if sys.platform == "win32":
                    child.kill()
                else:  # what a wrapper script started also holds the pipe: end the whole group
                    os.killpg(child.pid, signal.SIGKILL)
            await child.wait()
    text = output.decode(errors="replace")
    return text if child.returncode == 0 and "cloudflared version" in text else None


def _dotted(version: tuple[int, int, int] | None) -> str:
    return ".".join(map(str, version)) if version else "unknown"

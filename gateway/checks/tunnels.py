"""What brings requests from outside to this machine: cloudflared, the tunnel, the services."""

from typing import TYPE_CHECKING

from gateway.checks.finding import Finding, fail, ok, warn
from gateway.config.settings import Settings
from gateway.core.daemon_thread import in_daemon_thread

if TYPE_CHECKING:
    from tunnel.status_file import TunnelStatus


async def cloudflared(loaded: Settings) -> Finding:
    """Which cloudflared would be used. None is needed until a tunnel is set up here."""
    from tunnel.errors import TunnelError
    from tunnel.program import find
    from tunnel.status_file import FOLDER

    said: list[str] = []
    try:
        found = await find(loaded.cloudflared_path, loaded.data_dir / FOLDER, said.append)
    except TunnelError as problem:
        return fail("cloudflared", str(problem))
    except OSError as problem:  # such as a data directory of another user
        return fail("cloudflared", f"{problem.filename} cannot be looked at ({problem.strerror}).")
    if found is not None:
        return ok("cloudflared", f"{found.version}: {found.path}{_also(said)}")
    return ok("cloudflared", "not installed; the first tunnel will install it" + _also(said))


def _also(said: list[str]) -> str:
    return f" ({said[0]})" if said else ""


def tunnel(loaded: Settings, status: "TunnelStatus | None") -> Finding:
    """`status`: of the tunnel that a process of localllm runs now; None where none does."""
    from tunnel.errors import TunnelError
    from tunnel.plan import is_configured
    from tunnel.status_file import FOLDER, failed

    if status is not None:
        return _running(status)
    folder = loaded.data_dir / FOLDER
    try:
        set_up = is_configured(folder, loaded.tunnel_token_file)
    except TunnelError as problem:
        return fail("tunnel", str(problem))
    ended = failed(folder)
    if ended is not None:
        return warn("tunnel", f"it ended. {ended.problem}")
    if set_up:
        return warn("tunnel", "set up, but not running; start it: localllm tunnel run")
    if loaded.tunnel_hostname:
        return ok("tunnel", f"{loaded.tunnel_hostname}: you run cloudflared yourself")
    return ok("tunnel", "none; for a public address: localllm up --tunnel")


def _running(status: "TunnelStatus") -> Finding:
    where = f"https://{status.hostname}" if status.hostname else "its name is not known yet"
    if status.state == "connected" and status.problem:
        return warn("tunnel", f"{where}: {status.problem}")
    if status.state == "connected":
        trial = " This is a trial; for a permanent address: localllm tunnel setup"
        many = "s" if status.connections != 1 else ""
        text = f"{where}, {status.connections} connection{many} to Cloudflare"
        return ok("tunnel", text + (f".{trial}" if status.kind == "quick" else ""))
    if status.state == "stopping":
        return warn("tunnel", f"{where}: it is stopping; start it again: localllm tunnel run")
    remedy = status.problem or "Wait a moment; its output says more (localllm service logs)."
    return warn("tunnel", f"{where}: {status.state}. {remedy}")


async def services(loaded: Settings) -> Finding:
    """The services that the system starts by itself. None is required."""
    from gateway.service.job import ServiceError
    from gateway.service.managers import manager

    try:
        kept = manager(loaded.data_dir, system=False, account=None)
        states = await in_daemon_thread(kept.states)
    except ServiceError:
        return ok("services", "none that this user can see")
    there = [state for state in states if state.state is not None]
    if not there:
        text = "none of this user's; to start at boot: localllm service install"
        return ok("services", text)
    down = [f"{state.name} ({state.state})" for state in there if not state.running]
    if down:
        return warn("services", f"not running: {' and '.join(down)}; see: localllm service logs")
    return ok("services", f"{' and '.join(state.name for state in there)} running")

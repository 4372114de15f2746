"""Run all checks of `localllm doctor` in order, whatever state the machine is in."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from gateway.checks import alerts, database, listening, machine, models, tunnels
from gateway.checks.finding import Finding, fail, ok
from gateway.config import settings
from gateway.config.settings import Settings, SettingsError

if TYPE_CHECKING:
    from tunnel.status_file import TunnelStatus

PATIENCE = 17.0  # seconds for each; they run side by side

Report = Callable[[str], None]
Told = Callable[[Finding], None]


async def examine(report: Report, told: Told, url: str = "") -> list[Finding]:
    """All findings; `told` gets each as soon as those before it are known. What needs settings is
    left out where they are wrong. `url`: the public address, if it is not the tunnel's."""
    findings: list[Finding] = []

    def tell(*new: Finding) -> None:
        findings.extend(new)
        for one in new:
            told(one)

    tell(machine.python())
    try:
        loaded = settings.load()
    except SettingsError as problem:
        tell(fail("settings", str(problem)))
        return findings
    tell(machine.settings_read(loaded), machine.data_dir(loaded))
    tell(machine.open_files(), machine.secrets(loaded))
    port = await listening.port(loaded)  # before another check takes our probe for a gateway
    async with asyncio.TaskGroup() as group:
        for task in [
            group.create_task(_within(name, work))
            for name, work in _slow(loaded, report, port, url)
        ]:
            tell(*await task)
    return findings


def _slow(
    loaded: Settings, report: Report, port: Finding, url: str
) -> list[tuple[str, Coroutine[Any, Any, list[Finding]]]]:
    """The checks that may have to wait, by the name under which a timeout is reported."""
    from tunnel import status_file

    status = status_file.current(loaded.data_dir / status_file.FOLDER)
    return [
        ("store", _list(database.store(loaded, report))),
        ("outbox", _now(database.outbox(loaded.data_dir / database.OUTBOX_FOLDER))),
        ("ollama", models.model_servers(loaded)),
        ("port", _now(port)),
        ("host", _now(listening.host(loaded))),
        ("exposed", _list(listening.exposed(loaded))),
        ("cloudflared", _list(tunnels.cloudflared(loaded))),
        ("tunnel", _now(tunnels.tunnel(loaded, status))),
        ("services", _list(tunnels.services(loaded))),
        ("alerts", _list(alerts.alerts(loaded))),
        ("public", _public_address(loaded, status, url, report)),
    ]


async def _list(work: Awaitable[Finding]) -> list[Finding]:
    return [await work]


async def _now(finding: Finding) -> list[Finding]:
    return [finding]


async def _within(name: str, work: Awaitable[list[Finding]]) -> list[Finding]:
    try:
        async with asyncio.timeout(PATIENCE):
            return await work
    except TimeoutError:
        late = f"no result within {PATIENCE:g} s: restart what is checked here, unless this "
        return [fail(name, late + "machine is just busy.")]


async def _public_address(
    loaded: Settings, status: "TunnelStatus | None", url: str, report: Report
) -> list[Finding]:
    from gateway.checks.public_address.run import check_public_address

    name = (status.hostname if status else "") or loaded.tunnel_hostname
    address = url or (f"https://{name}" if name else "")
    if not address:
        return [ok("public", "there is no known public address, so nothing was checked")]
    report(f"Checking {address} from outside.")
    return await check_public_address(loaded, address)

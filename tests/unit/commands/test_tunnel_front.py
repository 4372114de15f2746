"""What `up --tunnel` prints of a tunnel that opens late or never, and of a download."""

import asyncio
from typing import Any

import pytest

from gateway.commands import download_view, launch
from gateway.commands.tunnel_front import TunnelFront
from gateway.config.settings import Settings
from tunnel.errors import TunnelError

pytestmark = pytest.mark.anyio


class Status:
    problem = ""


class Slow:
    """A tunnel that opens, or fails, when a test says so."""

    status = Status()

    def __init__(self) -> None:
        self.opened, self.failed = asyncio.Event(), asyncio.Event()
        self.problem: Exception = TunnelError("it cannot be had")

    async def run(self) -> None:
        await self.failed.wait()
        raise self.problem

    async def stop(self) -> None:
        self.failed.set()

    async def url(self) -> str:
        await self.opened.wait()
        return "https://late.example.com"


class Model:
    model, note = "m", "a model"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    async def no_key(*_: object) -> None:
        return None

    monkeypatch.setattr(launch, "_first_key", no_key)
    monkeypatch.setattr(launch, "TUNNEL_PATIENCE", 0.01)


def telling(slow: Slow) -> tuple[TunnelFront, "asyncio.Task[None]"]:
    tunnel: Any = slow
    anything: Any = Model()
    front = TunnelFront(tunnel, "quick")
    front.open()
    return front, asyncio.create_task(launch._tell(Settings(), anything, anything, front))


async def until(capsys: pytest.CaptureFixture[str], text: str) -> str:
    """What was printed, as soon as the text is in it."""
    seen = ""
    async with asyncio.timeout(30):
        while text not in seen:
            await asyncio.sleep(0)
            seen += "".join(capsys.readouterr())
    return seen


@pytest.mark.usefixtures("told")
async def test_a_tunnel_that_opens_late_is_told_after_the_rest(capsys: pytest.CaptureFixture[str]):
    slow = Slow()
    front, task = telling(slow)
    async with front:
        shown = await until(capsys, "The tunnel is not open yet. Its address will be printed here.")
        assert "localllm is running at http://127.0.0.1:8000" in shown
        assert "curl -N http://127.0.0.1:8000/" in shown
        assert "late.example.com" not in shown
        slow.opened.set()
        await until(capsys, "The tunnel is open: https://late.example.com")
        await task


@pytest.mark.usefixtures("told")
async def test_one_that_never_opens_keeps_nobody_waiting(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
):
    slow = Slow()
    front, task = telling(slow)
    async with front:
        await until(capsys, "The tunnel is not open yet")
        slow.failed.set()
        async with asyncio.timeout(30):
            await task
    assert "There is no tunnel: it cannot be had" in caplog.text
    assert "The tunnel is open" not in capsys.readouterr().out


async def test_one_that_breaks_is_told_and_the_gateway_ends_in_good_order_all_the_same(
    caplog: pytest.LogCaptureFixture,
):
    slow: Any = Slow()
    slow.problem = RuntimeError("something that nobody foresaw")
    async with TunnelFront(slow, "quick") as front:
        front.open()
        slow.failed.set()
        assert await front.url() is None
        assert "There is no tunnel: RuntimeError: something that nobody foresaw" in caplog.text
        await front.stop()  # raises nothing: the server waits for open answers after it


async def test_one_that_was_never_opened_has_no_address_and_stops_at_once():
    tunnel: Any = Slow()
    front = TunnelFront(tunnel, "named")
    assert await front.url() is None
    assert not front.is_trying
    await front.stop()


def test_a_download_is_told_line_by_line_where_there_is_no_terminal(
    capsys: pytest.CaptureFixture[str],
):
    size = 40_000_000
    with download_view.shown("cloudflared") as progress:
        for here in range(0, size + 1, size // 100):
            progress(here, size)
    assert capsys.readouterr().err.splitlines() == [
        f"cloudflared: {part} % of 40 MB" for part in (20, 40, 60, 80, 100)
    ]

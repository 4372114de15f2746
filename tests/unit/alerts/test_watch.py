"""The round of alerts goes on whatever happens in it."""

import asyncio
from typing import Any, cast

import pytest

from gateway.alerts import watch
from gateway.alerts.watch import AlertWatch
from gateway.config.extras import ExtraError

pytestmark = pytest.mark.anyio


async def test_neither_a_lacking_extra_nor_a_round_that_fails_ends_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    rounds = iter([ValueError("broken"), None, asyncio.CancelledError()])

    async def once(_: AlertWatch) -> None:
        problem = next(rounds)
        if problem is not None:
            raise problem

    async def install() -> None:
        raise ExtraError("ALERT_URLS needs the extra `alerts`")

    monkeypatch.setattr(watch, "EVERY", 0.0)
    monkeypatch.setattr(AlertWatch, "once", once)
    nothing = cast(Any, None)
    with pytest.raises(asyncio.CancelledError):
        await AlertWatch(nothing, nothing, nothing, ()).run(install)
    assert "needs the extra `alerts`" in caplog.text
    assert "alerts are not looked at" in caplog.text
    assert next(rounds, "all were made") == "all were made"

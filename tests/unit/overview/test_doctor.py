"""Doctor is run once for all who ask at the same time."""

import asyncio

import pytest

from gateway.overview import doctor
from gateway.overview.doctor import Doctor

pytestmark = pytest.mark.anyio


async def test_who_asks_meanwhile_gets_the_same_result_and_who_leaves_ends_nothing(
    monkeypatch: pytest.MonkeyPatch,
):
    begun, go_on = 0, asyncio.Event()

    async def examine() -> dict[str, int]:
        nonlocal begun
        begun += 1
        await go_on.wait()
        return {"number": begun}

    monkeypatch.setattr(doctor, "_examine", examine)
    examined = Doctor()
    asking = [asyncio.create_task(examined.examine()) for _ in range(3)]
    await asyncio.sleep(0)
    asking[0].cancel()
    go_on.set()
    assert await asyncio.gather(*asking[1:]) == [{"number": 1}] * 2
    assert await examined.examine() == {"number": 2}
    await examined.close()

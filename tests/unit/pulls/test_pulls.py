"""One pull for each model, whoever asks; its news in good time, its end to everybody."""

import asyncio

import anyio
import pytest

from gateway.backends.http1 import ReadError, ReadTimeout, TransportError
from gateway.core.errors import Refusal
from gateway.pulls.pulls import MOST_PULLS, Pull
from tests.support.fake_pull import LAST_LINES, MANIFEST, layer
from tests.support.pulling_backend import SILENCE, Ollama, OnOne

pytestmark = pytest.mark.anyio


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("gateway.pulls.pulls.monotonic", clock)
    return clock


def joined(running: OnOne, name: str = "x:latest", who: str = "key 1") -> Pull:
    pull = running.join(name, name, who)
    assert isinstance(pull, Pull)
    return pull


async def end_of(pull: Pull) -> None:
    with anyio.fail_after(10):
        seen = pull.edition
        while not pull.ended:
            seen = await pull.news(seen)


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_ollama_is_asked_once_for_the_name_alone_however_many_want_the_model() -> None:
    ollama = Ollama()
    running = OnOne(ollama)
    first, second = (running.join("x:latest", "X", who) for who in ("key 1", "key 2"))
    assert first is second
    ollama.says(*LAST_LINES)
    assert isinstance(first, Pull)
    await end_of(first)
    assert ollama.asked == [("/api/pull", {"model": "X", "stream": True})]


async def test_a_pull_that_is_over_is_not_joined_but_begun_anew() -> None:
    ollama = Ollama()
    running = OnOne(ollama)
    first = joined(running)
    ollama.says({"status": "success"})
    await end_of(first)
    second = joined(running)
    assert second is not first
    ollama.says({"status": "success"})
    await end_of(second)
    assert len(ollama.asked) == 2


async def test_more_pulls_than_the_machine_can_bear_are_told_to_come_back() -> None:
    ollama = Ollama()
    running = OnOne(ollama)
    several = [joined(running, f"m{number}:latest") for number in range(MOST_PULLS)]
    refusal = running.join("more:latest", "more", "key 1")
    assert isinstance(refusal, Refusal)
    assert refusal.kind.status == 429
    assert refusal.retry_after_ms
    assert joined(running, "m0:latest") is several[0]  # to join takes no more of the machine
    ollama.says({"status": "success"})
    await settled()
    assert [pull.ended for pull in several].count(True) == 1
    assert joined(running, "more:latest")
    await running.close()


async def test_the_list_of_models_is_fresh_before_anybody_hears_of_the_success() -> None:
    ollama = Ollama()
    running = OnOne(ollama)
    pull = joined(running)
    ollama.says(*LAST_LINES[:-1])
    await settled()
    assert ollama.looks == 0
    ollama.says(LAST_LINES[-1])
    while not pull.ended:
        looked = ollama.looks
        await asyncio.sleep(0)
    assert looked == 2  # the first may have been under way
    assert pull.failure is None


@pytest.mark.parametrize(
    ("problem", "reason", "status"),
    [
        (None, "upstream_error", 502),
        (ReadError("cut"), "upstream_error", 502),
        (TransportError("cut"), "upstream_error", 502),
        (ReadTimeout("silent"), "pull_stalled", 504),
        (ZeroDivisionError(), "internal_error", 500),
    ],
)
async def test_an_end_before_success_is_a_failure_for_all_who_wait(
    problem: BaseException | None, reason: str, status: int
) -> None:
    ollama = Ollama()
    pull = joined(OnOne(ollama))
    ollama.says(MANIFEST, layer(400))
    ollama.ends(problem)
    await end_of(pull)
    assert pull.failure is not None
    assert (pull.failure.reason, pull.failure.kind.status) == (reason, status)
    assert ollama.closed == 1
    assert ollama.looks == 0


@pytest.mark.parametrize(
    ("status", "reason"),
    [(404, "not_supported"), (405, "not_supported"), (400, "upstream_refused")],
)
async def test_a_server_that_does_not_pull_says_so(status: int, reason: str) -> None:
    ollama = Ollama(status)
    pull = joined(OnOne(ollama))
    await end_of(pull)
    assert pull.failure is not None
    assert pull.failure.reason == reason
    assert ollama.closed == 1


async def test_bytes_are_told_now_and_then_and_a_new_phase_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.pulls.pulls.NEWS_SECONDS", 1000.0)
    ollama = Ollama()
    pull = joined(OnOne(ollama))
    ollama.says(MANIFEST)
    await settled()
    assert pull.edition == 1
    ollama.says(layer(1))
    await settled()
    assert pull.edition == 2
    for number in range(2, 100):
        ollama.says(layer(number), layer(number, digest="sha256:" + "7" * 64))
        await settled()
    assert pull.edition == 2
    ollama.says({"status": "verifying sha256 digest"})
    await settled()
    assert pull.edition == 3
    ollama.ends()
    await end_of(pull)


async def test_the_last_bytes_before_a_silence_are_told_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("gateway.pulls.pulls.NEWS_SECONDS", 0.01)
    ollama = Ollama()
    running = OnOne(ollama)
    pull = joined(running)
    ollama.says(MANIFEST, layer(1))
    await settled()
    told = pull.edition
    ollama.says(layer(2))
    with anyio.fail_after(10):
        assert await pull.news(told) > told
    await running.close()


async def test_an_ollama_that_verifies_a_large_model_may_be_silent_for_long() -> None:
    ollama = Ollama()
    ollama.ends()
    await end_of(joined(OnOne(ollama)))
    assert ollama.may_be_silent


async def test_the_same_line_again_and_again_is_silence_and_ends_the_pull(clock: Clock) -> None:
    """So says Ollama of a download to which nothing comes: some 16 times a second, for ever."""
    ollama = Ollama()
    pull = joined(OnOne(ollama))
    ollama.says(MANIFEST, layer(400))
    await settled()
    clock.now += SILENCE
    ollama.says(layer(400))
    await settled()
    assert not pull.ended
    ollama.says(layer(401))
    await settled()
    clock.now += SILENCE
    ollama.says(layer(401))
    await settled()
    assert not pull.ended
    clock.now += 0.1
    ollama.says(layer(401))
    await end_of(pull)
    assert pull.failure == Refusal("pull_stalled")
    assert ollama.closed == 1


async def test_a_gateway_that_stops_ends_its_pulls_tells_all_and_begins_no_other() -> None:
    ollama = Ollama()
    running = OnOne(ollama)
    pull = joined(running)
    ollama.says(MANIFEST)
    await settled()
    await running.close()
    assert pull.ended
    assert pull.failure is not None
    assert pull.failure.reason == "shutting_down"
    assert ollama.closed == 1
    refusal = running.join("y:latest", "y", "key 1")
    assert isinstance(refusal, Refusal)
    assert refusal.reason == "shutting_down"
    assert len(ollama.asked) == 1


async def test_the_log_says_who_pulled_what_and_what_became_of_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "localllm.pulls")
    ollama = Ollama()
    running = OnOne(ollama)
    pull = joined(running, who="key 1")
    joined(running, who="key 2")
    ollama.says(*LAST_LINES)
    await end_of(pull)
    failing = joined(running, who="key 3")
    ollama.says({"error": "write /home/jane/x\nforged line: no space left on device"})
    await end_of(failing)
    assert [record.getMessage() for record in caplog.records] == [
        "key 1 pulls x:latest",
        "key 2 joins the pull of x:latest",
        "pull of x:latest, 1010 bytes: success",
        "key 3 pulls x:latest",
        "pull of x:latest, 0 bytes: write … forged line: no space left on device",
    ]

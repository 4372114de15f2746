"""Follow-ups go where their beginning was read: of machines that are equally busy, never past one
that has less to do, and never to one that does not answer."""

import pytest

from tests.support.scheduler_bench import Bench, settle

pytestmark = pytest.mark.anyio


async def served_at(bench: Bench, name: str, talk: str, *able: int, model: str = "m") -> int | None:
    """Where it ran; it has ended."""
    bench.ask("k", name, *able, talk=talk, model=model)
    await settle()
    place = bench.at(name)
    bench.end(name)
    await settle()
    return place


async def test_follow_ups_of_two_conversations_each_stay_with_their_machine():
    bench = Bench(slots=1, backends=2)
    bench.ask("k", "one", talk="first")
    assert await served_at(bench, "two", "second") == 1
    bench.end("one")
    await settle()
    for number in range(3):
        assert await served_at(bench, f"b{number}", "second") == 1
        assert await served_at(bench, f"a{number}", "first") == 0
    assert await served_at(bench, "new", "third") == 0  # what nobody has read: the first
    assert (bench.scheduler.conversations.stayed, bench.scheduler.conversations.moved) == (6, 0)
    await bench.finish()


async def test_a_follow_up_does_not_wait_for_its_machine_and_stays_where_it_went():
    bench = Bench(slots=4, backends=2)
    assert await served_at(bench, "begin", "talk", 1) == 1
    bench.ask("k", "busy", 1)
    await settle()
    assert await served_at(bench, "elsewhere", "talk") == 0
    bench.end("busy")
    await settle()
    assert await served_at(bench, "stays", "talk") == 0
    assert (bench.scheduler.conversations.stayed, bench.scheduler.conversations.moved) == (1, 1)
    await bench.finish()


async def test_while_all_are_busy_the_first_free_slot_is_taken():
    bench = Bench(slots=1, backends=2)
    assert await served_at(bench, "begin", "talk", 1) == 1
    for number in (0, 1):
        bench.ask("k", f"busy{number}", number)
    bench.ask("k", "follow-up", talk="talk")
    await settle()
    bench.end("busy0")
    await settle()
    assert bench.at("follow-up") == 0
    await bench.finish()


async def test_a_machine_that_does_not_answer_never_wins_and_has_lost_what_it_read():
    bench = Bench(slots=2, backends=2)
    second = bench.backends[1]
    for talk in ("continued", "left"):
        assert await served_at(bench, f"begin {talk}", talk, 1) == 1
    second.client.is_up = False
    second.client.changed()
    assert await served_at(bench, "elsewhere", "continued") == 0
    second.client.is_up = True
    second.client.changed()
    assert await served_at(bench, "stays", "continued") == 0
    assert await served_at(bench, "anywhere", "left") == 0
    await bench.finish()
    await second.close()


async def test_what_a_machine_had_read_is_gone_when_it_loads_another_model():
    bench = Bench(slots=2, backends=2)
    assert await served_at(bench, "begin", "talk", 1) == 1
    assert await served_at(bench, "other", "", 1, model="another") == 1
    assert await served_at(bench, "follow-up", "talk") == 0
    await bench.finish()


async def test_a_machine_that_failed_has_not_read_it():
    bench = Bench(slots=1, backends=2)
    bench.ask("k", "begin", talk="talk")
    await settle()
    bench.move("begin")
    await settle()
    assert bench.at("begin") == 1
    bench.end("begin")
    await settle()
    assert await served_at(bench, "follow-up", "talk") == 1
    assert (bench.scheduler.conversations.stayed, bench.scheduler.conversations.moved) == (1, 0)
    await bench.finish()


async def test_follow_ups_that_come_at_once_are_spread_although_one_machine_read_them_all():
    bench = Bench(slots=4, backends=2)
    for number in range(8):
        assert await served_at(bench, f"begin{number}", f"talk{number}", 1) == 1
    for number in range(8):
        bench.ask("k", f"follow-up{number}", talk=f"talk{number}")
    await settle()
    assert [backend.in_use for backend in bench.backends] == [4, 4]
    await bench.finish()

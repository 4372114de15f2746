"""How long is waited before cloudflared is started again."""

from tunnel.backoff import LONGEST, pause


def test_pauses_double_up_to_a_minute_and_differ_between_machines():
    assert [pause(n, "named", lambda: 1.0) for n in range(1, 8)] == [1, 2, 4, 8, 16, 32, 60]
    assert pause(1, "quick", lambda: 1.0) == 5.0
    assert pause(10**6, "quick", lambda: 1.0) == LONGEST
    assert pause(3, "named", lambda: 0.0) == 2.0
    assert len({pause(3, "named") for _ in range(20)}) > 1

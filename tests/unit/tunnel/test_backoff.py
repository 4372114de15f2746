"""How long is waited before cloudflared is started again."""

from tunnel.backoff import LONGEST, delay


def test_pauses_double_up_to_a_minute_and_differ_between_machines():
    assert [delay(n, "named", lambda: 1.0) for n in range(1, 8)] == [1, 2, 4, 8, 16, 32, 60]
    assert delay(1, "quick", lambda: 1.0) == 5.0
    assert delay(10**6, "quick", lambda: 1.0) == LONGEST
    assert delay(3, "named", lambda: 0.0) == 2.0
    assert len({delay(3, "named") for _ in range(20)}) > 1

"""Guessing keys costs the one who guesses, and nobody else."""

import pytest

from gateway.core.error_kinds import KINDS
from gateway.core.errors import Refusal
from gateway.http import failed_keys
from gateway.http.exchange import Exchange
from gateway.http.failed_keys import FAILURES, WINDOW, FailedKeyLimiter

GUESSER, OTHER, HERE = "198.51.100.7", "198.51.100.8", "127.0.0.1"


class Caller:
    """Guesses, as they are asked for one address."""

    def __init__(self) -> None:
        self.guesses = FailedKeyLimiter(lambda: False)

    def refusal(self, address: str, key_hash: str) -> Refusal | None:
        return self.guesses.refusal(exchange_from(address), key_hash)

    def note(self, address: str, key_hash: str, reason: str | None) -> None:
        self.guesses.note(exchange_from(address), key_hash, reason)


def exchange_from(address: str, named: str = "") -> Exchange:
    """`named`: whom Cloudflare's edge names as the caller."""
    headers = [(b"cf-connecting-ip", named.encode())] if named else []
    scope = {"client": (address, 1), "path": "/", "method": "GET", "headers": headers}
    return Exchange(scope, None, None)


WRONG = "invalid_api_key"


def guessed(times: int, address: str = GUESSER) -> Caller:
    found = Caller()
    for number in range(times):
        found.note(address, f"wrong {number}", WRONG)
    return found


def test_one_who_guesses_has_to_wait_before_anybody_is_asked():
    assert guessed(FAILURES - 1).refusal(GUESSER, "another") is None
    refusal = guessed(FAILURES).refusal(GUESSER, "another")
    assert refusal is not None
    assert refusal.kind.status == 429
    assert refusal.retry_after_ms
    assert 0 < refusal.retry_after_ms <= WINDOW * 1000 + 1


def test_a_key_that_works_is_never_kept_waiting_by_others_at_its_address():
    found = guessed(FAILURES)
    found.note(GUESSER, "good", None)
    assert found.refusal(GUESSER, "good") is None


def test_a_key_in_use_is_not_forgotten_for_the_many_tokens_of_a_website(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(failed_keys, "_MOST", 3)
    found = guessed(FAILURES)
    for number in range(9):
        found.note(GUESSER, "good", None)
        found.note(GUESSER, f"token {number}", None)
    assert found.refusal(GUESSER, "good") is None


def test_other_addresses_and_this_machine_do_not_wait():
    assert guessed(FAILURES).refusal(OTHER, "another") is None
    assert guessed(FAILURES, HERE).refusal(HERE, "another") is None


def test_only_keys_that_nobody_has_count_as_guesses():
    found = Caller()
    for reason in KINDS.keys() - {"invalid_api_key"}:
        for _ in range(FAILURES):
            found.note(GUESSER, "held by somebody", reason)
    assert found.refusal(GUESSER, "another") is None


def test_failures_are_forgotten_after_a_while(monkeypatch: pytest.MonkeyPatch):
    found = guessed(FAILURES)
    now = failed_keys.time.monotonic()
    monkeypatch.setattr(failed_keys.time, "monotonic", lambda: now + WINDOW + 1)
    assert found.refusal(GUESSER, "another") is None
    found.note(GUESSER, "wrong", WRONG)
    assert found.refusal(GUESSER, "another") is None


def test_a_key_that_was_revoked_and_forgotten_no_longer_passes():
    found = guessed(FAILURES)
    found.note(GUESSER, "good", None)
    found.note(GUESSER, "good", WRONG)
    assert found.refusal(GUESSER, "good") is not None


def test_many_addresses_and_keys_do_not_fill_the_memory():
    found = Caller()
    for number in range(30_000):
        found.note(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", "x", WRONG)
        found.note(GUESSER, str(number), None)
    assert len(found.guesses._failed) <= 10_000
    assert len(found.guesses._good) <= 10_000


def test_one_behind_the_tunnel_is_told_from_another_by_what_the_edge_says():
    found = FailedKeyLimiter(lambda: True)
    guesser, other = (exchange_from(HERE, named) for named in (GUESSER, OTHER))
    for _ in range(FAILURES):
        found.note(guesser, "wrong", WRONG)
    assert found.refusal(guesser, "another") is not None
    assert found.refusal(other, "another") is None
    assert found.refusal(exchange_from(HERE), "another") is None

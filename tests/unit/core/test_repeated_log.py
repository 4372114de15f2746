"""A flood of the same thing is a line a second, and none of it goes uncounted."""

import logging

import pytest

from gateway.core.repeated_log import EVERY, RepeatedLog


def test_what_repeats_is_one_line_a_second_with_its_count(caplog: pytest.LogCaptureFixture):
    now = [100.0]
    log = RepeatedLog(logging.getLogger("localllm.x"), logging.WARNING, lambda: now[0])
    for _ in range(1000):
        log("refused: %s", "who")
    assert caplog.messages == ["refused: who"]
    now[0] += EVERY
    log("refused: %s", "who")
    now[0] += EVERY
    log("refused: %s", "100%")
    assert caplog.messages[1:] == ["refused: who (and 999 more like it)", "refused: 100%"]

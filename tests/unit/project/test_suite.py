"""What the suite itself has to keep, so that its files can be run side by side."""

from collections import Counter
from pathlib import Path

import pytest
from blockbuster import BlockingError

from gateway.config import secret_files


def test_no_two_tests_share_an_id(request: pytest.FixtureRequest):
    """pytest-xdist runs one of those that do, and says nothing of the others."""
    ids = Counter(item.nodeid for item in request.session.items)
    assert [name for name, times in ids.items() if times > 1] == []


@pytest.mark.anyio
async def test_a_call_of_the_gateway_that_blocks_an_event_loop_is_an_error(tmp_path: Path):
    with pytest.raises(BlockingError):
        secret_files.read_or_make(tmp_path / "secret", secret_files.new_secret)

"""What the suite itself has to keep, so that its files can be run side by side."""

from collections import Counter

import pytest


def test_no_two_tests_share_an_id(request: pytest.FixtureRequest):
    """pytest-xdist runs one of those that do, and says nothing of the others."""
    ids = Counter(item.nodeid for item in request.session.items)
    assert [name for name, times in ids.items() if times > 1] == []

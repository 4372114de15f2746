"""Unit tests start no process and no database, and no example of a property has a deadline, since
a busy machine is no failure."""

import sys
from collections.abc import Generator
from contextlib import contextmanager

import hypothesis
import pytest

hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

# What Python announces before it starts another process, by whatever function.
STARTS = {
    *("subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.spawn"),
    *("os.system", "os.startfile"),
}
_refusing = [False]  # an audit hook stays for good, and would see the tests of other folders too


def _refuse(event: str, _: tuple[object, ...]) -> None:
    if _refusing[0] and event in STARTS:
        pytest.fail(f"A unit test starts no process ({event}): it belongs in tests/integration.")


sys.addaudithook(_refuse)


@contextmanager
def _without_processes() -> Generator[None]:
    _refusing[0] = True
    try:
        yield
    finally:
        _refusing[0] = False


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Function) -> Generator[None]:
    if "postgres" in item.fixturenames:  # it may run already, for tests of other folders
        pytest.fail("A unit test uses no database: it belongs in tests/integration.")
    with _without_processes():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None]:
    with _without_processes():
        return (yield)

"""What the owner reads as the name of a model server's machine."""

import pytest

from gateway.backends import machine_name
from gateway.backends.machine_name import LONGEST


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine_name.socket, "gethostname", lambda: "den-pc")
    machine_name.machine_name.cache_clear()


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("http://localhost:11434", "den-pc"),
        ("http://127.0.0.1:11434", "den-pc"),
        ("http://[::1]:8080", "den-pc:8080"),
        ("http://10.0.0.7:11434", "10.0.0.7"),
        ("http://10.0.0.7", "10.0.0.7:80"),
        ("https://gpu.example", "gpu.example:443"),
        ("http://[fd00::7]:8080/second", "[fd00::7]:8080/second"),
    ],
)
def test_it_tells_one_server_from_another_also_of_other_gateways(url: str, name: str):
    assert machine_name.machine_name(url) == name


def test_it_is_short_enough_for_a_record_of_the_outbox():
    assert len(machine_name.machine_name(f"http://x/{'y' * 999}")) == LONGEST

"""The real Apprise, against a local server in the place of the services."""

import base64
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.alerts import Alert, by_apprise
from gateway.alerts.by_apprise import LACKING, ByApprise, problem_of
from gateway.alerts.channels import channels, install_if_needed
from gateway.config.extras import ExtraError
from gateway.config.settings import Settings
from tests.support.receiver import Receiver, receiver

pytestmark = pytest.mark.anyio


@pytest.fixture
def place() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


@pytest.fixture
def logged() -> Iterator[list[str]]:
    """All that reaches the log of a gateway. (caplog also takes what goes nowhere.)"""
    lines: list[str] = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler, root = Handler(), logging.getLogger()
    root.addHandler(handler)
    yield lines
    root.removeHandler(handler)


def alert(state: str = "began") -> Alert:
    return Alert("1", datetime.now(UTC), "store", state, 1, {"machine": "home"})


async def test_json_is_sent_to_the_address(place: Receiver):
    channel = ByApprise(1, f"json://127.0.0.1:{place.port}/in")
    assert channel.name == "1:json"
    assert await channel.send(alert()) is None
    assert await channel.send(alert("over")) is None
    began, over = place.posts
    assert began.path.rstrip("/") == "/in"
    assert (began.json["title"], began.json["type"]) == ("localllm", "warning")
    assert began.json["message"].startswith("The gateway on home cannot reach its database.")
    assert over.json["type"] == "success"


async def test_ntfy_gets_topic_text_and_login(place: Receiver):
    channel = ByApprise(2, f"ntfy://me:hunter2@127.0.0.1:{place.port}/topic?priority=high")
    assert channel.name == "2:ntfy"
    assert await channel.send(alert()) is None
    (post,) = place.posts
    assert post.json["topic"] == "topic"
    assert post.json["title"] == "localllm"
    assert post.json["message"].startswith("The gateway on home")
    login = base64.b64encode(b"me:hunter2").decode()
    assert post.headers["authorization"] == f"Basic {login}"


@pytest.mark.parametrize("scheme", ["json", "ntfy"])
async def test_a_refusal_is_told_by_its_status_and_the_secret_by_nothing(
    place: Receiver,
    scheme: str,
    logged: list[str],
    capfd: pytest.CaptureFixture[str],
):
    place.status = 403
    channel = ByApprise(1, f"{scheme}://me:hunter2@127.0.0.1:{place.port}/hunter2")
    assert await channel.send(alert()) == "it answered 403"
    for url in (f"{scheme}://me:hunter2@127.0.0.1:1/hunter2", "foo://hunter2", "discord://hunter2"):
        said = await ByApprise(1, url).send(alert())
        assert said
        assert "hunter2" not in said
    assert "hunter2" not in "".join([*logged, *capfd.readouterr()])


async def test_it_works_beside_the_event_loop(place: Receiver):
    here = threading.get_ident()
    elsewhere: list[int] = []
    real = by_apprise._send

    def noted(*parts: str) -> str | None:
        elsewhere.append(threading.get_ident())
        return real(*parts)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(by_apprise, "_send", noted)
        assert await ByApprise(1, f"json://127.0.0.1:{place.port}").send(alert()) is None
    assert elsewhere
    assert here not in elsewhere


def test_an_address_that_apprise_cannot_use_is_known_before_anything_is_sent():
    for good in ("ntfy://topic", "discord://1234567890/abcdef", "mailto://u:p@example.com"):
        assert problem_of(good) is None
    for bad in ("foo://x", "discord://x", "tgram://x"):
        assert "https://appriseit.com" in (problem_of(bad) or "")


class Absent:
    """In the place of the extra, where it is not installed and cannot be."""

    def is_installed(self) -> bool:
        return False

    async def install(self) -> None:
        raise ExtraError("the installation failed")


async def test_a_lacking_extra_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("gateway.alerts.by_apprise.ALERTS", Absent())
    monkeypatch.setattr("gateway.alerts.channels.ALERTS", Absent())
    assert await ByApprise(1, "ntfy://topic").send(alert()) == LACKING
    said: list[str] = []
    named = r"ALERT_URLS needs the extra `alerts` .*: the installation failed"
    with pytest.raises(ExtraError, match=named):
        await install_if_needed(Settings(alert_urls=("ntfy://topic",)), said.append)
    assert said == ["Installing what sends alerts (once)."]
    await install_if_needed(Settings(), said.append)
    assert len(said) == 1


def test_every_address_is_a_channel_and_the_webhook_another():
    secret = "whsec_" + "A" * 43
    loaded = Settings(
        alert_urls=("ntfy://a", "MAILTO://u:p@h"),
        alert_webhook="https://h.example/x",
        alert_webhook_secret=secret,
    )
    assert [one.name for one in channels(loaded)] == ["1:ntfy", "2:mailto", "webhook"]
    assert channels(Settings()) == ()

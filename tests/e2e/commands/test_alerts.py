"""`localllm alerts`: what was told, and whether telling works."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from tests.sql.test_alerts import DOWN, watch
from tests.support.alerting import SECRET
from tests.support.command_line import CommandLine, one_line
from tests.support.receiver import Receiver, receiver
from tests.support.sql.ledger import open_ledger


@pytest.fixture
def place() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


def environ(place: Receiver) -> dict[str, str]:
    return {
        "ALERT_URLS": f"json://127.0.0.1:{place.port}/in, ntfy://127.0.0.1:{place.port}/topic",
        "ALERT_WEBHOOK": f"{place.url}/hook",
        "ALERT_WEBHOOK_SECRET": SECRET,
    }


def test_without_channels_a_test_says_what_to_set(localllm: CommandLine):
    line = one_line(localllm("alerts", "test"), 1)
    assert "set ALERT_URLS or ALERT_WEBHOOK" in line


def test_a_test_goes_to_each_channel_and_says_what_came_of_it(
    localllm: CommandLine, place: Receiver
):
    done = localllm("alerts", "test", **environ(place))
    assert done.stdout.splitlines() == [
        "1:json: delivered",
        "2:ntfy: delivered",
        "webhook: delivered",
    ]
    assert done.returncode == 0
    posts = {post.path.rstrip("/"): post for post in place.posts}
    assert set(posts) == {"/in", "", "/hook"}
    message = Webhook(SECRET).verify(posts["/hook"].body, posts["/hook"].headers)
    assert message["type"] == "test.began"
    assert posts["/in"].json["message"] == message["data"]["text"]


def test_a_channel_that_fails_is_named_and_the_others_are_tried(
    localllm: CommandLine, place: Receiver
):
    given = environ(place) | {"ALERT_WEBHOOK": "http://127.0.0.1:1/hunter2"}
    given["ALERT_URLS"] += " foo://hunter2 json://me:hunter2@127.0.0.1:1/"
    done = localllm("alerts", "test", "--json", **given)
    assert done.returncode == 1
    assert '"channel": "1:json",\n      "ok": true' in done.stdout
    assert "the address is none that Apprise can use" in done.stdout
    assert "it cannot be reached (ConnectError)" in done.stdout
    assert "3 of 5 channels failed" in done.stderr
    assert "hunter2" not in done.stdout + done.stderr


def test_the_list_is_empty_at_first_and_then_shows_what_was_told(localllm: CommandLine):
    assert localllm("alerts").stdout == "There were no alerts.\n"
    assert localllm.json("alerts") == {"data": []}


def test_the_list_has_the_newest_first_and_says_what_is_delivered_and_what_waits(
    localllm: CommandLine, dsn: str
):
    async def crossings() -> None:
        ledger = await open_ledger(dsn)
        now = datetime.now(UTC).replace(microsecond=0)
        about = {"key": {"id": "7d2c", "name": "@everyone"}, "used": 9, "limit": 10}
        quota = {"kind": "key_quota", "about": about | {"resets_at": "2030-02-01T00:00:00Z"}}
        given = await watch(ledger, now, DOWN, DOWN | {"topic": "b"} | quota, channels=("a", "b"))
        for one, problem in zip(given, [None, "it answered 500"], strict=False):
            attempt = {"id": one["id"], "channel": one["channel"], "problem": problem}
            await ledger.admin("note_deliveries", now, json.dumps([attempt]))
        await ledger.connection.close()

    asyncio.run(crossings())
    done = localllm("alerts", DATABASE_URL=dsn)
    assert done.returncode == 0, done.stderr
    key, server = (
        done.stdout.index("The key “＠everyone” has used 90 %"),
        done.stdout.index("at a "),
    )
    assert key < server
    assert "b: it answered 500; next 20" in done.stdout
    assert "a: under way; next 20" in done.stdout
    first, second = localllm.json("alerts", DATABASE_URL=dsn)["data"]
    assert first["text"].startswith("The key “＠everyone”")
    assert [one["delivered_at"] is None for one in second["deliveries"]] == [False, True]
    assert len(localllm.json("alerts", "--limit", "1", DATABASE_URL=dsn)["data"]) == 1


def test_doctor_names_an_address_that_cannot_be_used_by_its_place(localllm: CommandLine):
    done = localllm("doctor", ALERT_URLS="ntfy://topic discord://hunter2")
    (line,) = [one for one in done.stdout.splitlines() if " alerts " in one]
    assert "✗ fail alerts" in line
    assert "address 2 of ALERT_URLS is none that Apprise can use" in line
    assert "hunter2" not in done.stdout + done.stderr
    good = localllm("doctor", ALERT_URLS="ntfy://topic")
    assert "told by 1:ntfy; to try: localllm alerts test" in good.stdout

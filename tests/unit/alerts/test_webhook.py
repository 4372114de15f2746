"""The webhook, against a receiver that verifies as the library of Standard Webhooks does."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from gateway.alerts import Alert
from gateway.alerts.webhook import Webhook, signature
from gateway.config.alert_addresses import secret_bytes
from tests.support.receiver import Receiver, receiver

pytestmark = pytest.mark.anyio

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()
ABOUT = {
    "key": {"id": "7d2c", "name": "@everyone"},
    "used": 9,
    "limit": 10,
    "resets_at": "2030-02-01T00:00:00Z",
}


def alert() -> Alert:
    return Alert("11111111-2222", datetime.now(UTC), "key_quota", "began", 80, ABOUT)


@pytest.fixture
def place() -> Iterator[Receiver]:
    with receiver() as made:
        yield made


async def test_the_receiver_can_verify_it_and_read_what_happened(place: Receiver):
    assert await Webhook(f"{place.url}/hook?x=1", SECRET).send(alert()) is None
    (post,) = place.posts
    assert post.path == "/hook?x=1"
    message = Verifier(SECRET).verify(post.body, post.headers)
    assert message["type"] == "key_quota.began"
    assert datetime.fromisoformat(message["timestamp"])
    data = message["data"]
    assert data["about"] == ABOUT | {"key": {"id": "7d2c", "name": "＠everyone"}}
    assert data["text"].startswith("The key “＠everyone” has used 90 %")
    assert post.headers["webhook-id"] == data["id"] == "11111111-2222"
    assert post.headers["content-type"] == "application/json"


async def test_what_was_changed_on_the_way_is_noticed(place: Receiver):
    await Webhook(place.url, SECRET).send(alert())
    (post,) = place.posts
    for body, headers in (
        (post.body.replace(b"90", b"91"), post.headers),
        (post.body, post.headers | {"webhook-id": "other"}),
        (post.body, post.headers | {"webhook-timestamp": "1"}),
    ):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(body, headers)
    other = "whsec_" + base64.b64encode(bytes(32)).decode()
    with pytest.raises(WebhookVerificationError):
        Verifier(other).verify(post.body, post.headers)


async def test_each_attempt_has_the_same_id_and_its_own_time(place: Receiver):
    times = iter((1_900_000_000.9, 1_900_000_100.0))
    channel, same = Webhook(place.url, SECRET, lambda: next(times)), alert()
    for _ in range(2):
        await channel.send(same)
    ids, at = zip(
        *((p.headers["webhook-id"], p.headers["webhook-timestamp"]) for p in place.posts),
        strict=True,
    )
    assert ids == (same.id, same.id)
    assert at == ("1900000000", "1900000100")


def test_the_signature_is_an_hmac_over_id_time_and_body():
    key = secret_bytes(SECRET)
    mac = hmac.new(bytes(range(32)), b"msg_1.1674087231.{}", hashlib.sha256).digest()
    assert signature(key, "msg_1", 1674087231, b"{}") == "v1," + base64.b64encode(mac).decode()


@pytest.mark.parametrize("status", [301, 400, 410, 429, 500])
async def test_anything_but_a_2xx_is_no_delivery_and_no_redirect_is_followed(
    place: Receiver, status: int
):
    place.status = status
    assert await Webhook(place.url, SECRET).send(alert()) == f"it answered {status}"
    assert len(place.posts) == 1


async def test_nobody_there_is_said_without_the_address(place: Receiver):
    url = "http://127.0.0.1:1/hunter2"
    assert await Webhook(url, SECRET).send(alert()) == "it cannot be reached (ConnectError)"

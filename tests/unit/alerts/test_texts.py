"""What alerts say: short, plain, and harmless whatever the names in them are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from gateway.alerts import Alert
from gateway.alerts.harmless import harmless
from gateway.alerts.texts import text

NOON = datetime(2030, 1, 15, 12, tzinfo=UTC)
KEY = {"id": "7d2c0000-0000-4000-8000-000000000001", "name": "Shop"}
QUOTA = {"key": KEY, "used": 820, "limit": 1000, "resets_at": "2030-02-01T00:00:00Z"}
HERE = {"machine": "home"}
ALERTS: dict[str, tuple[str, str, int, dict[str, Any]]] = {
    "The key “Shop” has used 82 % of its month: 820 of 1,000 tokens. It resets on "
    "2030-02-01 00:00 UTC.": ("key_quota", "began", 80, QUOTA),
    "The key “Shop” has used up its month (1,000 of 1,000 tokens): calls are refused until "
    "2030-02-01 00:00 UTC. To allow more: localllm keys update "
    "7d2c0000-0000-4000-8000-000000000001 --token-limit NUMBER": (
        *("key_quota", "began", 100),
        QUOTA | {"used": 1000},
    ),
    "The key “Shop” expires within a week, on 2030-01-22 12:00 UTC. To keep it longer: localllm "
    "keys update 7d2c0000-0000-4000-8000-000000000001 --expires TIME": (
        *("key_expiry", "began", 1),
        {"key": KEY, "expires_at": "2030-01-22T12:00:00Z"},
    ),
    "The model server at http://10.0.0.2:11434 (seen from home) has not answered for a minute. "
    "Start it, or look what is wrong: localllm doctor": (
        *("model_server", "began", 1),
        HERE | {"url": "http://10.0.0.2:11434"},
    ),
    "The model server at http://10.0.0.2:11434 (seen from home) answers again. It took 12 "
    "minutes.": (
        *("model_server", "over", 1),
        HERE | {"url": "http://10.0.0.2:11434", "since": "2030-01-15T11:48:00Z"},
    ),
    "The tunnel of llm.example.com (seen from home) is up again. It took 3 hours.": (
        *("tunnel", "over", 1),
        HERE | {"hostname": "llm.example.com", "problem": "", "since": "2030-01-15T09:00:00Z"},
    ),
    "The gateway on home reaches its database again. It took 1 minute.": (
        *("store", "over", 1),
        HERE | {"since": "2030-01-15T11:59:30+00:00"},
    ),
    "On home, 12 finished requests wait to be counted, the oldest for 6 minutes. Nothing is lost; "
    "the gateway's log says why they wait.": (
        *("outbox", "began", 1),
        HERE | {"waiting": 12, "oldest_seconds": 361},
    ),
    "The disk of home has only 512 MB left. Free some space: without room, nothing can be "
    "counted, and calls are refused.": ("disk", "began", 1, HERE | {"free_mb": 512}),
    "The clock of home is 12 minutes behind that of its database. Set both by the network's time: "
    "months and expiry of keys go by them.": ("clock", "began", 1, HERE | {"seconds": -720}),
    "The clock went back, from 2030-03-01 12:00 UTC to 2030-01-15 12:00 UTC. If it was ahead, it "
    "is right now; else set it by the network's time. Nothing was lost.": (
        *("clock_back", "began", 1),
        {"was": "2030-03-01T12:00:00Z", "is": "2030-01-15T12:00:00Z"},
    ),
    "Somebody guesses: many wrong admin secrets came from 2001:db8::/56, which has to wait now. "
    "Nothing to do, unless it is a program of yours with an old secret.": (
        *("guesses", "began", 1),
        {"of": "admin_secret", "address": "2001:db8::/56"},
    ),
    "This is a test from home: alerts come this way.": ("test", "began", 1, HERE),
}


@pytest.mark.parametrize(("said", "parts"), ALERTS.items())
def test_it_says_what_happened_to_what_and_what_to_do(
    said: str, parts: tuple[str, str, int, dict[str, Any]]
):
    kind, state, level, about = parts
    assert text(Alert("1", NOON, kind, state, level, about), NOON) == said


@pytest.mark.parametrize("state", ["began", "over"])
@pytest.mark.parametrize(
    ("kind", "about"),
    [
        ("tunnel", {"hostname": "", "problem": "cloudflared said: @here", "machine": "home"}),
        ("store", HERE),
        ("outbox", {"waiting": 0, "oldest_seconds": 0} | HERE),
        ("disk", {"free_mb": 3} | HERE),
        ("clock", {"seconds": 400} | HERE),
        ("of a later version", {"what": "@everyone"}),
    ],
)
def test_every_kind_and_state_has_words(kind: str, state: str, about: dict[str, Any]):
    said = text(Alert("1", NOON, kind, state, 1, about), NOON)
    assert 20 < len(said) < 250
    assert "@" not in said
    assert "\n" not in said


def test_one_that_comes_late_says_when_it_was():
    alert = Alert("1", NOON, "store", "began", 1, HERE)
    assert text(alert, NOON + timedelta(minutes=9)).startswith("The gateway on home")
    late = text(alert, NOON + timedelta(hours=5))
    assert late.startswith("At 2030-01-15 12:00 UTC: The gateway on home")


@pytest.mark.parametrize(
    "name",
    [
        "@everyone @here <@123> <!channel> <@&5>",
        "**bold** _x_ ~~y~~ `code` ||hidden|| # head > quote",
        "[click](https://evil.example/x) www.evil.example evil.example",
        "<b>html</b> &lt; <img src=x onerror=alert(1)>",
        "a\r\nb\x00c\x1b[31md\u2028e\u2029f\u0085g",
        "\u202egnp.exe \u200bx\ufeff \u2066y",
        "\ud800 half",
        ":skull: \\n {{x}} ${x} %s",
        "x" * 5000,
        "",
        "   ",
    ],
)
def test_a_name_does_nothing_where_it_is_shown(name: str):
    shown = harmless(name)
    assert shown
    assert len(shown) <= 60
    assert shown.isprintable()
    assert not set(shown) & set("@<>*_~`|#[]()&\\:/{}$!")
    assert "evil.example" not in shown
    shown.encode()  # no half of a surrogate
    about = QUOTA | {"key": KEY | {"name": name}}
    said = text(Alert("1", NOON, "key_quota", "began", 80, about), NOON)
    assert "@" not in said
    assert said.isprintable()


def test_a_plain_name_stays_as_it_is():
    for name in ("Blog of Zoë", "wien-büro 2.1", "客户端", "Mum's iPad, 2nd"):
        assert harmless(name) == name

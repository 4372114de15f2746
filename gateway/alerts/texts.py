"""What an alert says: what happened, to what, and what to do. Never a key, never a prompt."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.alerts import Alert
from gateway.alerts.harmless import harmless

TITLE = "localllm"
_LATE = timedelta(minutes=10)  # a message as old as this says when it was

_PLAIN = re.compile(r"(?:https?://)?[A-Za-z0-9.:\[\]/-]{1,100}")

About = Mapping[str, Any]


def text(alert: Alert, now: datetime | None = None) -> str:
    """One or two sentences on one line."""
    say = (_OVER if alert.state == "over" else _BEGAN).get(alert.kind, _unknown)
    said = say(alert.about, alert.level)
    if alert.state == "over" and "since" in alert.about:
        said += f" It took {_span(alert.time - _time(alert.about['since']))}."
    if (now or datetime.now(UTC)) - alert.time > _LATE:
        said = f"At {_moment(alert.time)}: {said}"
    return said


def _key(about: About) -> str:
    return f"The key “{harmless(about['key']['name'])}”"


def _key_quota(about: About, level: int) -> str:
    used, limit = int(about["used"]), int(about["limit"])
    numbers = f"{used:,} of {limit:,} tokens"
    until = _moment(_time(about["resets_at"]))
    if level < 100:
        part = used * 100 // max(limit, 1)
        return f"{_key(about)} has used {part} % of its month: {numbers}. It resets on {until}."
    more = f"localllm keys update {harmless(about['key']['id'])} --token-limit NUMBER"
    return (
        f"{_key(about)} has used up its month ({numbers}): calls are refused until {until}. "
        f"To allow more: {more}"
    )


def _key_expiry(about: About, level: int) -> str:
    end = _moment(_time(about["expires_at"]))
    left = "within a day" if level > 1 else "within a week"
    more = f"localllm keys update {harmless(about['key']['id'])} --expires TIME"
    return f"{_key(about)} expires {left}, on {end}. To keep it longer: {more}"


def _model_server(about: About, _: int) -> str:
    return (
        f"The model server at {_place(about)} has not answered for a minute. Start it, or look "
        "what is wrong: localllm doctor"
    )


def _tunnel(about: About, _: int) -> str:
    problem = f" {harmless(about['problem'])}" if about.get("problem") else ""
    return (
        f"The tunnel of {_place(about)} has been down for a minute: nobody reaches this machine "
        f"from outside.{problem} To see why: localllm doctor"
    )


def _store(about: About, _: int) -> str:
    return (
        f"The gateway on {_place(about)} cannot reach its database. Keys that it knows go on for "
        "a while; then all calls are refused. To see why: localllm doctor"
    )


def _outbox(about: About, _: int) -> str:
    minutes = max(1, int(about["oldest_seconds"]) // 60)
    return (
        f"On {_place(about)}, {int(about['waiting']):,} finished requests wait to be counted, the "
        f"oldest for {minutes} minutes. Nothing is lost; the gateway's log says why they wait."
    )


def _disk(about: About, _: int) -> str:
    return (
        f"The disk of {_place(about)} has only {int(about['free_mb']):,} MB left. Free some space: "
        "without room, nothing can be counted, and calls are refused."
    )


def _clock(about: About, _: int) -> str:
    return (
        f"The clock of {_place(about)} is {_span(timedelta(seconds=about['seconds']))} "
        f"{'ahead of' if about['seconds'] > 0 else 'behind'} that of its database. Set both by the "
        "network's time: months and expiry of keys go by them."
    )


def _clock_back(about: About, _: int) -> str:
    was, now = _moment(_time(about["was"])), _moment(_time(about["is"]))
    return (
        f"The clock went back, from {was} to {now}. If it was ahead, it is right now; else set it "
        "by the network's time. Nothing was lost."
    )


def _guesses(about: About, _: int) -> str:
    what = "wrong admin secrets" if about["of"] == "admin_secret" else "keys that do not exist"
    return (
        f"Somebody guesses: many {what} came from {_address(about['address'])}, which has to wait "
        "now. Nothing to do, unless it is a program of yours with an old secret."
    )


def _test(about: About, _: int) -> str:
    return f"This is a test from {_place(about)}: alerts come this way."


def _unknown(about: About, _: int) -> str:
    return f"Something that this version cannot put into words: {harmless(dict(about))}"


_BEGAN: Mapping[str, Callable[[About, int], str]] = {
    "key_quota": _key_quota,
    "key_expiry": _key_expiry,
    "model_server": _model_server,
    "tunnel": _tunnel,
    "store": _store,
    "outbox": _outbox,
    "disk": _disk,
    "clock": _clock,
    "clock_back": _clock_back,
    "guesses": _guesses,
    "test": _test,
}
_OVER: Mapping[str, Callable[[About, int], str]] = {
    "model_server": lambda about, _: f"The model server at {_place(about)} answers again.",
    "tunnel": lambda about, _: f"The tunnel of {_place(about)} is up again.",
    "store": lambda about, _: f"The gateway on {_place(about)} reaches its database again.",
    "outbox": lambda about, _: f"On {_place(about)}, all finished requests are counted.",
    "disk": lambda about, _: f"The disk of {_place(about)} has room again.",
    "clock": lambda about, _: f"The clocks of {_place(about)} and its database agree again.",
}


def _place(about: About) -> str:
    """What it is about, and which gateway's: homes that share a name, or have the same addresses,
    are told apart by their machines."""
    machine = _address(about.get("machine"))
    place = about.get("url") or about.get("hostname")
    return f"{_address(place)} (seen from {machine})" if place else machine


def _address(told: object) -> str:
    """Of a machine: the owner's own, or where a caller is."""
    plain = str(told)
    return plain if _PLAIN.fullmatch(plain) else harmless(plain)


def _time(told: str) -> datetime:
    return datetime.fromisoformat(told)


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _span(time: timedelta) -> str:
    minutes = max(1, round(abs(time.total_seconds()) / 60))
    if minutes < 120:
        return f"{minutes} minute{'s' if minutes != 1 else ''}"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // 1440} days"

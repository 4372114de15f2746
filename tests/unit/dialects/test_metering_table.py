"""The metering table is true: each field that it names is the one that is read, or written."""

import copy
import itertools
import json
import re
from typing import Any

import msgspec
import pytest

from gateway.core.errors import Refusal
from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect, Sanitised, Usage
from gateway.dialects.reference import Metering
from gateway.proxy.meter import BodyMeter, StreamMeter
from tests.support.paths import RECORDINGS
from tests.support.requests.completions_stream import ASKED

DIALECTS = all_dialects()
# What callers call a cap anywhere, and what they may take for one.
CAPS = {
    *("max_tokens", "max_completion_tokens", "max_output_tokens", "max_new_tokens"),
    *("num_predict", "options.num_predict", "options.max_tokens"),
}
STREAMING = [one for one in DIALECTS if one.framing]
every_dialect = pytest.mark.parametrize("dialect", DIALECTS, ids=lambda one: one.path)


def found(tree: Any, path: str) -> Any:
    """What stands at a dotted path; None: nothing."""
    for step in path.split("."):
        tree = tree.get(step) if isinstance(tree, dict) else None
    return tree


def put(tree: Any, path: str, value: object) -> None:
    *steps, last = path.split(".")
    for step in steps:
        tree = tree.setdefault(step, {})
    tree[last] = value


def asked(dialect: Dialect, **caps: object) -> Sanitised | Refusal:
    """The example request with these caps and no other."""
    request = copy.deepcopy(dialect.reference.example)
    for name in CAPS:
        holder = request
        for step in name.split(".")[:-1]:
            holder = holder.get(step, {})
        holder.pop(name.split(".")[-1], None)
    for name, value in caps.items():
        put(request, name, value)
    return dialect.sanitise(json.dumps(request).encode())


def cap_of(dialect: Dialect, **caps: object) -> int | str | None:
    """The cap that counts; the word `refused` for a request that cannot be made so."""
    result = asked(dialect, **caps)
    return "refused" if isinstance(result, Refusal) else result.max_output


def reported(row: Metering, told: object) -> Usage:
    """What the row's fields say there."""
    prompt = sum(found(told, path) or 0 for path in row.prompt)
    return Usage(prompt, (row.completion and found(told, row.completion)) or 0)


@every_dialect
def test_a_row_is_whole(dialect: Dialect) -> None:
    row = dialect.reference.metering
    assert bool(row.event) == bool(dialect.framing)
    assert bool(row.caps) == bool(row.sent_as) == bool(row.completion)
    assert set(row.caps) <= CAPS
    text = " ".join((row.event, row.note))
    assert text.count("`") % 2 == 0


@every_dialect
def test_a_cap_counts_under_the_names_in_the_table_and_under_no_other(dialect: Dialect) -> None:
    row = dialect.reference.metering
    without = cap_of(dialect)
    assert without in ({None, "refused"} if row.caps else {0})
    for name in CAPS:
        assert cap_of(dialect, **{name: 7}) in ({7} if name in row.caps else {without, "refused"})
    for name, nothing in itertools.product(row.caps, (0, -1)):
        assert cap_of(dialect, **{name: nothing}) in {None, "refused"}


@every_dialect
def test_of_several_caps_the_smallest_counts(dialect: Dialect) -> None:
    for one, other in itertools.permutations(dialect.reference.metering.caps, 2):
        assert cap_of(dialect, **{one: 9, other: 4}) == 4
        assert cap_of(dialect, **{one: 0, other: 4}) == 4


@every_dialect
def test_the_model_server_gets_the_granted_number_under_the_name_in_the_table(
    dialect: Dialect,
) -> None:
    row = dialect.reference.metering
    request = asked(dialect, **dict.fromkeys(row.caps, 5000))
    assert isinstance(request, Sanitised)
    sent = dialect.serialise(request, 3)
    assert isinstance(sent, bytes)
    there = {name: found(json.loads(sent), name) for name in CAPS}
    assert {name: value for name, value in there.items() if value is not None} == (
        {row.sent_as: 3} if row.sent_as else {}
    )


@every_dialect
def test_a_whole_answer_is_counted_by_the_fields_in_the_table(dialect: Dialect) -> None:
    row = dialect.reference.metering
    body = upstream_answer(dialect)
    for number, path in enumerate((*row.prompt, row.completion), 1):
        if path:
            put(body, path, 100**number)
    meter = BodyMeter(dialect, json.dumps(body).encode())
    assert not meter.broken
    wanted = reported(row, body)
    assert meter.usage == (wanted if wanted.prompt_tokens else None)


@every_dialect
def test_without_those_fields_nothing_is_reported(dialect: Dialect) -> None:
    row = dialect.reference.metering
    body = upstream_answer(dialect)
    for path in filter(None, (*row.prompt, row.completion)):
        put(body, path, 0)
    assert BodyMeter(dialect, json.dumps(body).encode()).usage is None


def upstream_answer(dialect: Dialect) -> Any:
    """A whole answer of the model server's: the example of the dialect that is its own."""
    own = next(one for one in DIALECTS if one.path == dialect.upstream)
    return copy.deepcopy(own.reference.answer_example)


def streams(dialect: Dialect) -> list[bytes]:
    """What Ollama was recorded to stream there."""
    recorded: list[bytes] = [ASKED] if dialect.upstream == "/v1/completions" else []
    assert dialect.framing
    media = dialect.framing.media.decode().partition(";")[0]
    for folder in sorted(RECORDINGS.iterdir()):
        meta = json.loads(folder.joinpath("meta.json").read_text("utf-8"))
        streamed = (meta["content_type"] or "").startswith(media) and meta["status"] == 200
        if streamed and meta["path"] == dialect.upstream:
            recorded.append(folder.joinpath("response.body").read_bytes())
    return recorded


def is_named(event: Any, row: Metering) -> bool:
    """Whether an event is of the kind that the row names."""
    names = re.findall(r"`(.+?)`", row.event)
    return any(event.get("type") == name or event.get(name) in (True, []) for name in names)


@pytest.mark.parametrize("dialect", STREAMING, ids=lambda one: one.path)
def test_a_stream_is_counted_by_the_event_and_fields_in_the_table(dialect: Dialect) -> None:
    row = dialect.reference.metering
    assert dialect.framing
    counted = 0
    for stream in streams(dialect):
        meter = StreamMeter(dialect, show_usage=True)
        meter.feed(stream)
        told: list[Usage] = []
        for event in stream.split(dialect.framing.separator):
            text = event[event.find(b"{") :]
            try:
                value = msgspec.json.decode(text)
            except msgspec.DecodeError:  # the end of the stream
                continue
            if is_named(value, row):
                told.append(reported(row, found(value, row.inside) if row.inside else value))
            else:
                assert dialect.read_event(event).usage is None
        assert meter.usage == (told[-1] if told and told[-1].reported() else None)
        counted += meter.usage is not None
    assert counted

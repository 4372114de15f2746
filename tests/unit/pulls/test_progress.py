"""What Ollama says of a pull becomes one state: bytes over all layers, its phase, its end."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.errors import Refusal
from gateway.pulls.progress import Progress
from tests.support.paths import RECORDINGS

BIG, SMALL = "sha256:" + "b" * 64, "sha256:" + "5" * 64


def lines(*said: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in said)


def layer(digest: str, completed: int | None, total: int) -> dict[str, Any]:
    there = {} if completed is None else {"completed": completed}
    return {"status": f"pulling {digest[7:19]}", "digest": digest, "total": total, **there}


def after(*said: dict[str, Any]) -> Progress:
    progress = Progress()
    progress.feed(lines(*said))
    return progress


def test_bytes_are_those_of_all_layers_that_were_named() -> None:
    progress = after({"status": "pulling manifest"}, layer(BIG, None, 1000))
    assert (progress.completed, progress.total) == (0, 1000)
    progress.feed(lines(layer(BIG, 400, 1000), layer(BIG, 1000, 1000), layer(SMALL, 7, 10)))
    assert (progress.completed, progress.total) == (1007, 1010)
    assert progress.status == f"pulling {'5' * 12}"


def test_what_a_failed_part_takes_back_is_taken_back() -> None:
    progress = after(layer(BIG, 600, 1000), layer(BIG, 500, 1000))
    assert progress.completed == 500


def test_no_layer_has_more_than_its_size() -> None:
    assert after(layer(BIG, 2000, 1000)).completed == 1000


def test_the_same_line_again_is_no_news() -> None:
    progress = after(layer(BIG, 500, 1000))
    before = progress.changes
    progress.feed(lines(*[layer(BIG, 500, 1000)] * 100))
    assert progress.changes == before
    progress.feed(lines(layer(BIG, 501, 1000)))
    assert progress.changes == before + 1


def test_all_layers_are_one_phase_and_each_other_status_is_one() -> None:
    progress = Progress()
    phases: list[str] = []
    for one in (
        *({"status": "pulling manifest"}, layer(BIG, 1, 10), layer(SMALL, 1, 10)),
        *(layer(BIG, 2, 10), {"status": "verifying sha256 digest"}),
    ):
        progress.feed(lines(one))
        phases.append(progress.phase)
    assert phases == ["pulling manifest", *["layers"] * 3, "verifying sha256 digest"]


def test_success_ends_it_and_nothing_behind_it_counts() -> None:
    progress = after({"status": "success"}, {"error": "no"}, layer(BIG, 1, 10))
    assert progress.succeeded
    assert progress.failure is None
    assert progress.total == 0
    progress.end()
    assert progress.failure is None


@pytest.mark.parametrize("cut", ["", '{"status":"pulling', '{"status":"verifying"}'])
def test_an_end_without_success_is_a_failure(cut: str) -> None:
    progress = after({"status": "pulling manifest"})
    progress.feed(cut.encode())
    progress.end()
    assert progress.failure is not None
    assert progress.failure.reason == "upstream_error"


def test_a_last_line_without_its_line_end_counts() -> None:
    progress = Progress()
    progress.feed(b'{"status":"success"}')
    assert not progress.over
    progress.end()
    assert progress.succeeded


@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("nat-pull-unreachable-stream", "upstream_failed", "on …: no such host"),
        ("nat-pull-other-host", "upstream_failed", "dial tcp …: connect: connection refused"),
        ("nat-create-unknown-from", "upstream_failed", "no such host"),
    ],
)
def test_an_error_in_a_recorded_stream_is_told_in_ollama_s_words(
    name: str, reason: str, words: str
) -> None:
    progress = Progress()
    progress.feed((RECORDINGS / name / "response.body").read_bytes())
    assert progress.status == "pulling manifest"
    assert progress.failure is not None
    assert progress.failure.reason == reason
    assert progress.failure.detail.startswith("pull model manifest: ")
    assert progress.failure.detail.endswith(words)


def test_a_recorded_success_is_one() -> None:
    progress = Progress()
    progress.feed((RECORDINGS / "nat-create-stream" / "response.body").read_bytes())
    assert progress.succeeded


def test_what_the_registry_does_not_have_is_a_model_that_is_not_found() -> None:
    progress = after({"error": "pull model manifest: file does not exist"})
    words = "pull model manifest: file does not exist"
    assert progress.failure == Refusal("upstream_not_found", words)


def test_a_full_disk_is_told_without_its_path() -> None:
    path = "/home/jane/.ollama/models/blobs/sha256-bb-partial"
    progress = after({"error": f"max retries exceeded: write {path}: no space left on device"})
    words = "max retries exceeded: write …: no space left on device"
    assert progress.failure == Refusal("upstream_failed", words)


def test_a_status_holds_no_path_and_is_short() -> None:
    progress = after({"status": "couldn't remove unused layers: remove /home/jane/x: busy"})
    assert "jane" not in progress.status
    progress.feed(lines({"status": "x" * 5000}))
    assert len(progress.status) <= 501


@pytest.mark.parametrize(
    "line",
    [
        *(b"no JSON", b"[]", b"7", b'{"status":7}', b'{"total":-1}', b'{"total":1e99}'),
        *(b'{"completed":"1"}', b'{"error":{}}', b'\xff{"status":""}', b"{" * 5000),
        b'{"digest":"%s"}' % (b"x" * 5000),
        b'{"status":"%s"}' % (b"x" * 70_000),
    ],
)
def test_a_line_that_cannot_be_read_is_a_failure(line: bytes) -> None:
    progress = Progress()
    progress.feed(line + b"\n")
    assert progress.failure is not None
    assert progress.failure.reason == "upstream_error"


def test_an_endless_line_is_not_kept() -> None:
    progress = Progress()
    for _ in range(3):
        progress.feed(b"x" * 40_000)
    assert progress.failure is not None


def test_countless_layers_are_not_kept() -> None:
    progress = Progress()
    for number in range(10_050):
        progress.feed(lines(layer(f"sha256:{number:064}", 1, 2)))
    assert progress.total == 20_000


@given(st.data())
def test_where_its_bytes_are_cut_makes_no_difference(data: st.DataObject) -> None:
    said = lines(
        *({"status": "pulling manifest"}, layer(BIG, 5, 10), layer(SMALL, 1, 3)),
        *(layer(BIG, 10, 10), {"status": "grüße"}, {"status": "success"}),
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(said)), max_size=6)))
    progress = Progress()
    for start, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
        progress.feed(said[start:end])
    assert progress.succeeded
    assert (progress.completed, progress.total) == (11, 13)

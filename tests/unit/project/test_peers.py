"""The table of peers: what is pinned is installed, and what is not there is said."""

import asyncio
import json
from pathlib import Path

import pytest

from bench.peers import installing, table
from bench.peers.__main__ import QUICK
from bench.peers.course import PEERS, Course
from bench.peers.litellm import LiteLLM
from bench.peers.olla import Olla
from bench.peers.pinned import PINNED, Pin

each_peer = pytest.mark.parametrize("kind", PEERS, ids=lambda kind: kind.name)


def test_every_pinned_peer_can_be_started_or_says_why_it_is_left_out():
    started = {kind.name for kind in PEERS}
    assert started == {pin.name for pin in PINNED if not pin.left_out}
    assert {pin.name for pin in PINNED} == set(table.TITLES)


@pytest.mark.parametrize("pin", [pin for pin in PINNED if not pin.left_out], ids=lambda p: p.name)
def test_what_is_installed_is_the_pinned_version_and_from_no_place_of_our_choice(
    pin: Pin, tmp_path: Path
):
    commands = installing.steps(pin, tmp_path)
    words = [word for command, _ in commands for word in command]
    manifest = tmp_path / "package.json"
    if pin.installer == "npm":
        wanted = json.loads(manifest.read_text())
        assert wanted["dependencies"] == {pin.package: pin.version}
        assert wanted["overrides"] == dict(pin.others)
    else:
        package = f"{pin.package}[{pin.extra}]==" if pin.extra else f"{pin.package}@"
        assert f"{package}{pin.version}" in words
    assert not [word for word in words if "://" in word or "index" in word or "registry" in word]


@each_peer
def test_a_peer_gets_nothing_of_the_environment_and_its_key_is_on_no_command_line(
    kind, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("OPENAI_API_KEY", "of-the-person-who-measures")
    peer = kind(tmp_path, 11434, tmp_path / "home")
    assert "of-the-person-who-measures" not in peer.environment.values()
    assert not any("sk-" in word for word in peer.command())


def test_peers_that_have_a_setting_for_it_listen_on_loopback_only(tmp_path: Path):
    litellm = LiteLLM(tmp_path, 11434, tmp_path).command()
    assert litellm[litellm.index("--host") + 1] == "127.0.0.1"
    olla = Olla(tmp_path, 11434, tmp_path)
    assert json.loads(olla.config.read_text())["server"]["host"] == "127.0.0.1"


def test_a_peer_that_takes_no_more_connections_ends_only_its_own_part(tmp_path: Path):
    course = Course(tmp_path, QUICK, print, {})
    peer = Olla(tmp_path, 11434, tmp_path)  # never started
    course.add(peer)
    asyncio.run(course.round(peer))
    assert "no more connections" in course.failed["olla"]


def test_the_table_has_a_column_for_who_was_measured_and_a_line_for_who_was_not():
    figures = {"direct": {"rate": 22273.0}, "litellm": {"rate": 56.4, "lost": 389.0}}
    told = table.lines(figures, {"bifrost": "it is not there"})
    assert told[0] == "|  | direct | LiteLLM |"
    assert "| requests/s, 16 callers | 22,273 | 56 |" in told
    assert "| held streams lost | – | 389 |" in told
    assert told[-1] == "- Bifrost is left out: it is not there."


def test_the_table_replaces_the_one_of_the_page_and_nothing_else(tmp_path: Path):
    page = tmp_path / "performance.md"
    page.write_text(f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n")
    for text in ("longer than old", "new"):
        table.write(text, page)
    assert page.read_text() == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter\n"
    page.write_text("a page without marks")
    with pytest.raises(ValueError, match="lacks the lines"):
        table.write("new", page)
    assert page.read_text() == "a page without marks"


def test_the_page_has_the_marks():
    text = table.PAGE.read_text("utf-8")
    assert text.count(table.BEGIN) == text.count(table.END) == 1
    assert text.index(table.BEGIN) < text.index(table.END)

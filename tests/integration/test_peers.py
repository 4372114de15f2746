"""Peers of the benchmark are installed once, and a registry that says no is not asked again."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.peers import installing
from bench.peers.pinned import PINNED, Pin
from bench.peers.portkey import Portkey
from tests.support.node import NODE


def pinned(name: str) -> Pin:
    return next(pin for pin in PINNED if pin.name == name)


def say(text: str) -> None:
    pass


Npm = Callable[[int], Path]


@pytest.fixture
def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Npm:
    """An installer that notes each call in a file and ends with the given code."""
    calls, folder = tmp_path / "calls", tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def make(code: int) -> Path:
        script = f'#!/bin/sh\necho "$@" >>{calls}\necho no such package >&2\nexit {code}\n'
        (folder / "npm").write_text(script)
        (folder / "npm").chmod(0o755)
        return calls

    return make


def test_a_peer_is_installed_once(npm: Npm, tmp_path: Path):
    calls = npm(0)
    homes = {installing.install(pinned("portkey"), tmp_path / "cache", say) for _ in range(2)}
    assert len(homes) == 1
    assert len(calls.read_text().splitlines()) == 1


def test_an_installation_that_was_interrupted_is_done_again(npm: Npm, tmp_path: Path):
    calls = npm(0)
    home = installing.install(pinned("portkey"), tmp_path, say)
    (home / "installed").unlink()
    (home / "half").touch()
    assert installing.install(pinned("portkey"), tmp_path, say) == home
    assert not (home / "half").exists()
    assert len(calls.read_text().splitlines()) == 2


def test_a_registry_that_said_no_is_not_asked_again_and_the_reason_stays(npm: Npm, tmp_path: Path):
    calls = npm(1)
    pin = pinned("portkey")
    for _ in range(2):
        with pytest.raises(installing.LeftOut, match=f"npm could not get {pin.package}"):
            installing.install(pin, tmp_path, say)
    assert len(calls.read_text().splitlines()) == 1


def test_a_checkout_of_another_version_is_not_measured_as_the_pinned_one(tmp_path: Path):
    with pytest.raises(installing.LeftOut, match="no tag"):
        installing.build(pinned("olla"), tmp_path, tmp_path / "cache", say)


def test_portkey_has_no_setting_for_it_and_listens_on_loopback_only(tmp_path: Path):
    code = 'require("http").createServer().listen(0, undefined, function () {'
    code += "console.log(this.address().address); this.close() })"
    preload = Portkey(tmp_path, 11434, tmp_path).loopback
    command = [str(NODE), "--require", str(preload), "-e", code]
    assert subprocess.check_output(command, text=True, timeout=60).strip() == "127.0.0.1"

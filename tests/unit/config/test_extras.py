"""Optional parts are found and can be installed."""

import os
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.config import extras
from gateway.config.extras import DEMO, EXTRAS, JWT, Extra
from tests.support.paths import ROOT

pytestmark = pytest.mark.anyio


def test_an_extra_lacks_as_long_as_one_of_its_modules_does() -> None:
    assert DEMO.is_installed()
    assert not DEMO._replace(modules=("xllamacpp", "no_such_module")).is_installed()


def test_what_was_installed_meanwhile_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    extra = Extra("some", ("brought_by_the_extra",))
    assert not extra.is_installed()
    (tmp_path / "brought_by_the_extra.py").write_text("")
    assert extra.is_installed()


def test_it_is_installed_here_with_uv_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALLLM_UV", "/somewhere/uv")
    program, *arguments = DEMO.install_command()
    assert program == "/somewhere/uv"
    assert arguments[:4] == ["pip", "install", "--python", sys.executable]
    locked = ["--require-hashes", "--no-deps", "-r", str(extras.LOCKS / "demo.txt")]
    assert arguments[4:] == locked
    monkeypatch.delenv("LOCALLLM_UV")
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr(extras.shutil, "which", lambda *_, **__: None)
    assert DEMO.install_command() == [sys.executable, "-m", "pip", "install", *locked]


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
    assert JWT.install_command()[:3] == [str(uv), "pip", "install"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="of root alone")
def test_root_runs_no_uv_of_another_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    os.chown(uv, 65534, 65534)
    monkeypatch.setenv("LOCALLLM_UV", str(uv))
    assert DEMO.install_command()[0] != str(uv)


LOCKED = {one["name"]: one for one in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
_ENTRY = re.compile(r"^([\w.-]+)==([^ ;]+)[^\n]*\\\n((?:    --hash=\S+(?: \\)?\n)+)", re.MULTILINE)


def hashes(package: dict[str, Any]) -> set[str]:
    files = [*package.get("wheels", ()), *filter(None, [package.get("sdist")])]
    return {one["hash"] for one in files}


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_what_is_installed_at_run_time_is_what_the_lock_file_names(extra: Extra) -> None:
    text = (extras.LOCKS / f"{extra.name}.txt").read_text()
    found = _ENTRY.findall(text)
    assert "".join(match[0] for match in _ENTRY.finditer(text)) == text  # nothing without a hash
    for name, version, listed in found:
        package = LOCKED[name]
        assert package["version"] == version, "run scripts/make-locks"
        assert set(re.findall(r"--hash=(\S+)", listed)) <= hashes(package)
    project = LOCKED["localllm"]["optional-dependencies"][extra.name]
    assert {one["name"] for one in project} <= {name for name, _, _ in found}


def test_uv_itself_is_pinned_by_hash_wherever_it_is_installed() -> None:
    assert re.fullmatch(
        r"uv==[\d.]+ \\\n(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+",
        (ROOT / "scripts/uv.txt").read_text(),
    )
    for name in ("scripts/environment.sh", "Dockerfile"):
        for line in (ROOT / name).read_text().splitlines():
            if "pip install" in line:
                assert "--require-hashes" in line, line

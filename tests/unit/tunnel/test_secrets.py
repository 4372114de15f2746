"""Tokens: how they are pasted, and who may read the files that hold them."""

import json
import os
import stat
from base64 import b64encode
from pathlib import Path

import pytest

from tests.support.cloudflared.account import token
from tunnel import named_tunnel, private_files
from tunnel.errors import TunnelError
from tunnel.hostname import hostname
from tunnel.private_files import UnsafeFile
from tunnel.token import token_in, tunnel_id

TOKEN = token("6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e", "c2VjcmV0")


@pytest.mark.parametrize(
    "pasted",
    [
        TOKEN,
        f"  {TOKEN}\n",
        f"cloudflared service install {TOKEN}",
        f"sudo cloudflared service install '{TOKEN}'\n",
        f"cloudflared tunnel run --token {TOKEN}",
        f"docker run cloudflare/cloudflared:latest tunnel --no-autoupdate run --token {TOKEN}",
    ],
)
def test_a_token_is_found_in_what_people_paste(pasted: str):
    assert token_in(pasted) == TOKEN
    assert tunnel_id(token_in(pasted)) == "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"


@pytest.mark.parametrize(
    "pasted",
    [
        "", "  ", "cGFzc3dvcmQ", TOKEN[:-8], TOKEN + "x", "eyJhIjoiYSJ9", b64encode(b"[]").decode(),
        b64encode(json.dumps({"a": "x", "t": 5, "s": "y"}).encode()).decode(), "ä" * 40,
        b64encode(b"\xff\xfe").decode(), b64encode(b"[" * 9000).decode(),
    ],
)  # fmt: skip
def test_anything_else_is_refused_without_repeating_it(pasted: str):
    with pytest.raises(TunnelError, match="dashboard") as caught:
        token_in(pasted)
    assert not pasted.strip() or pasted not in str(caught.value)


def test_a_private_file_is_complete_and_its_owners_alone(tmp_path: Path):
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o644)
    old = os.umask(0)
    try:
        private_files.write(path, TOKEN)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert private_files.read(path) == TOKEN
    assert [each.name for each in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o660, 0o622, 0o644])
def test_a_file_that_others_can_reach_is_refused_with_its_remedy(tmp_path: Path, mode: int):
    path = tmp_path / "x"
    path.write_text(TOKEN)
    path.chmod(mode)
    with pytest.raises(UnsafeFile, match=f"can be read by others; run: chmod 600 {path}"):
        private_files.read(path)
    path.chmod(0o400)
    assert private_files.read(path) == TOKEN


def test_what_systemd_or_docker_hand_over_keeps_the_mode_they_gave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "x"
    path.write_text(TOKEN)
    path.chmod(0o444)
    monkeypatch.setattr(private_files, "_HANDED_OVER", (tmp_path,))
    assert private_files.read(path) == TOKEN


def test_what_is_no_plain_file_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(UnsafeFile, match="is not a regular file"):
        private_files.read(tmp_path / "pipe")
    with pytest.raises(UnsafeFile, match="is not a regular file"):
        private_files.read(tmp_path)
    with pytest.raises(TunnelError, match="run localllm tunnel setup"):
        named_tunnel.read_secret(tmp_path / "nothing")
    with pytest.raises(TunnelError, match="is not a regular file"):
        named_tunnel.read_secret(tmp_path)
    (tmp_path / "large").write_bytes(b"x" * (private_files.MAX_BYTES + 1))
    (tmp_path / "large").chmod(0o600)
    with pytest.raises(UnsafeFile, match="too large"):
        private_files.read(tmp_path / "large")


def test_hostnames_are_read_as_people_type_them():
    assert hostname(" https://LLM.Example.com/ ") == "llm.example.com"
    assert hostname("llm.example.com.") == "llm.example.com"
    assert hostname("büro.example.de") == "xn--bro-hoa.example.de"
    for wrong in ("", "localhost", "a b.example.com", "-a.example.com", "a..b", "127.0.0.1",
                  "http://a.example.com", "a.example.com/path", "x" * 64 + ".com"):  # fmt: skip
        with pytest.raises(ValueError, match="should be a name"):
            hostname(wrong)

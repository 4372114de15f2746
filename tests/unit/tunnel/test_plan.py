"""How cloudflared is called: no secret on a command line, and no file at home that changes it."""

import json
import os
from pathlib import Path

import pytest

from tests.support.cloudflared import scenario
from tests.support.cloudflared.account import token
from tunnel import named_tunnel, plan, private_files
from tunnel.errors import TunnelError
from tunnel.named_tunnel import NamedTunnel

ID = "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"
TOKEN = token(ID, "c2VjcmV0")
ORIGIN = "http://127.0.0.1:8000"


def test_a_trial_tunnel_has_an_empty_configuration_and_falls_back_from_udp():
    words = plan.quick(ORIGIN, {}).arguments(4567, 30)
    assert words == [
        *("tunnel", "--config", os.devnull, "--no-autoupdate", "--metrics", "127.0.0.1:4567"),
        *("--output", "json", "--loglevel", "info", "--grace-period", "30s"),
        *("--protocol", "auto", "--url", ORIGIN),
    ]
    chosen = plan.quick(ORIGIN, {"TUNNEL_TRANSPORT_PROTOCOL": "http2"}).arguments(1, 0.5)
    assert chosen[-4:] == ["--protocol", "http2", "--url", ORIGIN]
    assert "0.5s" in chosen


def test_a_token_is_named_by_its_file(tmp_path: Path):
    private_files.write(tmp_path / "token", TOKEN)
    words = plan.by_token(tmp_path / "token", ORIGIN, "llm.example.com").arguments(1, 30)
    assert words[-3:] == ["run", "--token-file", str(tmp_path / "token")]
    assert words[1:3] == ["--config", os.devnull]
    assert TOKEN not in " ".join(words)


@pytest.mark.parametrize("text", ["", "nonsense", f"cloudflared service install {TOKEN}"])
def test_a_file_that_holds_no_bare_token_is_refused_before_anything_starts(
    tmp_path: Path, text: str
):
    private_files.write(tmp_path / "token", text)
    with pytest.raises(TunnelError):
        plan.by_token(tmp_path / "token", ORIGIN, "")


def test_the_settings_win_over_what_was_set_up(tmp_path: Path):
    assert plan.configured(tmp_path, None, "", ORIGIN) is None
    named_tunnel.write(tmp_path, NamedTunnel("token", ID, "set-up.example.com"))
    private_files.write(tmp_path / "token", TOKEN)
    other = tmp_path / "other"
    private_files.write(other, TOKEN)
    found = plan.configured(tmp_path, None, "", ORIGIN)
    assert found is not None
    assert (found.hostname, found.command[-1]) == ("set-up.example.com", str(tmp_path / "token"))
    found = plan.configured(tmp_path, other, "setting.example.com", ORIGIN)
    assert found is not None
    assert (found.hostname, found.command[-1]) == ("setting.example.com", str(other))


def test_a_tunnel_by_credentials_leads_one_name_to_the_gateway_and_all_else_to_404(
    tmp_path: Path,
):
    private_files.write(tmp_path / "credentials.json", json.dumps({"TunnelID": ID}))
    named_tunnel.write(tmp_path, NamedTunnel("credentials", ID, "llm.example.com"))
    for origin in (ORIGIN, "http://127.0.0.1:8001"):  # the port of this start, not of the set-up
        found = plan.configured(tmp_path, None, "", origin)
        assert found is not None
        assert found.arguments(1, 30)[-1] == "run"
        from tests.support.cloudflared.config import parse

        config = parse(Path(found.config).read_text(), "")
        assert config.rules == [("llm.example.com", origin), ("", "http_status:404")]
        assert config.values == {
            "tunnel": ID, "credentials-file": str(tmp_path / "credentials.json"), "ingress": "",
        }  # fmt: skip


def test_what_was_set_up_and_damaged_is_named(tmp_path: Path):
    for text in ("", "{}", "[]", '{"by": "token"}'):
        (tmp_path / "named.json").write_text(text)
        with pytest.raises(TunnelError, match="run localllm tunnel setup again"):
            plan.configured(tmp_path, None, "", ORIGIN)
    named_tunnel.write(tmp_path, NamedTunnel("credentials", ID, "llm.example.com"))
    with pytest.raises(TunnelError, match=r"credentials\.json cannot be read"):
        plan.configured(tmp_path, None, "", ORIGIN)


def test_the_stand_in_knows_every_flag_that_is_used(stand_in: Path):
    from tests.support.cloudflared.flags import parse

    private_files.write(stand_in / "token", TOKEN)
    for each in (plan.quick(ORIGIN, {}), plan.by_token(stand_in / "token", ORIGIN, "")):
        flags = parse(each.arguments(1, 30)[1:])
        assert flags.values["grace-period"] == "30s"
        assert flags.arguments == []
    assert scenario.starts(stand_in) == []

"""`localllm tunnel setup`: by a token, by credentials, by a log-in; with and without a terminal."""

import json
import stat

import pytest

from tests.support.cloudflared import scenario
from tests.support.cloudflared.account import token
from tests.support.cloudflared.config import parse
from tests.support.tunnel.owner import Owner
from tunnel import named_tunnel
from tunnel.named_tunnel import NamedTunnel

ID = "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"
TOKEN = token(ID, scenario.Scenario().secret)


def logged_in(owner: Owner) -> None:
    (owner.home / ".cloudflared").mkdir(parents=True)
    (owner.home / ".cloudflared" / "cert.pem").write_text("-----BEGIN ARGO TUNNEL TOKEN-----\n")


@pytest.mark.parametrize("where", ["file", "stdin"])
def test_a_token_is_kept_for_its_owner_alone(owner: Owner, where: str):
    file = owner.home / "pasted"
    file.write_text(f"sudo cloudflared service install {TOKEN}\n")
    name, given = ("-", file.read_text()) if where == "stdin" else (str(file), None)
    done = owner.does("setup", "--token-file", name, "--hostname", "LLM.example.com", given=given)
    kept = owner.folder / "token"
    assert kept.read_text().strip() == TOKEN
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(owner.folder.stat().st_mode) == 0o700
    assert named_tunnel.read(owner.folder) == NamedTunnel("token", ID, "llm.example.com")
    assert TOKEN not in done.stdout + done.stderr
    assert f"its Service URL should be http://127.0.0.1:{owner.port}" in done.stdout


def test_a_token_is_pasted_in_a_terminal_without_being_shown(owner: Owner):
    code, screen = owner.in_terminal(
        "setup", answers=[("Choose (1, 2)", "1"), ("not shown)", TOKEN), ("if unsure)", "")]
    )
    assert code == 0, screen
    assert TOKEN not in screen
    assert f"Service URL http://127.0.0.1:{owner.port}" in screen
    assert named_tunnel.read(owner.folder) == NamedTunnel("token", ID, "")


def test_a_tunnel_is_made_by_a_log_in_in_a_terminal(owner: Owner):
    code, screen = owner.in_terminal(
        "setup", answers=[("Choose (1, 2)", "2"), ("Public hostname", "llm.example.com")]
    )
    assert code == 0, screen
    assert "https://dash.cloudflare.com/argotunnel" in screen  # cloudflared's own words
    made = named_tunnel.read(owner.folder)
    assert made is not None
    cloud = json.loads((owner.stand_in / "cloud.json").read_text())
    assert cloud["dns"] == {"llm.example.com": made.tunnel_id}
    assert list(cloud["tunnels"].values()) == [made.tunnel_id]
    config = parse((owner.folder / "config.yml").read_text(), "")
    assert config.rules == [
        ("llm.example.com", f"http://127.0.0.1:{owner.port}"), ("", "http_status:404"),
    ]  # fmt: skip
    for file in ("credentials.json", "config.yml", "named.json"):
        assert stat.S_IMODE((owner.folder / file).stat().st_mode) == 0o600
    assert not (owner.folder / ".credentials.json").exists()


def test_without_a_terminal_a_log_in_that_is_there_is_used(owner: Owner):
    assert "You are not logged in" in owner.fails("setup", "--hostname", "llm.example.com")
    logged_in(owner)
    owner.does("setup", "--hostname", "llm.example.com", "--name", "mine")
    first = named_tunnel.read(owner.folder)
    done = owner.does("setup", "--hostname", "two.example.com", "--name", "mine")
    assert "Taking the tunnel 'mine', which is there already." in done.stderr
    second = named_tunnel.read(owner.folder)  # as on another machine, the same tunnel
    assert first is not None
    assert second == NamedTunnel("credentials", first.tunnel_id, "two.example.com")


def test_a_name_that_is_taken_in_dns_is_left_alone_unless_asked(owner: Owner):
    logged_in(owner)
    cloud = {"tunnels": {}, "dns": {"llm.example.com": "my website"}}
    (owner.stand_in / "cloud.json").write_text(json.dumps(cloud))
    words = ("setup", "--hostname", "llm.example.com")
    owner.does("setup", "--hostname", "mine.example.com")
    before = named_tunnel.read(owner.folder)
    assert "run this again with --overwrite-dns" in owner.fails(*words)
    assert named_tunnel.read(owner.folder) == before  # what was set up goes on
    owner.does(*words, "--overwrite-dns")
    cloud = json.loads((owner.stand_in / "cloud.json").read_text())
    assert cloud["dns"]["llm.example.com"] in cloud["tunnels"].values()


def test_credentials_of_a_tunnel_that_is_there_are_taken_over(owner: Owner):
    file = owner.home / "credentials"
    file.write_text(json.dumps({"TunnelID": ID, "TunnelSecret": "x", "AccountTag": "y"}))
    owner.does("setup", "--credentials-file", str(file), "--hostname", "llm.example.com")
    assert named_tunnel.read(owner.folder) == NamedTunnel("credentials", ID, "llm.example.com")
    for text in ("", "{}", "[]", "not json"):
        file.write_text(text)
        told = owner.fails("setup", "--credentials-file", str(file), "--hostname", "a.example.com")
        assert "not a tunnel's credentials file" in told
    assert named_tunnel.read(owner.folder) == NamedTunnel("credentials", ID, "llm.example.com")


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "There is no terminal to ask in. Use --token-file or --hostname."),
        (("--token-file", "a", "--credentials-file", "b"), 2, "not both"),
        (("--credentials-file", "a"), 2, "--credentials-file needs --hostname."),
        (("--hostname", "localhost"), 2, "should be a name such as llm.example.com"),
        (("--hostname", "a.example.com", "--name", "a;b"), 2, "--name should be letters"),
        (("--token-file", "/nonexistent"), 1, "/nonexistent cannot be read"),
        (("--token-file", "-"), 1, "There is no token"),
    ],
)
def test_wrong_usage_is_named_in_one_line(
    owner: Owner, words: tuple[str, ...], code: int, told: str
):
    assert told in owner.fails("setup", *words, code=code)
    assert named_tunnel.read(owner.folder) is None


def test_a_wrong_token_is_refused_without_repeating_it(owner: Owner):
    done = owner.does("setup", "--token-file", "-", given="eyJzZWNyZXQ", code=1)
    assert "not a tunnel's token" in done.stderr
    assert "eyJzZWNyZXQ" not in done.stderr
    assert not owner.folder.exists()

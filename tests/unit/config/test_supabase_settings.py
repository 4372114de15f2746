"""A wrong setting of Supabase names itself."""

from pathlib import Path

import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError
from tests.support.supabase_tokens import ANON, TOKEN, jwt

NOWHERE = Path("/nonexistent/.env")


def test_half_of_supabase_is_refused() -> None:
    halves = {"SUPABASE_URL": "https://x.example", "SUPABASE_SERVICE_KEY": "sb_secret_x"}
    for name, text in halves.items():
        with pytest.raises(SettingsError, match="SUPABASE_URL and SUPABASE_SERVICE_KEY"):
            settings.load({name: text}, NOWHERE)


def test_the_key_of_another_supabase_project_is_named() -> None:
    environ = {
        "SUPABASE_URL": "abc.supabase.co",
        "SUPABASE_SERVICE_KEY": jwt(role="service_role", ref="xyz"),
    }
    with pytest.raises(SettingsError, match=r"project xyz, SUPABASE_URL is abc\.supabase\.co"):
        settings.load(environ, NOWHERE)
    own = environ | {"SUPABASE_SERVICE_KEY": jwt(role="service_role", ref="abc")}
    assert settings.load(own, NOWHERE).supabase_url == "https://abc.supabase.co"


BY_TOKEN = {
    "SUPABASE_URL": "abc.supabase.co",
    "SUPABASE_PUBLISHABLE_KEY": "sb_publishable_x",
    "SUPABASE_GATEWAY_TOKEN": TOKEN,
}


@pytest.mark.parametrize("publishable", ["sb_publishable_x", ANON])
def test_a_gateway_token_stands_in_for_the_secret_key(publishable: str) -> None:
    loaded = settings.load(BY_TOKEN | {"SUPABASE_PUBLISHABLE_KEY": f" {publishable}\n"}, NOWHERE)
    assert loaded.store == "supabase"
    assert (loaded.supabase_publishable_key, loaded.supabase_gateway_token) == (publishable, TOKEN)
    assert TOKEN not in repr(loaded)


@pytest.mark.parametrize("without", BY_TOKEN)
def test_a_gateway_token_needs_its_address_and_the_publishable_key(without: str) -> None:
    if without == "SUPABASE_GATEWAY_TOKEN":
        words = "SUPABASE_GATEWAY_TOKEN belong together: set all three"
    else:
        words = f"{without}.* belong together: set all three"
    with pytest.raises(SettingsError, match=words):
        settings.load(BY_TOKEN | {without: ""}, NOWHERE)


def test_a_gateway_token_beside_the_secret_key_is_refused() -> None:
    with pytest.raises(SettingsError, match="remove the first, which may do everything"):
        settings.load(BY_TOKEN | {"SUPABASE_SERVICE_KEY": "sb_secret_x"}, NOWHERE)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SUPABASE_PUBLISHABLE_KEY", jwt(role="anon", ref="xyz")),
        ("SUPABASE_GATEWAY_TOKEN", jwt(role="localllm_gateway", ref="xyz")),
        (
            "SUPABASE_GATEWAY_TOKEN",
            jwt(role="localllm_gateway", iss="https://xyz.supabase.co/auth/v1"),
        ),
    ],
)
def test_a_token_of_another_supabase_project_is_named(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=rf"{name} belongs to the project xyz"):
        settings.load(BY_TOKEN | {name: text}, NOWHERE)
    for elsewhere in ("https://api.example.com", "127.0.0.1:54321"):  # a name of one's own
        settings.load(BY_TOKEN | {name: text, "SUPABASE_URL": elsewhere}, NOWHERE)


def test_a_supabase_on_this_machine_or_network_may_do_without_tls() -> None:
    near = ["127.0.0.1:54321", "localhost:54321", "kong:8000", "nas.lan", "100.100.1.2:8000"]
    for address in near:
        for text in (address, f"http://{address}", f"HTTP://{address.upper()}/"):
            environ = {"SUPABASE_URL": text, "SUPABASE_SERVICE_KEY": "sb_secret_x"}
            assert settings.load(environ, NOWHERE).supabase_url == f"http://{address}"


@pytest.mark.parametrize(
    "text",
    ["abc.supabase.co", "https://abc.supabase.co/", "HTTPS://ABC.supabase.co", " abc.supabase.co "],
)
def test_the_address_of_a_project_is_kept_in_one_form(text: str) -> None:
    environ = {"SUPABASE_URL": text, "SUPABASE_SERVICE_KEY": "sb_secret_x"}
    assert settings.load(environ, NOWHERE).supabase_url == "https://abc.supabase.co"

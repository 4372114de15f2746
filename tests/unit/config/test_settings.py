"""A wrong setting names itself."""

from pathlib import Path

import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError
from tests.support.supabase_tokens import ANON, SERVICE, TOKEN

NOWHERE = Path("/nonexistent/.env")


WRONG = {
    "HOST": ["localhost:80", "example.com", "256.1.1.1"],
    "PORT": ["0", "65536", "eighty", "8000.5", "٨"],
    "DEBUG": ["maybe", "2"],
    "LOG_FORMAT": ["xml", "jsonl"],
    "METRICS_TOKEN": ["short", "x" * 11],
    "ADMIN_SECRET": ["short", "x" * 11, "  x" + " " * 20],
    "ADMIN_THROUGH_TUNNEL": ["perhaps"],
    "ADMIN_CORS_ORIGINS": ["x.example", "https://a.example/path"],
    "ALLOWED_HOSTS": ["https://a.example", "a.example:80", "*", "a b/c"],
    "TRUSTED_PROXIES": ["caddy", "10.0.0.0/33", "1.2.3"],
    "DOCS_THROUGH_TUNNEL": ["perhaps"],
    "ACCESS_TEAM": ["a b", "https://example.com", "-", "team.cloudflareaccess.com.example.com"],
    "ACCESS_AUDIENCE": ["short", "x" * 129, "4714c1358e65fe4b 408ad6d432a5f878'", ","],
    "TUNNEL_HOSTNAME": ["localhost", "127.0.0.1", "a b.example.com", "http://a.example.com"],
    "TUNNEL_GRACE_SECONDS": ["0", "181", "soon"],
    "OLLAMA_BASE_URL": [
        *("ftp://x", "http://x:99999", "http://u@x", "http://x?y=1", "http://[::1"),
        *("http//localhost:1", "http:/localhost:1", "http://http://localhost:1"),
        *("http://a,ftp://b", "a http://A/", "http://a,http://a:bc", ",", "[]", '["http://a", ""]'),
    ],
    "OLLAMA_DEFAULT_MODEL": ["../x", "x:cloud:local", "ü"],
    "OLLAMA_TIMEOUT": ["0", "-1", "nan", "inf", "soon", "86401"],
    "SUPABASE_URL": [
        "ftp://x",
        "http://abc.supabase.co",
        "http://8.8.8.8:54321",
        "https://abc\u200b.supabase.co",
        "'https://abc.supabase.co'",
        "https://x.supabase.co/rest/v1",
        "https://supabase.com/dashboard/project/abcdefghijklmnopqrst",
    ],
    "SUPABASE_SERVICE_KEY": [
        "sb_publishable_x",
        ANON,
        "secret",
        "sb_secret_ü",
        "a.b.c",
        "sb_secret_",
        TOKEN,
    ],
    "SUPABASE_PUBLISHABLE_KEY": [
        *("sb_secret_x", SERVICE, TOKEN, "anon", "sb_publishable_", "sb_publishable_ü", "a.b.c"),
    ],
    "SUPABASE_GATEWAY_TOKEN": ["sb_secret_x", "sb_publishable_x", "a.b.c", ANON, SERVICE, "x"],
    "USAGE_RETENTION_MONTHS": ["1", "0", "a year"],
    "DATABASE_URL": ["mysql://x", "localhost"],
    "DEFAULT_RATE_LIMIT_PER_MIN": ["0", "-5", "1e3"],
    "DEFAULT_MONTHLY_TOKEN_LIMIT": ["-1", "many"],
    "API_KEY_PREFIX": ["a_b", "1x", "x" * 17, "ü"],
    "CORS_ORIGINS": ["example.com", "https://a.example/path", "https://a.example,b"],
    "MODEL_ALIASES": ["gpt-4o", "a=", "=b", "a=b,a:latest=c", "a=b,b=c", "a=b c=d", "a=../x"],
    "PRELOAD_MODELS": ["../x", "x:cloud:local", "qwen@4bit"],
    "CONTEXT_CHECK": ["refuse it", "on", "0"],
    "MAX_OUTPUT_TOKENS": ["0", "none"],
    "MAX_BODY_BYTES": ["10", "2GiB", "big"],
    "UPSTREAM_CONCURRENCY": ["0", "1025"],
    "QUEUE_LIMIT": ["-1"],
    "HEARTBEAT_SECONDS": ["0", "x"],
    "OFFLINE_GRACE_SECONDS": ["-3", "nan"],
    "ALLOW_CLOUD_MODELS": ["sometimes"],
    "ALERT_URLS": ["topic", "ntfy:topic", "ntfy://topic other", "ntfy://", "://x"],
    "ALERT_WEBHOOK": [
        *("example.com/x", "http://example.com/x", "ftp://x", "https://", "https://x:99999/"),
        *("https://x/ü", "https://x/#y", "http://8.8.8.8/"),
    ],
    "ALERT_WEBHOOK_SECRET": [
        *("secret", "whsec_", "whsec_c2hvcnQ=", "whsec_" + "A" * 88, "whsec_!" + "A" * 43),
        "x whsec_" + "A" * 43,
    ],
}
ANY_TEXT = {"DATA_DIR", "TUNNEL_TOKEN_FILE", "CLOUDFLARED_PATH"}


@pytest.mark.parametrize(
    ("name", "text"), [(name, text) for name, texts in WRONG.items() for text in texts]
)
def test_a_wrong_value_names_its_setting_in_one_line(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({name: text}, NOWHERE)
    line = str(caught.value)
    assert line.startswith(name)
    assert "\n" not in line


@pytest.mark.parametrize("model", ["/home/joe/X.gguf", "org/a/b/c", "qwen@4bit", "qwen2.5:7b"])
def test_the_default_model_and_those_of_aliases_may_be_any_id_that_a_server_lists(
    model: str,
) -> None:
    given = {"OLLAMA_DEFAULT_MODEL": model, "MODEL_ALIASES": f"gpt-4o={model}"}
    loaded = settings.load(given, NOWHERE)
    assert loaded.ollama_default_model == model
    assert dict(loaded.model_aliases) == {"gpt-4o:latest": model}


def test_every_setting_is_tried_with_a_wrong_value_or_takes_any_text() -> None:
    assert set(settings.names()) == WRONG.keys() | ANY_TEXT


def test_a_wrong_secret_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({"DATABASE_URL": "mysql://user:hunter2@x"}, NOWHERE)
    assert "hunter2" not in str(caught.value)


def test_addresses_of_alerts_are_split_where_another_one_begins() -> None:
    given = " ntfy://a , discord://1/2?x=1,2 mailto://u:p@h/?to=a@x,b@x,\nntfy://a;json://h/ "
    loaded = settings.load({"ALERT_URLS": given}, NOWHERE)
    assert loaded.alert_urls == (
        *("ntfy://a", "discord://1/2?x=1,2", "mailto://u:p@h/?to=a@x,b@x", "json://h/"),
    )


WEBHOOK = {
    "ALERT_WEBHOOK": "https://h.example/p?token=hunter2",
    "ALERT_WEBHOOK_SECRET": "whsec_" + "A" * 43,
}


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/x", "http://nas.lan/", "https://h.example"])
def test_a_webhook_may_do_without_tls_in_the_own_network_alone(url: str) -> None:
    assert settings.load(WEBHOOK | {"ALERT_WEBHOOK": url}, NOWHERE).alert_webhook == url


@pytest.mark.parametrize("without", WEBHOOK)
def test_a_webhook_and_its_secret_belong_together(without: str) -> None:
    with pytest.raises(SettingsError, match=r"ALERT_WEBHOOK_SECRET belong together: set both"):
        settings.load(WEBHOOK | {without: ""}, NOWHERE)


def test_where_alerts_go_is_a_secret() -> None:
    given = WEBHOOK | {"ALERT_URLS": "ntfy://hunter2"}
    assert "hunter2" not in repr(settings.load(given, NOWHERE))
    for name, text in (("ALERT_URLS", "hunter2"), ("ALERT_WEBHOOK", "http://8.8.8.8/hunter2")):
        with pytest.raises(SettingsError) as caught:
            settings.load(given | {name: text}, NOWHERE)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("name", ["OLLAMA_BASE_URL", "SUPABASE_URL"])
@pytest.mark.parametrize("text", ["http://u:hunter2@x", "http://a,http://u:hunter2,5@x"])
def test_a_password_in_an_address_is_not_repeated(name: str, text: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.load({name: text}, NOWHERE)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "http://a:11434,http://[::1]/v1",
        " HTTP://A:11434/ , [::1]/v1/ ,",
        "a:11434 [::1]/v1",
        '["http://a:11434/", "http://[::1]/v1"]',
    ],
)
def test_several_model_servers_are_a_list(text: str) -> None:
    loaded = settings.load({"OLLAMA_BASE_URL": text}, NOWHERE)
    assert loaded.ollama_base_url == ("http://a:11434", "http://[::1]")


def test_a_bad_entry_of_a_list_is_named() -> None:
    with pytest.raises(SettingsError, match=r"names 'ftp://b', which should be an address"):
        settings.load({"OLLAMA_BASE_URL": "http://a ftp://b"}, NOWHERE)
    with pytest.raises(SettingsError, match=r"names http://a twice"):
        settings.load({"OLLAMA_BASE_URL": "http://a,A/"}, NOWHERE)


def test_secrets_do_not_show_in_repr() -> None:
    secrets = {"ADMIN_SECRET": "s3cret-of-owner", "DATABASE_URL": "postgresql://u:s3cret-b@h/d"}
    assert "s3cret" not in repr(settings.load(secrets, NOWHERE))


@pytest.mark.parametrize(
    "text", ["myteam", " MyTeam.cloudflareaccess.com", "https://myteam.cloudflareaccess.com/"]
)
def test_a_team_of_access_is_known_by_each_of_its_names(text: str) -> None:
    loaded = settings.load(
        {"ACCESS_TEAM": text, "ACCESS_AUDIENCE": f"{'a' * 64}, {'b' * 64}"}, NOWHERE
    )
    assert loaded.access_team == "myteam.cloudflareaccess.com"
    assert loaded.access_audience == ("a" * 64, "b" * 64)


@pytest.mark.parametrize("half", [{"ACCESS_TEAM": "myteam"}, {"ACCESS_AUDIENCE": "a" * 64}])
def test_half_of_access_is_refused(half: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="belong together"):
        settings.load(half, NOWHERE)


def test_the_environment_wins_over_dotenv_and_dotenv_over_the_default(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("# mine\nexport PORT=9001 # here\nHOST='0.0.0.0'\nDEBUG=\n")
    loaded = settings.load({"PORT": "9002"}, dotenv)
    assert (loaded.port, loaded.host, loaded.debug) == (9002, "0.0.0.0", False)


def test_a_broken_dotenv_names_its_line(tmp_path: Path) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text("PORT=1\nwhat is this\n")
    with pytest.raises(SettingsError, match="line 2"):
        settings.load({}, dotenv)


def test_the_store_is_chosen_by_what_is_set() -> None:
    def store(**environ: str) -> str:
        return settings.load(environ, NOWHERE).store

    url, key = "https://x.supabase.co", "sb_secret_x"
    assert store() == "embedded"
    assert store(DATABASE_URL="postgresql://x/y") == "postgres"
    assert store(SUPABASE_URL=url, SUPABASE_SERVICE_KEY=key) == "supabase"


@pytest.mark.parametrize("name", ["ADMIN_SECRET", "METRICS_TOKEN"])
def test_blanks_at_the_ends_of_what_a_header_shows_do_not_lock_its_owner_out(name: str):
    loaded = settings.load({name: " s3cret-of-owner \t"}, NOWHERE)
    assert getattr(loaded, name.lower()) == "s3cret-of-owner"

"""A secret can stand in a file, and nothing of it is shown when that file cannot be used."""

from pathlib import Path

import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError

NOWHERE = Path("/nonexistent/.env")


def test_a_secret_is_read_from_the_file_that_its_name_points_to(tmp_path: Path):
    (tmp_path / "admin").write_text("s3cret-of-owner\n")
    given = {"ADMIN_SECRET_FILE": str(tmp_path / "admin")}
    assert settings.load(given, NOWHERE).admin_secret == "s3cret-of-owner"


def test_a_secret_in_a_file_is_checked_as_one_in_the_environment_is(tmp_path: Path):
    (tmp_path / "key").write_text("sb_publishable_x")
    given = {
        "SUPABASE_URL": "https://abc.supabase.co",
        "SUPABASE_SERVICE_KEY_FILE": str(tmp_path / "key"),
    }
    with pytest.raises(SettingsError, match="SUPABASE_SERVICE_KEY") as told:
        settings.load(given, NOWHERE)
    assert "sb_publishable_x" not in str(told.value)


@pytest.mark.parametrize("content", [None, b"", b" \n", b"\xff\xfe", b"x" * 20_000])
def test_a_file_that_holds_no_secret_names_itself_in_one_line(
    tmp_path: Path, content: bytes | None
):
    path = tmp_path / "database"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SettingsError, match="DATABASE_URL_FILE") as told:
        settings.load({"DATABASE_URL_FILE": str(path)}, NOWHERE)
    assert str(path) in str(told.value)
    assert "\n" not in str(told.value)


def test_a_folder_in_the_place_of_a_secret_names_itself(tmp_path: Path):
    with pytest.raises(SettingsError, match="ADMIN_SECRET_FILE"):
        settings.load({"ADMIN_SECRET_FILE": str(tmp_path)}, NOWHERE)


def test_a_secret_that_is_given_twice_is_refused_rather_than_guessed(tmp_path: Path):
    (tmp_path / "admin").write_text("one")
    given = {"ADMIN_SECRET": "two", "ADMIN_SECRET_FILE": str(tmp_path / "admin")}
    with pytest.raises(SettingsError, match="both set"):
        settings.load(given, NOWHERE)


def test_only_secrets_have_a_file(tmp_path: Path):
    (tmp_path / "port").write_text("1")
    given = {"PORT_FILE": str(tmp_path / "port")}
    assert settings.load(given, NOWHERE).port == 8000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_dotenv_is_read_as_people_mean_it(tmp_path: Path, encoding: str, ends: str) -> None:
    lines = [
        "PORT=9001 # mine",
        "export HOST='0.0.0.0' # c",
        'ADMIN_SECRET="a # b and more"',
        " DEBUG = true ",
        "# CORS_ORIGINS=https://a.example",
        "",
        "API_KEY_PREFIX=abc",
        "MODEL_ALIASES=${API_KEY_PREFIX}=qwen2.5:7b",
        "DATABASE_URL='postgresql://u:p$1#@h/d'",
    ]
    dotenv = tmp_path / ".env"
    dotenv.write_bytes((ends.join(lines) + ends).encode(encoding))
    loaded = settings.load({}, dotenv)
    assert (loaded.port, loaded.host, loaded.debug) == (9001, "0.0.0.0", True)
    assert loaded.admin_secret == "a # b and more"
    assert loaded.cors_origins == ("*",)
    assert dict(loaded.model_aliases) == {"abc:latest": "qwen2.5:7b"}
    assert loaded.database_url == "postgresql://u:p%241%23@h/d"


@pytest.mark.parametrize("line", ["what is this", "PORT", "a b=1", "=1", "PO RT=1"])
def test_a_line_that_says_nothing_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"\n# first\n\nHOST=0.0.0.0\n\n{line}\nPORT=1\n")
    with pytest.raises(SettingsError, match=r"\.env line 6 should read NAME=value\.$"):
        settings.load({}, dotenv)


@pytest.mark.parametrize("line", ["PORT='9", 'export ADMIN_SECRET = "s3cret'])
def test_a_quote_that_is_not_closed_is_named_and_not_shown(tmp_path: Path, line: str) -> None:
    dotenv = tmp_path / ".env"
    dotenv.write_text(f"HOST=0.0.0.0\n\n{line}\nDEBUG=true\n")
    with pytest.raises(SettingsError, match=r"\.env line 3 .*\. Its quote is not closed\.$"):
        settings.load({}, dotenv)


def test_a_secret_in_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes("\ufeffs3cret-of-owner\r\n".encode())
    assert (
        settings.load({"ADMIN_SECRET_FILE": str(path)}, NOWHERE).admin_secret == "s3cret-of-owner"
    )


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("http://127.0.0.1:1234/v1", "http://127.0.0.1:1234"),
        ("http://127.0.0.1:1234/v1/", "http://127.0.0.1:1234"),
        ("http://127.0.0.1:11434/api", "http://127.0.0.1:11434"),
        ("localhost:11434/API/", "http://localhost:11434"),
        ("https://host.example/ollama/v1", "https://host.example/ollama"),
        ("https://host.example/api/v1", "https://host.example/api"),
        ("http://127.0.0.1:8000/v1/chat/completions", "http://127.0.0.1:8000"),
        ("http://127.0.0.1:11434/api/generate", "http://127.0.0.1:11434"),
        ("https://host.example/v1x", "https://host.example/v1x"),
    ],
)
def test_what_documents_print_behind_an_address_is_taken_off(text: str, kept: str) -> None:
    assert settings.load({"OLLAMA_BASE_URL": text}, NOWHERE).ollama_base_url == (kept,)

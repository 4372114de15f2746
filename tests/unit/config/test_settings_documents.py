"""What people read of the settings is true."""

from dataclasses import fields
from pathlib import Path

from gateway.config import settings
from gateway.config.settings_documents import rows
from tests.support.paths import ROOT


def test_every_setting_is_documented() -> None:
    for name, _, text in rows():
        assert len(text) > 10, name
    assert len(rows()) == len(fields(settings.Settings))


def test_a_copied_dotenv_example_changes_nothing() -> None:
    assert settings.read_dotenv(ROOT / ".env.example") == {}


def test_the_defaults_shown_are_the_defaults() -> None:
    defaults = settings.Settings()
    for name, shown, _ in rows():
        if shown and name != "DATA_DIR":
            loaded = settings.load({name: shown}, Path("/nonexistent/.env"))
            assert getattr(loaded, name.lower()) == getattr(defaults, name.lower()), name

"""What somebody else could have written is neither believed nor run."""

import os
from pathlib import Path

import pytest

from gateway.config import settings
from gateway.config.settings import SettingsError
from tunnel import ownership, private_files

pytestmark = pytest.mark.skipif(os.name == "nt", reason="modes mean nothing there")
as_root = pytest.mark.skipif(os.name == "nt" or os.geteuid() != 0, reason="only root gives away")
NOBODY = 65534


@pytest.fixture
def dotenv(tmp_path: Path) -> Path:
    place = tmp_path / "project"
    place.mkdir(mode=0o755)
    file = place / ".env"
    file.write_text("PORT=8123\n")
    return file


def test_a_dotenv_of_ones_own_directory_counts(dotenv: Path):
    assert ownership.problem(dotenv) is None
    assert settings.load({}, dotenv).port == 8123


@pytest.mark.parametrize("which", ["file", "directory", "directory above"])
def test_a_dotenv_that_everybody_may_change_is_refused(dotenv: Path, which: str):
    places = {
        "file": dotenv,
        "directory": dotenv.parent,
        "directory above": dotenv.parent.parent,
    }
    places[which].chmod(0o777)
    with pytest.raises(SettingsError, match=f"everybody may write to {places[which]}"):
        settings.load({}, dotenv)


def test_one_of_ours_that_others_may_change_is_told_with_the_command_that_mends_it(dotenv: Path):
    dotenv.chmod(0o666)
    with pytest.raises(SettingsError, match=f"Run: chmod go-w {dotenv}$"):
        settings.load({}, dotenv)


def test_no_dotenv_is_no_problem_wherever_it_is_not(dotenv: Path):
    dotenv.unlink()
    dotenv.parent.chmod(0o777)
    assert settings.load({}, dotenv).port == 8000


def test_a_link_is_as_good_as_what_it_leads_to(dotenv: Path, tmp_path: Path):
    open_to_all = tmp_path / "open"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    (open_to_all / ".env").write_text("PORT=1\n")
    link = dotenv.parent / "link"
    link.symlink_to(open_to_all / ".env")
    assert ownership.problem(link) is not None


@as_root
@pytest.mark.parametrize("which", ["file", "directory"])
def test_root_believes_no_dotenv_of_another_user(dotenv: Path, which: str):
    os.chown(dotenv if which == "file" else dotenv.parent, NOBODY, NOBODY)
    with pytest.raises(SettingsError, match="belongs to"):
        settings.load({}, dotenv)


@as_root
def test_a_group_may_write_where_nobody_else_is_in_it(dotenv: Path):
    dotenv.parent.chmod(0o775)
    assert ownership.problem(dotenv) is None  # root's own group
    os.chown(dotenv.parent, 0, NOBODY)  # the first group of nobody
    assert "group" in (ownership.problem(dotenv) or "")


def test_logs_and_locks_are_their_owners_alone_also_those_of_an_earlier_version(tmp_path: Path):
    for name in ("new", "old"):
        path = tmp_path / name
        if name == "old":
            path.write_bytes(b"kept ")
            path.chmod(0o644)
        with private_files.append(path) as file:
            file.write(b"added")
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.read_bytes() == (b"kept added" if name == "old" else b"added")
    with private_files.lock(tmp_path / "lock"):
        assert (tmp_path / "lock").stat().st_mode & 0o777 == 0o600


def test_no_log_is_written_through_a_link(tmp_path: Path):
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic link"):
        private_files.append(tmp_path / "log")
    assert not (tmp_path / "elsewhere").exists()

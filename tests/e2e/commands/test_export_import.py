"""`localllm db export` and `import`: all that a store has comes over, and no key changes."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.failing_parts import fresh_database
from tests.support.moved_store import NOON, Localllm, everything, fill, verdict_of
from tests.support.postgres import Server
from tests.support.postgrest.stand_in import stand_in
from tests.support.sql.ledger import Key, open_ledger


@pytest.fixture
def other_dsn(postgres: Server) -> Iterator[str]:
    """The address of another new migrated database."""
    with fresh_database(postgres) as address:
        yield address


@pytest.fixture
def old(home: Path, dsn: str) -> Localllm:
    return Localllm(home, DATABASE_URL=dsn)


@pytest.fixture
def new(home: Path, other_dsn: str) -> Localllm:
    return Localllm(home, DATABASE_URL=other_dsn)


@pytest.fixture
async def caller(dsn: str) -> Key:
    ledger = await open_ledger(dsn)
    try:
        return await fill(ledger)
    finally:
        await ledger.connection.close()


@pytest.mark.anyio
async def test_all_comes_over_and_a_key_goes_on_with_what_it_had_left(
    old: Localllm, new: Localllm, dsn: str, other_dsn: str, caller: Key, home: Path
) -> None:
    told = old("export", "moved.ndjson")
    assert told.returncode == 0
    assert told.stdout == b""
    assert told.stderr.decode() == (
        "Exported: keys 4, rotated keys 1, counters 4, days of usage 4, days of visitors 1, "
        "requests 4, presets 1, versions of presets 2.\n"
    )
    assert stat.S_IMODE((home / "moved.ndjson").stat().st_mode) == 0o600
    assert new.imported("moved.ndjson") == {
        "keys": {"imported": 4, "present": 0},
        "retired_keys": {"imported": 1, "present": 0},
        "counters": {"imported": 4, "present": 0},
        "daily": {"imported": 4, "present": 0},
        "visitor_daily": {"imported": 1, "present": 0},
        "logs": {"imported": 4, "present": 0},
        "presets": {"imported": 1, "present": 0},
        "preset_versions": {"imported": 2, "present": 0},
        "different_keys": [],
    }
    before = await everything(dsn)
    assert await everything(other_dsn) == before
    assert all(before.values())
    verdict = await verdict_of(other_dsn, caller)
    assert verdict.allowed
    assert verdict.tokens_remaining == 5000 - 2 * 200 - 30  # of this month, and what is held now
    old_verdict = await verdict_of(dsn, caller)
    for name in ("granted", "tokens_remaining", "token_limit", "rate_limit", "month_resets_at"):
        assert getattr(verdict, name) == getattr(old_verdict, name)


@pytest.mark.anyio
async def test_a_second_import_changes_nothing(
    old: Localllm, new: Localllm, other_dsn: str, caller: Key
) -> None:
    exported = old.done("export")
    new.imported(input=exported)
    await verdict_of(other_dsn, caller)  # what has happened since stays
    before = await everything(other_dsn)
    again = new.imported("-", input=exported)
    assert await everything(other_dsn) == before
    assert again.pop("different_keys") == []
    assert {kind: count["imported"] for kind, count in again.items()} == dict.fromkeys(again, 0)
    assert [count["present"] for count in again.values()] == [4, 1, 4, 4, 1, 4, 1, 2]
    shown = new.done("import", input=exported).decode()
    assert "No key has changed" in shown


@pytest.mark.anyio
async def test_a_key_that_differs_from_the_file_is_named(
    old: Localllm, dsn: str, caller: Key
) -> None:
    exported = old.done("export")
    ledger = await open_ledger(dsn)
    try:
        await ledger.admin("rotate_api_key", NOON, caller.id, "e" * 64, "llm_eeee", 60)
        await ledger.admin("revoke_api_key", NOON, caller.id)
    finally:
        await ledger.connection.close()
    shown = old.done("import", input=exported).decode()
    assert "These keys differ from the file, and were left as they are here:" in shown
    line = shown.splitlines()[-2].split("  ")
    assert [cell.strip() for cell in line if cell.strip()] == [
        "llm_eeee",
        "Zoë's “site”",
        "revoked, rotated",
    ]


@pytest.mark.anyio
async def test_what_is_wrong_in_a_file_is_refused_before_any_of_it_is_imported(
    old: Localllm, new: Localllm, other_dsn: str, caller: Key, home: Path
) -> None:
    exported = old.done("export")
    lines = exported.splitlines(keepends=True)
    empty = await everything(other_dsn)
    for text, said in {
        exported[: len(exported) // 2]: "Nothing was imported.",
        b"".join(lines[:-1]): f"cut after line {len(lines) - 1}",
        b"".join([*lines[:3], *lines[4:]]): f"line {len(lines) - 1}: the footer",
        b"".join([*lines[:3], b"{}\n", *lines[3:]]): "line 4: ",
        b"".join([lines[0], *lines[:0:-1]]): "line 2: the footer",
        exported + lines[1]: f"line {len(lines) + 1}: nothing may follow",
        lines[0].replace(b'"version":1', b'"version":2'): "line 1: this localllm does not know",
        b"PGDMP\x01\x0e\x00": "line 1: this is not a file from",
        b"": "cut after line 0",
    }.items():
        (home / "wrong").write_bytes(text)
        assert said in new.refusal("import", input=text)
        assert "localllm: wrong, " in new.refusal("import", "wrong")
        assert await everything(other_dsn) == empty


@pytest.mark.anyio
async def test_a_value_that_the_store_refuses_is_named_and_the_rest_can_be_imported_later(
    old: Localllm, new: Localllm, dsn: str, other_dsn: str, caller: Key
) -> None:
    exported = old.done("export")
    spoiled = exported.replace(b'"total_tokens":200', b'"total_tokens":"many"', 1)
    assert spoiled != exported
    said = new.refusal("import", input=spoiled)
    assert "lines 11 to 14: " in said
    assert "Traceback" not in said
    new.imported(input=exported)
    assert await everything(other_dsn) == await everything(dsn)


def test_a_file_that_is_there_is_replaced_only_when_forced(old: Localllm, home: Path) -> None:
    mine = home / "mine"
    mine.write_text("precious")
    mine.chmod(0o644)
    assert "--force" in old.refusal("export", "mine")
    assert mine.read_text() == "precious"
    old.done("export", "mine", "--force")
    assert mine.read_text().startswith('{"format":"localllm export"')
    assert stat.S_IMODE(mine.stat().st_mode) == 0o600
    os.mkfifo(home / "pipe")  # as /dev/null is no plain file, which root could replace
    for special in ("pipe", str(home)):
        assert "not a regular file" in old.refusal("export", special, "--force")
    (home / "pipe").unlink()
    assert "cannot be written" in old.refusal("export", "nowhere/mine")
    assert sorted(path.name for path in home.iterdir()) == ["mine"]


def test_an_export_that_fails_leaves_nothing_behind(home: Path, old: Localllm) -> None:
    away = Localllm(home, DATABASE_URL=f"postgresql://nobody@/none?host={home}")
    assert "DATABASE_URL" in away.refusal("export", "half")
    assert list(home.iterdir()) == []
    (home / "whole").write_text("precious")
    away.refusal("export", "whole", "--force")
    assert (home / "whole").read_text() == "precious"
    done = subprocess.run(
        f"{sys.executable} -m gateway db export > /dev/full",
        shell=True, env=old.environ, cwd=home, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.decode() == (
        "localllm: standard output cannot be written: No space left on device.\n"
    )


def test_an_import_names_a_file_that_cannot_be_read(new: Localllm, home: Path) -> None:
    assert "none cannot be read: No such file" in new.refusal("import", "none")
    assert "cannot be read: Is a directory" in new.refusal("import", str(home))


@pytest.mark.anyio
async def test_an_export_holds_no_plain_key(old: Localllm, home: Path) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "gateway", "keys", "create", "x", "--key-only"],
        env=old.environ, cwd=home, capture_output=True, check=True,
    )  # fmt: skip
    key = made.stdout.strip()
    exported = old.done("export")
    assert b'"keys":1' in exported
    assert key not in exported


@pytest.mark.anyio
async def test_keys_move_to_supabase_and_back(
    old: Localllm, dsn: str, other_dsn: str, caller: Key, home: Path
) -> None:
    with stand_in(other_dsn) as project:
        supabase = Localllm(home, SUPABASE_URL=project.url, SUPABASE_SERVICE_KEY=project.secret_key)
        exported = old.done("export")
        assert supabase.imported(input=exported)["keys"] == {"imported": 4, "present": 0}
        assert await everything(other_dsn) == await everything(dsn)
        back = supabase.done("export")
    assert back.splitlines()[1:] == exported.splitlines()[1:]  # but the time in the header

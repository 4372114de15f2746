"""What docs/ says to type works as it stands. (supabase.md and website.md have files of their own,
and the Procfile's line is run by test_procfile.py.)"""

import json
import shutil
import stat
import subprocess
from collections.abc import Iterator

import pytest

from tests.support.cloudflared import scenario
from tests.support.cloudflared.account import token
from tests.support.docs_pages import NOT_RUN, ROOT, blocks, shell
from tests.support.docs_place import Place
from tests.support.failing_parts import fresh_database
from tests.support.fake_upstream import MODEL, FakeUpstream
from tests.support.fresh_copy import fresh_copy
from tests.support.gateway_process import PATIENCE, chat, fresh_directory
from tests.support.postgres import Server

ID = "6f1b7a2e-4b6c-4e86-9b36-0a4f8b1d2c3e"


def commands(name: str, mark: str = "run") -> list[str]:
    """The blocks of a page that are to be run and have this mark, in their order."""
    return [block.text for block in shell(ROOT / "docs" / name) if {"run", mark} <= {*block.marks}]


def test_a_contributor_can_test_one_thing_and_make_the_generated_files():
    one_file_or_test, generate = commands("../CONTRIBUTING.md")
    with fresh_copy() as place:
        repository = place / "repository"
        (repository / ".venv").symlink_to(ROOT / ".venv")
        (repository / "docs" / "api.md").write_text("old")
        done = subprocess.run(
            ["sh", "-ec", one_file_or_test + generate], cwd=repository, capture_output=True,
            text=True, timeout=3 * PATIENCE, check=False,  # of three commands
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        for name in (".env.example", "docs/configuration.md", "docs/api.md"):
            assert (repository / name).read_text() == (ROOT / name).read_text()


@pytest.fixture
def place(upstream: FakeUpstream, dsn: str) -> Iterator[Place]:
    with fresh_directory() as path:
        yield Place(path, upstream.url, dsn)


def test_home_leads_from_a_trial_to_a_lasting_name(place: Place):
    (up,), (trial,), (named,) = (commands("home.md", mark) for mark in ("up", "trial", "named"))
    *_, key_for_a_website, doctor = [text for text in commands("home.md") if ".venv/" in text]
    running = place.starts(up)
    try:
        running.wait_for(f"localllm is running at {place.url}")
        key = running.wait_for(r"\n  (llm_\w+)\n")[1]
        assert running.stop() == 0
        running = place.starts(trial)
        running.wait_for(r"Public address: https://[\w-]+\.trycloudflare\.com")
        assert running.stop() == 0
        secret = place.path / "token"
        secret.write_text(token(ID, scenario.Scenario().secret))
        place.run(
            f".venv/bin/localllm tunnel setup --token-file {secret} --hostname llm.example.com"
        )
        running = place.starts(named)
        running.wait_for("Public address: https://llm.example.com")
        edge = f"http://127.0.0.1:{(place.stand_in / 'edge_port').read_text()}"
        assert chat(edge, key, MODEL)[0] == 200
        assert "llm_" in place.run(key_for_a_website)
        told = place.run(doctor, codes=(0, 1))  # 1: nobody else knows llm.example.com
        assert "ok   store" in told
        assert running.stop() == 0
    finally:
        running.kill()


def test_the_settings_for_oracle_start_a_gateway_that_answers(upstream: FakeUpstream, dsn: str):
    (settings,) = [b.text for b in blocks(ROOT / "docs" / "oracle.md") if b.marks == ["ini"]]
    (up,) = commands("oracle.md")
    with fresh_directory() as path:
        place = Place(path, upstream.url, dsn, settings)
        running = place.starts(up)
        try:
            key = running.wait_for(r"\n  (llm_\w+)\n")[1]
            printed = running.wait_for(r"\n  (curl .*)\n")[1]
            assert place.run(printed).rstrip().endswith("data: [DONE]")
            assert chat(place.url, key, MODEL, max_tokens=5000)[0] == 200
            assert upstream.chats[-1].json["max_tokens"] == 1000  # MAX_OUTPUT_TOKENS
            assert running.stop() == 0
        finally:
            running.kill()


def test_a_key_for_one_website_has_the_lane_that_the_page_describes(place: Place):
    for make in commands("lanes.md"):
        assert "llm_" in place.run(make)
    keys = json.loads(place.run(".venv/bin/localllm keys list --json"))["data"]
    agent, key = sorted(keys, key=lambda one: one["label"])
    assert (agent["rate_limit_per_min"], agent["monthly_token_limit"]) == (120, 500_000_000)
    assert key["scopes"] == ["chat"]
    assert key["allowed_models"] == ["qwen2.5:*"]
    assert key["allowed_origins"] == ["https://blog.example"]
    assert key["max_output_tokens"] == 500


def test_presets_are_made_for_a_key_that_can_do_nothing_else_and_go_back(place: Place):
    make, go_back = commands("presets.md")
    assert "llm_" in place.run(make)
    show = ".venv/bin/localllm presets show {} --json"
    faq = json.loads(place.run(show.format("faq")))
    assert (faq["model"], faq["parameters"]["max_output_tokens"]) == ("qwen2.5:7b", 300)
    assert faq["system"].startswith("You answer questions")
    describe = json.loads(place.run(show.format("describe")))
    assert describe["locked"] and describe["variables"]["tone"] == {"enum": ["friendly", "formal"]}
    (key,) = json.loads(place.run(".venv/bin/localllm keys list --json"))["data"]
    assert key["allowed_models"] == ["@preset/*"]
    assert "version 2 (kept: 2, 1)" in place.run(go_back)
    restored = json.loads(place.run(show.format("faq")))
    assert (restored["version"], restored["parameters"]) == (3, faq["parameters"])


def test_what_is_moved_is_the_same_on_the_new_machine(
    place: Place, upstream: FakeUpstream, postgres: Server
):
    key = place.run(".venv/bin/localllm keys create moved --key-only").strip()
    back_up, restore, doctor, export = commands("moving.md", "old")
    place.run(back_up)
    place.run(restore)
    assert "nothing is waiting to be counted" in place.run(doctor, codes=(0, 1))
    place.run(export)
    exported = place.path / "moved.ndjson"
    assert stat.S_IMODE(exported.stat().st_mode) == 0o600
    assert key not in exported.read_text()
    with fresh_database(postgres) as dsn, fresh_directory() as path:
        new = Place(path, upstream.url, dsn)
        shutil.copy2(exported, path)
        (text,) = commands("moving.md", "new")
        assert "moved" in new.run(text)
        running = new.starts(".venv/bin/localllm up --no-demo")
        try:
            running.wait_for("Data: ")
            assert chat(new.url, key, MODEL)[0] == 200
            assert running.stop() == 0
        finally:
            running.kill()


def test_the_secrets_of_the_containers_are_made_for_their_owner_alone(place: Place):
    shutil.copy2(ROOT / "scripts" / "make-secrets", place.path / "scripts")
    (text,) = commands("docker.md")
    place.run(text)
    assert stat.S_IMODE((place.path / "secrets").stat().st_mode) == 0o700
    for block in shell(ROOT / "docs" / "docker.md"):
        assert block.text == text or block.text.startswith(NOT_RUN)

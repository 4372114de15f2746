"""The folder of examples holds what its README says, and nothing that belongs to one machine."""

import json
import re
import shlex
import subprocess
from importlib.metadata import version

import pytest
from packaging.requirements import Requirement

from tests.e2e.examples.example_files import EXAMPLES, table, websites

# What serves all examples of a folder, and is used whenever one of them is run.
SHARED = {"README.md", "python/requirements.txt", "node/package.json", "node/package-lock.json"}


def tracked() -> list[str]:
    """The files that a commit of everything would hold."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "."]
    listed = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=True)
    return sorted({name for name in listed.stdout.split("\0") if (EXAMPLES / name).is_file()})


def test_every_file_is_an_example_of_the_table_or_serves_one() -> None:
    named = [name for example in table() for name in example.files]
    assert len(set(named)) == len(named)
    assert sorted({*named, *SHARED}) == [
        name for name in tracked() if name.partition("/")[0] not in websites()
    ]


def test_every_website_is_in_the_table_and_has_a_readme() -> None:
    assert websites() == sorted(folder.name for folder in EXAMPLES.glob("web-*"))
    assert all((EXAMPLES / name / "README.md").exists() for name in websites())


@pytest.mark.parametrize("name", ["chat.js", "form.js", "chat.css"])
def test_what_websites_share_is_the_same_everywhere(name: str) -> None:
    copies = [EXAMPLES / file for file in tracked() if file.endswith(f"/{name}")]
    assert len(copies) == len(websites()) + 1
    assert len({file.read_text("utf-8") for file in copies}) == 1


def test_the_two_servers_have_the_same_page() -> None:
    node, python = (EXAMPLES / f"web-token-{name}" / "public" for name in ("node", "python"))
    files = sorted(file.name for file in node.iterdir())
    assert files == sorted(file.name for file in python.iterdir())
    assert all((node / name).read_text() == (python / name).read_text() for name in files)


def test_every_command_runs_the_file_of_its_row() -> None:
    for example in table():
        words = shlex.split(example.command)
        first = example.files[0]
        assert first in words or f"./{first}" in words or "web" in words, example.command


@pytest.mark.parametrize("name", tracked())
def test_no_file_holds_a_key_or_a_path_of_one_machine(name: str) -> None:
    text = (EXAMPLES / name).read_text("utf-8")
    assert not re.search(r"\b(llm|sk|sb_secret)[_-]\w{12,}", text)
    assert not re.search(r"(?<![\w.:/])/(home|Users|root|tmp|work|usr|opt|var)\b", text)
    assert not re.search(r"[A-Z]:\\\\", text)


def test_what_python_s_examples_ask_for_is_what_they_are_run_with() -> None:
    lines = (EXAMPLES / "python" / "requirements.txt").read_text("utf-8").splitlines()
    for wanted in map(Requirement, lines):
        assert wanted.specifier.contains(version(wanted.name)), wanted
        assert any(one.operator == "<" for one in wanted.specifier), "a later major may break it"
    imported = {
        module
        for file in (EXAMPLES / "python").glob("*.py")
        for module in re.findall(r"^from (\w+) import", file.read_text("utf-8"), re.MULTILINE)
    }
    named = {Requirement(line).name.replace("-", "_") for line in lines}
    assert named <= imported


@pytest.mark.parametrize("name", ["node", "web-supabase"])
def test_npm_s_lock_file_has_an_exact_version_and_a_hash_of_each_package(name: str) -> None:
    lock = json.loads((EXAMPLES / name / "package-lock.json").read_text("utf-8"))
    own, *others = lock["packages"].values()
    wanted = json.loads((EXAMPLES / name / "package.json").read_text("utf-8"))
    assert own["dependencies"] == wanted["dependencies"]
    for package in others:
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", package["version"])
        assert package["integrity"].startswith("sha512-")

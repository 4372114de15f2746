"""The folder of examples holds what its README says, and nothing that belongs to one machine."""

import json
import re
import shlex
import subprocess
from importlib.metadata import version

import pytest
from click.testing import CliRunner
from packaging.requirements import Requirement

from gateway.__main__ import cli
from tests.e2e.examples.example_files import EXAMPLES, README, table

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
    assert sorted({*named, *SHARED}) == tracked()


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


def test_npm_s_lock_file_has_an_exact_version_and_a_hash_of_each_package() -> None:
    lock = json.loads((EXAMPLES / "node" / "package-lock.json").read_text("utf-8"))
    own, *others = lock["packages"].values()
    wanted = json.loads((EXAMPLES / "node" / "package.json").read_text("utf-8"))
    assert own["dependencies"] == wanted["dependencies"]
    for package in others:
        assert re.fullmatch(r"\d+\.\d+\.\d+\S*", package["version"])
        assert package["integrity"].startswith("sha512-")


def test_the_options_of_the_command_that_makes_a_key_exist() -> None:
    [command] = re.findall(r"^localllm (.*)$", README, re.MULTILINE)
    words = shlex.split(command)
    told = CliRunner().invoke(cli, [*words[:2], "--help"]).output
    options = [word for word in words if word.startswith("--")]
    assert len(options) == 3
    assert all(option in told for option in options)

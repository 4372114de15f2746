"""What the pages name is there: commands, options, settings, files, headings."""

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from gateway.__main__ import cli
from gateway.config import settings
from tests.support.docs_pages import GENERATED, NOT_RUN, PAGES, ROOT, blocks, headings, prose, shell

APPS = "apps.md"  # full of other programs' settings, and tried by them: test_try_apps.py
OWN_TESTS = {"README.md", APPS, *GENERATED}
FOLLOWED = [page for page in PAGES if page.name not in OWN_TESTS]
# Names of other programs: Ollama's settings, Compose's, and those of the examples.
OTHERS = {
    *(
        "OLLAMA_CONTEXT_LENGTH",
        "OLLAMA_HOST",
        "OLLAMA_KEEP_ALIVE",
        "OLLAMA_NO_CLOUD",
        "OLLAMA_NUM_PARALLEL",
    ),
    *("COMPOSE_PROFILES", "LOCALLLM_KEY", "LOCALLLM_URL", "LOCALLLM_MODEL", "KEY_ID"),
    *("HTTPS_PROXY", "Q4_K_M"),
    *("TURNSTILE_SECRET", "VISITOR_USERS"),
    *(f"OTEL_EXPORTER_OTLP_{name}" for name in ("ENDPOINT", "HEADERS")),
    *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_TRACES_SAMPLER"),
    *("OTEL_METRIC_EXPORT_INTERVAL", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"),
}
MADE_LATER = {"supabase/functions/.env"}
# Where a comment may cite a page. (Its other files are recordings, vectors and made files.)
CODE = ("gateway", "tunnel", "sql", "tests", "scripts", "bench", "tryapps", "supabase/functions")
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
each_followed = pytest.mark.parametrize("page", FOLLOWED, ids=lambda page: page.name)


@each_followed
def test_every_shell_block_is_run_or_says_that_it_is_not_and_the_page_says_why(page: Path):
    for block in shell(page):
        assert ("run" in block.marks) != block.text.startswith(NOT_RUN), block.text
    if any(block.text.startswith(NOT_RUN) for block in shell(page)):
        assert "begin with `# not run here`" in prose(page)
    assert {block.marks[0] for block in blocks(page)} <= {"sh", "ini", "text", "yaml"}
    assert page.read_text().count("```") == 2 * len(blocks(page))


@each_page
def test_every_command_line_is_one_that_the_program_takes(page: Path):
    for line in _command_lines(page):
        _parse(shlex.split(line), strict=True)
    for text in re.findall(r"`localllm (?!is running at)([^`]+)`", prose(page)):
        for words in _spelled_out(text):
            _parse(words, strict=False)


def test_the_table_of_commands_is_whole():
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    assert set(re.findall(r"^\| `localllm (\w+)", page, re.MULTILINE)) == set(cli.commands)


def _command_lines(page: Path) -> Iterator[str]:
    """What follows `localllm` in the shell blocks, up to what belongs to the shell."""
    for block in shell(page):
        for line in block.text.replace("\\\n", " ").splitlines():
            found = re.search(r"(?<![\w-])localllm ((?:'[^']*'|\"[^\"]*\"|[^|&;()<>'\"])*)", line)
            if found and not line.startswith(("git clone", "#", "scp", "ssh")):
                yield found[1]


def _spelled_out(text: str) -> Iterator[list[str]]:
    """`keys create|list` is two commands, and [FILE] may be left out."""
    words = shlex.split(re.sub(r"[\[\]]", "", text.replace("\\|", "|")).split(" …")[0])
    several = next((word for word in words if "|" in word), None)
    for one in several.split("|") if several else [""]:
        yield [one if word == several else word for word in words]


def _parse(words: list[str], *, strict: bool) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group) and words:
        word, *words = words
        assert word in command.commands, f"{command.name} has no {word}"
        command = command.commands[word]
    if isinstance(command, click.Group):
        assert not strict, f"{command.name} alone does nothing"
        return
    try:
        command.parse_args(click.Context(command, info_name=command.name), list(words))
    except click.MissingParameter:
        assert not strict, f"{command.name} {words} lacks something"


@each_page
def test_every_file_that_is_named_is_there(page: Path):
    folders = "scripts|docs|examples|tests|gateway|tunnel|sql|supabase|bench|tryapps"
    text = page.read_text("utf-8")
    named = set(re.findall(rf"(?<![\w./~:-])((?:{folders})/[\w.-][\w./-]*[\w])", text))
    missing = [name for name in named - MADE_LATER if not _is_there(name)]
    assert missing == []


def _is_there(name: str) -> bool:
    return (ROOT / name).exists() or (ROOT / f"{name}.py").exists()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.name != APPS], ids=lambda p: p.name
)
def test_every_setting_that_is_named_exists(page: Path):
    known = {*settings.names(), *(f"{name}_FILE" for name in settings.secret_names()), *OTHERS}
    known |= set(re.findall(r"\$\{(\w+)", (ROOT / "compose.yaml").read_text()))
    code = " ".join([*re.findall(r"`([^`]+)`", prose(page)), *(b.text for b in blocks(page))])
    named = set(re.findall(r"(?<![\w$-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+(?![\w])", code))
    named |= set(re.findall(r"(?<![\w-])([A-Z_]{3,})=", code))
    assert sorted(named - known) == []


@each_page
def test_every_link_within_the_repository_leads_somewhere(page: Path):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if re.match(r"https?://", target):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), target
        assert not anchor or anchor in headings(file), target


def test_every_page_is_linked_from_the_readme():
    readme = (ROOT / "README.md").read_text("utf-8")
    others = [page.relative_to(ROOT).as_posix() for page in PAGES if page.name != "README.md"]
    assert [name for name in others if f"]({name})" not in readme] == []


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 130


@pytest.fixture(scope="module")
def code() -> dict[Path, str]:
    """Every file that could cite a page, with its text."""
    files = [
        file for folder in CODE for suffix in ("py", "sql", "ts")
        for file in (ROOT / folder).rglob(f"*.{suffix}") if "node_modules" not in file.parts
    ]  # fmt: skip
    return {file: file.read_text("utf-8") for file in files}


def test_no_file_cites_a_page_that_the_repository_lacks(code: dict[Path, str]):
    missing = [
        (file.relative_to(ROOT).as_posix(), name)
        for file, text in code.items()
        for name in re.findall(r"(?<![\w./{-])([\w./-]*\w\.md)(?!\w)", text)
        if not any(
            (folder / name).exists()
            for folder in (ROOT, ROOT / "docs", ROOT / "examples", file.parent)
        )
    ]
    assert missing == []


@pytest.mark.parametrize(("name", "word"), [("ollama", "trap"), ("architecture", "invariant")])
def test_every_numbered_line_that_code_cites_is_there(code: dict[Path, str], name: str, word: str):
    there = set(re.findall(r"^(\d+)\. ", (ROOT / "docs" / f"{name}.md").read_text(), re.MULTILINE))
    cited = {
        number
        for text in code.values()
        for numbers in re.findall(rf"docs/{name}\.md,\s{word}s? ([\d, and]+)", text)
        for number in re.findall(r"\d+", numbers)
    }
    assert cited
    assert cited <= there


@pytest.fixture(scope="module")
def code_map() -> list[str]:
    """What the code map names, from top to bottom, as paths without `.py`."""
    page = ROOT / "docs" / "architecture.md"
    (text,) = [one.text for one in blocks(page) if one.text.startswith("gateway/__main__")]
    named: list[str] = []
    parent = ""
    for line in text.splitlines():
        word = line.split()[0].removesuffix(".py")
        parent = parent if line.startswith(" ") else word
        named.append(f"{parent}/{word}" if line.startswith(" ") else word)
    return named


def test_what_the_code_map_names_is_there(code_map: list[str]):
    assert [name for name in code_map if not _is_there(name)] == []


def test_the_code_map_names_every_part_of_the_gateway_in_the_order_of_the_layers(
    code_map: list[str],
):
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (layers,) = [one["layers"] for one in contracts["contracts"] if one["type"] == "layers"]
    parts = [name.removeprefix("gateway/") for name in code_map if name.startswith("gateway/")]
    assert [one for one in parts if "/" not in one] == layers

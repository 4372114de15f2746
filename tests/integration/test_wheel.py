"""The wheel that people install has all that the program reads at run time, and nothing beside."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.gateway_process import PATIENCE
from tests.support.paths import ROOT

DATA = {".css", ".html", ".js", ".json", ".md", ".sql", ".txt"}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files of a wheel that was built as it is for a release."""
    uv = shutil.which("uv") or str(ROOT / ".uv" / "bin" / "uv")
    if not os.access(uv, os.X_OK):
        pytest.skip("this environment was made without uv")
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [uv, "build", "--wheel", "--quiet", "--out-dir", str(folder), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    [wheel] = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        return set(opened.namelist())


def test_it_has_every_file_of_the_packages(names: set[str]) -> None:
    wanted = {
        path.relative_to(ROOT).as_posix()
        for package in ("gateway", "tunnel")
        for path in (ROOT / package).rglob("*")
        if path.suffix in {".py", *DATA} and path.is_file()
    }
    assert "gateway/static/vendor/redoc/redoc.standalone.js" in wanted
    assert wanted <= names
    sql = {f"gateway/sql/{path.name}" for path in (ROOT / "sql").glob("*.sql")}
    assert sql <= names


def test_it_has_the_licences_of_others_and_no_source_maps(names: set[str]) -> None:
    assert "gateway/static/vendor/swagger-ui-dist/LICENSE" in names
    assert "gateway/static/vendor/redoc/LICENSE" in names
    assert not [name for name in names if name.endswith(".map")]


def test_nothing_else_is_in_it(names: set[str]) -> None:
    tops = {Path(name).parts[0] for name in names}
    [info] = [top for top in tops if top.endswith(".dist-info")]
    assert tops == {"gateway", "tunnel", info}

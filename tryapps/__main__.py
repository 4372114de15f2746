"""`scripts/try-apps NAME…`: real programs talk with a scripted model through a real gateway."""

import argparse
import re
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from tryapps import recipes, report
from tryapps.apps import APPS
from tryapps.gateway import GatewayError, gateway
from tryapps.install import InstallError
from tryapps.model import scripted_model
from tryapps.tap import tap
from tryapps.trial import Laboratory, Result

_FOLDER = Path(__file__).resolve().parent.parent / ".cache" / "try-apps"


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/try-apps", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="programs; without: list them")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--write", action="store_true", help="update the table in docs/apps.md")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="keep requests as JSON there")
    parser.add_argument("--gateway", metavar="PROGRAM", help="the localllm of another tree")
    asked = parser.parse_args()
    names = list(APPS) if asked.all else asked.names
    unknown = [name for name in names if name not in APPS]
    if unknown:
        parser.error(f"there is no {unknown[0]}: choose from {', '.join(APPS)}")
    if not names:
        for name, app in APPS.items():
            print(f"{name:<16} {app.title} ({', '.join(app.package.names) or 'not installed'})")
        return 0
    try:
        results = _try(names, asked.gateway, asked.save)
    except GatewayError as wrong:
        print(wrong, file=sys.stderr)
        return 1
    if asked.write:
        day = datetime.now(UTC).date().isoformat()
        rows = {one.app.title: report.row(one, day) for one in results}
        page = recipes.PAGE.read_text("utf-8")
        recipes.PAGE.write_text(report.table_written(page, rows), "utf-8")
    return 1 if any(one.problem for one in results) else 0


def _try(names: list[str], program: str | None, save: Path | None) -> list[Result]:
    """One after the other; told as soon as each has ended."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="localllm-apps-", ignore_cleanup_errors=True) as made:
        folder = Path(made)
        folder.chmod(0o711)  # under root, Postgres runs as a user of its own and has to get there
        with (
            scripted_model() as model,
            gateway(folder, model.url, program) as served,
            tap(served.url) as between,
        ):
            laboratory = Laboratory(model, served, between)
            for name in names:
                app = APPS[name]
                place = _FOLDER / app.program
                place.mkdir(parents=True, exist_ok=True)
                try:
                    version = app.package.install(place)
                    result = laboratory.run(app, version, place)
                except InstallError as wrong:
                    result = Result(app, "", problem=f"it could not be installed: {wrong}")
                results.append(result)
                print(report.lines(result), flush=True)
                if save:
                    _save(result, save)
    return results


def _save(result: Result, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(result.passed, 1):
        route = re.sub(r"\W+", "-", one.path.partition("?")[0]).strip("-")
        one.save(folder / f"{result.app.name}-{number:02}-{route}.json")


if __name__ == "__main__":
    sys.exit(main())

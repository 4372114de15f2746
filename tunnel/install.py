"""Install the pinned cloudflared. Nothing becomes executable before its SHA-256 is verified."""

import asyncio
import hashlib
import os
import ssl
import tarfile
import tempfile
import zlib
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from itertools import islice
from pathlib import Path
from typing import IO

from tunnel.download import Progress, Unreachable, download
from tunnel.errors import TunnelError, explained
from tunnel.locks import try_lock
from tunnel.private_files import private_folder
from tunnel.releases import VERSION, Release

_LARGEST = 256 * 1024**2  # bytes of the program, and of each archive member before it
_MOST_MEMBERS = 16
_CHUNK = 1024**2


async def install(
    release: Release,
    folder: Path,
    say: Callable[[str], None],
    progress: Progress,
    tls: ssl.SSLContext | None = None,
) -> Path:
    """The program in `folder`, downloaded unless it is there. Safe in several processes at once."""
    with explained(folder):
        private_folder(folder)
    program = folder / release.program
    async with _lock(folder, say):
        if await asyncio.to_thread(is_genuine, program, release):
            return program
        source = folder / release.file  # put there by an owner whose machine has no network
        if not source.is_file():
            source = folder / f"{release.file}.{VERSION}.part"  # half of another is no beginning
            await asyncio.to_thread(_forget_others, source, release)
            say(f"Downloading {release.url} ({release.size // 10**6} MB).")
            try:
                await download(release.url, source, release.size, progress, tls)
            except Unreachable as problem:
                raise TunnelError(
                    f"cloudflared could not be downloaded ({problem}): check the network, or bring "
                    f"{release.url} from elsewhere, put it into {folder} and run this again."
                ) from None
        with explained(folder):
            await asyncio.to_thread(_put_in_place, source, program, release)
    return program


def _forget_others(source: Path, release: Release) -> None:
    """Remove what other versions have left half downloaded."""
    for left in source.parent.glob(f"{release.file}*.part"):
        if left != source:
            left.unlink(missing_ok=True)


def is_genuine(program: Path, release: Release) -> bool:
    """Whether the file is the pinned program, byte for byte; if so it is made executable."""
    if program.is_symlink() or not program.is_file():
        return False
    with program.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != release.sha256:
            return False
    program.chmod(0o700)
    return True


def _put_in_place(source: Path, program: Path, release: Release) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=program.parent)  # mode 0600
    try:
        with os.fdopen(descriptor, "wb") as target:
            try:
                with _content(source) as content:
                    found = _copy(content, target)
            except (tarfile.TarError, zlib.error, EOFError) as problem:
                found = f"nothing: {problem}"
            target.flush()
            os.fsync(target.fileno())
        if found != release.sha256:
            source.unlink()
            raise TunnelError(
                f"{source.name} is not what Cloudflare published (SHA-256 {found}, should be "
                f"{release.sha256}) and was removed: run this again, or over another network. "
                "Another version of your own can be named in CLOUDFLARED_PATH."
            )
        Path(temporary).chmod(0o700)
        Path(temporary).replace(program)
    finally:
        Path(temporary).unlink(missing_ok=True)
    source.unlink()
    for older in program.parent.glob("cloudflared-20*"):
        with suppress(OSError):  # Windows keeps what runs
            if older != program:
                older.unlink()


@contextmanager
def _content(source: Path) -> Generator[IO[bytes]]:
    """The bytes of the program: the file's own, or those of `cloudflared` in an archive."""
    if ".tgz" not in source.suffixes:
        with source.open("rb") as file:
            yield file
        return
    with tarfile.open(source, "r:gz") as archive:
        for member in islice(archive, _MOST_MEMBERS):
            if member.size > _LARGEST:
                break
            if member.name.removeprefix("./") == "cloudflared" and member.isreg():
                content = archive.extractfile(member)
                assert content is not None
                yield content
                return
    raise tarfile.ReadError("no file `cloudflared` in it")


def _copy(content: IO[bytes], target: IO[bytes]) -> str:
    """Copy all of it, and return its SHA-256."""
    digest = hashlib.sha256()
    size = 0
    while chunk := content.read(_CHUNK):
        size += len(chunk)
        if size > _LARGEST:
            raise tarfile.ReadError("it is too large")
        digest.update(chunk)
        target.write(chunk)
    return digest.hexdigest()


@asynccontextmanager
async def _lock(folder: Path, say: Callable[[str], None]) -> AsyncGenerator[None]:
    told = False
    while (lock := try_lock(folder / "install.lock")) is None:
        if not told:
            say("Another localllm installs cloudflared; waiting for it.")
        told = True
        await asyncio.sleep(0.2)
    try:
        yield
    finally:
        lock.release()

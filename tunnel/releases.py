"""The release of cloudflared that localllm installs, with the size and hash of each file.

`sha256` is of the program itself; Cloudflare publishes that one for archives as well. To
update: take the names and sums from the text of the release and change all rows together.
"""

import platform
import re
import sys
from dataclasses import dataclass

from tunnel.errors import TunnelError

VERSION = "2026.8.2"
MINIMUM = (2025, 6, 1)  # the first with logs in JSON; files of tokens came before
_DOWNLOADS = "https://github.com/cloudflare/cloudflared/releases/download"


@dataclass(frozen=True)
class Release:
    """One file of the release. `size`: bytes of the download."""

    file: str
    size: int
    sha256: str

    @property
    def url(self) -> str:
        return f"{_DOWNLOADS}/{VERSION}/{self.file}"

    @property
    def program(self) -> str:
        """The name of the installed program."""
        return f"cloudflared-{VERSION}{'.exe' if self.file.endswith('.exe') else ''}"


_WINDOWS = Release(
    "cloudflared-windows-amd64.exe",
    54_893_480,
    "c29eee2b121f5436a642eed69fd9767da7e7b8c510fa50aaa130337f931357b5",
)
RELEASES = {
    ("linux", "amd64"): Release(
        "cloudflared-linux-amd64",
        39_799_316,
        "fcfb02b575a52ca1af2e3267af4e1517bcdeb30ac48c834c69abaed3c0576ad2",
    ),
    ("linux", "arm64"): Release(
        "cloudflared-linux-arm64",
        37_404_344,
        "7747d94570fb390cf47dcb4f9555c193c6355cda9793f0d878d9049e5d6a7790",
    ),
    ("darwin", "amd64"): Release(
        "cloudflared-darwin-amd64.tgz",
        21_116_242,
        "b0f770e1e0b281399a57219b840fd8eef1cc25387a404124248157ea2073727a",
    ),
    ("darwin", "arm64"): Release(
        "cloudflared-darwin-arm64.tgz",
        19_214_189,
        "b61054d3d6326ea558cb49826eebf5676e0d0a36d51b546975096ca3e0e3c89d",
    ),
    ("win32", "amd64"): _WINDOWS,
    ("win32", "arm64"): _WINDOWS,  # no native build; Windows emulates amd64
}
_SAME = {"x86_64": "amd64", "x64": "amd64", "aarch64": "arm64"}


def release_for(system: str = "", machine: str = "") -> Release:
    """The file for a system (`sys.platform`) and CPU (`platform.machine()`), by default these."""
    system = system or sys.platform
    machine = (machine or platform.machine()).lower()
    found = RELEASES.get((system, _SAME.get(machine, machine)))
    if found is None:
        raise TunnelError(
            f"No cloudflared is pinned for {system} on {machine}: install it yourself and name it "
            "in CLOUDFLARED_PATH."
        )
    return found


def version_in(text: str) -> tuple[int, int, int] | None:
    """The version that `cloudflared --version` prints; None for a private build (`DEV`)."""
    found = re.search(r"version (\d{4})\.(\d{1,2})\.(\d{1,3})", text)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None

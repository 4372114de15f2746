"""The service manager of this machine."""

import os
import shutil
import sys
from pathlib import Path

from gateway.service.job import Manager, ServiceError


def manager(data_dir: Path, *, system: bool, account: str | None) -> Manager:
    """`system`: services of the whole machine, started at boot, which run as `account`."""
    if sys.platform == "win32":
        from gateway.service.windows import Windows

        return Windows(system, data_dir)
    whose = whose_rights(account) if system else None
    if sys.platform == "darwin":
        from gateway.service.launchd import Launchd

        return Launchd(whose, data_dir)
    if not shutil.which("systemctl"):
        raise ServiceError(
            "This machine has no systemd. Have its service manager run `localllm serve`; the "
            "Procfile shows everything that belongs to it."
        )
    if whose is None and os.geteuid() == 0:
        raise ServiceError(
            "As root, add --system: root has no services of its own here. To install them: "
            "localllm service install --system --run-as USER"
        )
    from gateway.service.systemd import Systemd

    return Systemd(whose)


def whose_rights(account: str | None) -> str:
    """The user that a system service runs as. (Not on Windows.)"""
    import pwd

    return account or os.environ.get("SUDO_USER") or pwd.getpwuid(os.getuid()).pw_name

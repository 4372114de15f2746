"""Make gateway/config/locks: of each extra, what it needs beside the program itself, exactly as
uv.lock has it, each file with its hash. And scripts/uv.txt, the same of uv."""

import re
import subprocess
import sys
from pathlib import Path

from gateway.config.extras import EXTRAS, LOCKS

ROOT = Path(__file__).parents[1]
_EXPORT = ("export", "--frozen", "--no-dev", "--no-emit-project", "--no-header", "--no-annotate")
_ENTRY = re.compile(r"^(?=\S)", re.MULTILINE)


def entries(uv: str, *more: str) -> dict[str, str]:
    """The text of each requirement, with its hashes, by its first line."""
    done = subprocess.run(
        [uv, *_EXPORT, *more, "--quiet"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    texts = filter(None, _ENTRY.split(done.stdout))
    return {text.partition(" \\")[0]: text for text in texts}


def main(uv: str) -> None:
    base = entries(uv)
    LOCKS.mkdir(exist_ok=True)
    for extra in EXTRAS:
        found = entries(uv, "--extra", extra.name)
        # A marker can be wider with the extra: then the package is listed again, which is harmless.
        more = [text for name, text in found.items() if name not in base]
        (LOCKS / f"{extra.name}.txt").write_text("".join(more))
    pinned = re.match(r"uv==[0-9.]+", (ROOT / "scripts/uv.txt").read_text())
    assert pinned, "scripts/uv.txt begins with uv==VERSION"
    subprocess.run(
        [
            *(uv, "pip", "compile", "--generate-hashes", "--no-deps", "--no-header", "--quiet"),
            *("--no-annotate", "--output-file", "scripts/uv.txt", "-"),
        ],
        cwd=ROOT,
        check=True,
        input=pinned[0],
        text=True,
        stdout=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    main(sys.argv[1])

"""`python -m bench.estimate`: how far the estimate of tokens is off, by the demo model's tokenizer.

The texts beside this file were written for it: the estimate was not fitted to them.
"""

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

from gateway.config.settings import Settings
from gateway.demo.model_file import assemble
from gateway.dialects.shared.estimate import estimate_tokens

TEXTS = Path(__file__).with_name("texts")


def main() -> None:
    model = assemble(Settings().data_dir, lambda done: None)
    child = subprocess.Popen(
        [sys.executable, "-m", "gateway.demo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdin
    assert child.stdout
    try:
        child.stdin.write(json.dumps({"model": str(model), "alias": "m", "key": "k"}).encode())
        child.stdin.write(b"\n")
        child.stdin.flush()
        url = child.stdout.readline().decode().strip()
        for path in sorted(TEXTS.glob("*.txt")):
            text = path.read_text("utf-8")
            counted, estimated = _count(url, text), round(estimate_tokens(text.encode()))
            off = (estimated / counted - 1) * 100
            print(f"{path.stem:10} {counted:5} tokens, estimated {estimated:5} ({off:+.1f} %)")
    finally:
        child.stdin.close()
        child.wait(30)


def _count(url: str, text: str) -> int:
    request = urllib.request.Request(
        f"{url}/tokenize",
        json.dumps({"content": text}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer k"},
    )
    with urllib.request.urlopen(request) as answer:
        return len(json.load(answer)["tokens"])


if __name__ == "__main__":
    main()

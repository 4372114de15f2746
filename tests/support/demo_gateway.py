"""The demo model behind a gateway."""

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tests.support.gateway_process import Running, free_port


@contextmanager
def up(home: Path) -> Generator[tuple[str, str]]:
    """`localllm up` where no Ollama answers: its address, and the key that it shows."""
    port = free_port()
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "DATA_DIR": str(home / "data"),
        "PORT": str(port),
        "OLLAMA_BASE_URL": f"http://127.0.0.1:{free_port()}",
    }
    running = Running([sys.executable, "-m", "gateway", "up"], environ, home)
    try:
        yield f"http://127.0.0.1:{port}", running.wait_for(r"\n  (llm_\w+)\n")[1]
        assert running.stop() == 0
    finally:
        running.kill()

"""LiteLLM's proxy: with a master key, and without its database.

Virtual keys want Postgres through Prisma, whose engines come from no registry.
"""

import json
import os
from pathlib import Path

from bench.peers.peer import Peer
from bench.upstream import MODELS
from bench.workloads import Target


class LiteLLM(Peer):
    name = "litellm"
    health = "/health/liveliness"

    def __init__(self, directory: Path, upstream: int, home: Path) -> None:
        super().__init__(directory, upstream, home)
        key = "sk-" + os.urandom(16).hex()
        self.target = Target(self.target.port, (f"Authorization: Bearer {key}",))
        self.environment |= {
            "LITELLM_MASTER_KEY": key,
            "LITELLM_MODE": "PRODUCTION",
            "LITELLM_LOG": "ERROR",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it fetches a list of prices
            # It ends a stream that says the same 100 times, as the chunks of the fake model do.
            "REPEATED_STREAMING_CHUNK_LIMIT": "100000",
        }
        self.config = self.directory / "config.yaml"
        self.config.write_text(json.dumps({"model_list": self._models()}), "utf-8")  # is YAML too

    def _models(self) -> list[dict[str, object]]:
        there = {"api_base": f"{self.upstream}/v1", "api_key": "none"}
        return [
            {"model_name": name, "litellm_params": {"model": f"openai/{name}", **there}}
            for name in MODELS
        ]

    def command(self) -> list[str]:
        program, port = str(self.home / "bin/litellm"), str(self.target.port)
        where = ["--host", "127.0.0.1", "--port", port, "--num_workers", "1"]
        return [program, "--config", str(self.config), *where]

"""Olla: a proxy in Go that spreads requests over model servers. It has no keys and no database."""

import json
from pathlib import Path

from bench.peers.peer import Peer
from bench.workloads import Target


class Olla(Peer):
    name = "olla"
    health = "/internal/health"

    def __init__(self, directory: Path, upstream: int, home: Path) -> None:
        super().__init__(directory, upstream, home)
        self.target = Target(self.target.port, path="/olla/openai/v1/chat/completions")
        self.environment["OLLA_FILE_OUTPUT"] = "false"
        self.config = self.directory / "config.yaml"
        self.config.write_text(json.dumps(self._settings()), "utf-8")  # JSON is YAML too

    def _settings(self) -> dict[str, object]:
        kinds = ("global", "per_ip", "health")
        there = {
            "name": "model",
            "url": self.upstream,
            "type": "openai-compatible",
            "model_url": "/v1/models",
            "health_check_url": "/v1/models",
            "check_interval": "5s",
            "check_timeout": "2s",
        }
        return {
            "server": {
                "host": "127.0.0.1",
                "port": self.target.port,
                "request_logging": False,
                "rate_limits": {f"{kind}_requests_per_minute": 0 for kind in kinds},  # none
            },
            "discovery": {"type": "static", "static": {"endpoints": [there]}},
            "logging": {"level": "warn", "format": "json", "output": "stdout"},
        }

    def command(self) -> list[str]:
        return [str(self.home / "olla"), "-config", str(self.config)]

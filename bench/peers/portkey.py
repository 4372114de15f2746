"""Portkey's gateway under Node. It has no keys and no database: each request says where it goes."""

from pathlib import Path

from bench.peers.peer import Peer
from bench.workloads import Target

# It has no option for the address to listen on, and would listen on all of them.
_LOOPBACK = """
const { Server } = require("node:net");
const listen = Server.prototype.listen;
Server.prototype.listen = function (port, host, ...rest) {
  return listen.call(this, port, "127.0.0.1", ...rest);
};
"""


class Portkey(Peer):
    name = "portkey"

    def __init__(self, directory: Path, upstream: int, home: Path) -> None:
        super().__init__(directory, upstream, home)
        self.target = Target(
            self.target.port,
            (
                "x-portkey-provider: openai",
                f"x-portkey-custom-host: {self.upstream}/v1",
                "Authorization: Bearer none",  # handed on to the model
            ),
        )
        self.environment["NODE_ENV"] = "production"
        self.loopback = self.directory / "loopback.cjs"
        self.loopback.write_text(_LOOPBACK, "utf-8")

    def command(self) -> list[str]:
        program = self.home / "node_modules/@portkey-ai/gateway/build/start-server.js"
        port = f"--port={self.target.port}"
        return ["node", "--require", str(self.loopback), str(program), port, "--headless"]

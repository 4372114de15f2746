"""What needs an account: login, create, list, token, route dns. Cloudflare is a JSON file."""

import json
import os
import uuid
from base64 import b64encode
from pathlib import Path
from typing import Any

from tests.support.cloudflared.flags import Flags
from tests.support.cloudflared.logs import fail, say, wrong_usage


class Account:
    def __init__(self, folder: Path, secret: str) -> None:
        self._file = folder / "cloud.json"
        self._secret = secret
        self._cloud: dict[str, Any] = {"tunnels": {}, "dns": {}}
        if self._file.exists():
            self._cloud = json.loads(self._file.read_text())
        self._cert = Path(os.environ.get("HOME", "/")) / ".cloudflared" / "cert.pem"

    def login(self) -> None:
        if self._cert.exists():
            say(
                f"You have an existing certificate at {self._cert} which login would overwrite.\n"
                "If this is intentional, please move or delete that file then run this command "
                "again.\n",
                "error",
            )
            return
        print(
            "Please open the following URL and log in with your Cloudflare account:\n\n"
            "https://dash.cloudflare.com/argotunnel?stand-in\n",
            flush=True,
        )
        self._cert.parent.mkdir(mode=0o700, exist_ok=True)
        self._cert.write_text("-----BEGIN ARGO TUNNEL TOKEN-----\n")
        say(
            f"You have successfully logged in.\nIf you wish to copy your credentials to a server, "
            f"they have been saved to:\n{self._cert}\n"
        )

    def create(self, flags: Flags) -> None:
        self._logged_in(
            "failed to create tunnel: couldn't create client to talk to Cloudflare Tunnel backend: "
        )
        if len(flags.arguments) != 1:
            wrong_usage('"cloudflared tunnel create" requires exactly 1 argument', "tunnel create")
        name = flags.arguments[0]
        if name in self._cloud["tunnels"]:
            fail(
                "failed to create tunnel: Create Tunnel API call failed: tunnel with name already "
                "exists"
            )
        self._cloud["tunnels"][name] = str(uuid.uuid4())
        self._write_credentials(flags, name)
        self._save()
        print(json.dumps({"id": self._cloud["tunnels"][name], "name": name}))

    def list(self, flags: Flags) -> None:
        self._logged_in()
        name = flags.values.get("name")
        print(
            json.dumps(
                [
                    {"id": number, "name": each}
                    for each, number in self._cloud["tunnels"].items()
                    if name in {None, each}
                ]
            )
        )

    def token(self, flags: Flags) -> None:
        self._logged_in()
        name = next(
            (
                each
                for each, number in self._cloud["tunnels"].items()
                if flags.arguments[0] in {each, number}
            ),
            None,
        )
        if name is None:
            fail(f"{flags.arguments[0]} is neither the ID nor the name of any of your tunnels")
        if "cred-file" in flags.values or "credentials-file" in flags.values:
            self._write_credentials(flags, name)
        else:
            print(token(self._cloud["tunnels"][name], self._secret))

    def route(self, flags: Flags) -> None:
        self._logged_in()
        _, tunnel, hostname = flags.arguments
        if hostname in self._cloud["dns"] and "overwrite-dns" not in flags.values:
            fail(
                "Failed to add route: code: 1003, reason: Failed to create record "
                f"{hostname} with err An A, AAAA, or CNAME record with that host already exists."
            )
        self._cloud["dns"][hostname] = tunnel
        self._save()
        say(f"Added CNAME {hostname} which will route to this tunnel tunnelID={tunnel}")

    def _logged_in(self, before: str = "") -> None:
        if not self._cert.exists():
            say(
                "Cannot determine default origin certificate path. No file cert.pem in "
                "[~/.cloudflared]. You need to specify the origin certificate path by specifying "
                "the origincert option in the configuration file, or set TUNNEL_ORIGIN_CERT "
                "environment variable",
                "error",
                originCertPath="",
            )
            fail(f"{before}Error locating origin cert: client didn't specify origincert path")

    def _write_credentials(self, flags: Flags, name: str) -> None:
        path = Path(flags.values.get("cred-file") or flags.values["credentials-file"])
        if path.exists():
            fail(f"{path} already exists")
        number = self._cloud["tunnels"][name]
        path.write_text(
            json.dumps({"AccountTag": "abc", "TunnelSecret": self._secret, "TunnelID": number})
        )
        path.chmod(0o400)

    def _save(self) -> None:
        self._file.write_text(json.dumps(self._cloud))


def token(tunnel_id: str, secret: str) -> str:
    """A tunnel's token as the dashboard shows it."""
    return b64encode(json.dumps({"a": "abc", "t": tunnel_id, "s": secret}).encode()).decode()

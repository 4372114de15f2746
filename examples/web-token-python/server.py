"""Serves the page, and makes tokens for its visitors. The key stays here."""

import json
import os
import sys
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv6Address, ip_address, ip_network
from pathlib import Path

GATEWAY, KEY = os.environ.get("LOCALLLM_URL", ""), os.environ.get("LOCALLLM_KEY", "")
PUBLIC = Path(__file__).parent / "public"


class Site(SimpleHTTPRequestHandler):
    def do_POST(self) -> None:
        if self.path == "/token":
            self.send_token()
        else:
            self.send_error(404)

    def visitor(self) -> str:
        """Who asks, in words that visitors cannot choose: the user of your log-in. Without a
        log-in, as here, their address. If a proxy of yours stands before this server, it knows
        the address. Of an IPv6 address only the first half counts: one line has all addresses that
        begin with it."""
        address = ip_address(self.client_address[0])
        if isinstance(address, IPv6Address) and not address.ipv4_mapped:
            return str(ip_network((address, 64), strict=False))
        return str(address)

    def send_token(self) -> None:
        try:
            body = json.dumps({"token": token_for(self.visitor())}).encode()
        except OSError as problem:  # the visitor need not know what it was
            self.log_error("%s", problem)
            self.send_error(502)
            return
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def token_for(visitor: str) -> str:
    wanted = {"visitor": visitor, "expires_in": 600}
    headers = {
        "Authorization": f"Bearer {KEY}",
        "Content-Type": "application/json",
        "User-Agent": "my-website",  # Cloudflare may refuse Python's own
    }
    url = f"{GATEWAY.rstrip('/')}/v1/visitor-tokens"
    request = urllib.request.Request(url, json.dumps(wanted).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as response:
        return json.load(response)["token"]


if __name__ == "__main__":
    if not GATEWAY or not KEY:
        sys.exit("Set LOCALLLM_URL, such as http://127.0.0.1:8000, and LOCALLLM_KEY.")
    port = int(os.environ.get("PORT", "8080"))
    site = partial(Site, directory=str(PUBLIC))
    with ThreadingHTTPServer(("127.0.0.1", port), site) as server:
        print(f"http://127.0.0.1:{port}", flush=True)
        server.serve_forever()

"""The program: what it was asked to do."""

import asyncio
import json
import sys
from base64 import b64decode
from pathlib import Path
from typing import NoReturn

from tests.support.cloudflared import config, logs, scenario
from tests.support.cloudflared.account import Account
from tests.support.cloudflared.flags import Flags, parse, seconds
from tests.support.cloudflared.logs import fail, say, wrong_usage
from tests.support.cloudflared.order import DISCLAIMER, Order, secret_of
from tests.support.cloudflared.scenario import Scenario

NO_SUCH_HOST = "dial tcp: lookup api.trycloudflare.com on 127.0.0.53:53: no such host"
_UUID = 36


def main(folder: str) -> NoReturn:
    where = Path(folder)
    todo = scenario.load(where)
    if sys.argv[1:] == ["--version"]:
        print(f"cloudflared version {todo.version} (built 2026-08-14T12:00 UTC)")
        sys.exit(0)
    if sys.argv[1:2] != ["tunnel"]:
        wrong_usage("No such command", "")
    flags = parse(sys.argv[2:])
    logs.AS_JSON[0] = flags.values.get("output") == "json"
    account = Account(where, todo.secret)
    loaded = config.load(flags)
    match flags.command:
        case "ingress":
            config.validate(loaded)
        case "login":
            account.login()
        case "create":
            account.create(flags)
        case "list":
            account.list(flags)
        case "token":
            account.token(flags)
        case "route":
            account.route(flags)
        case "run":
            _run(todo, _named(todo, flags, loaded), where)
        case _:
            _run(todo, _quick(todo, flags, loaded), where)
    sys.exit(0)


def _run(todo: Scenario, order: Order, folder: Path) -> None:
    # What speaks HTTP takes most of a start: only what runs a tunnel loads it.
    from tests.support.cloudflared.life import Life

    asyncio.run(Life(todo, order, folder).run())


def _quick(todo: Scenario, flags: Flags, loaded: config.Config) -> Order:
    if "url" not in flags.values:
        fail("You did not specify any valid additional argument to the cloudflared tunnel command.")
    say(DISCLAIMER)
    say("Requesting new quick Tunnel on trycloudflare.com...")
    if todo.trial == "offline":
        fail(
            f'failed to request quick Tunnel: Post "https://api.trycloudflare.com/tunnel": '
            f"{NO_SUCH_HOST}"
        )
    if todo.trial == "no":
        say(
            "Error unmarshaling QuickTunnel response: error code: 1015",
            "error",
            error="invalid character 'e' looking for beginning of value",
            status_code="429 Too Many Requests",
        )
        fail(
            "failed to unmarshal quick Tunnel: invalid character 'e' looking for beginning of value"
        )
    say("+-------------------------------+")
    say("|  Your quick Tunnel has been created! Visit it at (it may take some time):  |")
    say(f"|  https://{todo.hostname}  |")
    say("+-------------------------------+")
    rules = loaded.rules or [("", flags.values["url"])]  # a file in the home directory wins
    return Order(rules, todo.hostname, *_common(flags))


def _named(todo: Scenario, flags: Flags, loaded: config.Config) -> Order:
    file = flags.values.get("token-file")
    if file is not None or "token" in flags.values:
        try:
            token = flags.values.get("token") or Path(file or "").read_text().strip()
        except OSError as problem:
            why = (problem.strerror or "").lower()
            wrong_usage(f"Failed to read token file: open {file}: {why}")
        try:
            secret = secret_of(token)
        except (ValueError, KeyError, TypeError):
            wrong_usage("Provided Tunnel token is not valid.")
        say("Starting tunnel", tunnelID=json.loads(b64decode(token))["t"])
        rules = [(hostname, service) for hostname, service in todo.routes]
        return _order(rules, flags, secret)
    number = (flags.arguments or [loaded.values.get("tunnel", "")])[0]
    if not number:
        wrong_usage(
            '"cloudflared tunnel run" requires the ID or name of the tunnel to run as the '
            "last command line argument or in the configuration file."
        )
    if len(number) != _UUID:
        fail(
            f"error parsing tunnel ID: {number} is neither the ID nor the name of any of your "
            "tunnels"
        )
    path = Path(loaded.values.get("credentials-file", ""))
    if not path.is_file():
        fail(f"Tunnel credentials file '{path}' doesn't exist or is not a file")
    say("Starting tunnel", tunnelID=number)
    return _order(loaded.rules, flags, str(json.loads(path.read_text())["TunnelSecret"]))


def _order(rules: list[tuple[str, str]], flags: Flags, secret: str) -> Order:
    hostname = next((name for name, _ in rules if name), "")
    return Order(rules, hostname, *_common(flags), secret=secret)


def _common(flags: Flags) -> tuple[str, float]:
    address = flags.values.get("metrics", "127.0.0.1:0")
    return address, seconds(flags.values.get("grace-period", "30s"))

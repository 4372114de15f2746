"""The command line: `tunnel [flags] [command [flags]] [arguments]`, as much as localllm uses."""

from dataclasses import dataclass, field

from tests.support.cloudflared.logs import wrong_usage

WITH_VALUE = {
    *("config", "metrics", "url", "output", "loglevel", "grace-period", "protocol"),
    *("token-file", "token", "credentials-file", "cred-file", "name", "origincert"),
}
ALONE = {"no-autoupdate", "overwrite-dns"}
COMMANDS = {"run", "create", "login", "route", "list", "token", "ingress", "info"}
SHORT = {"-o": "output", "-f": "overwrite-dns", "-p": "protocol", "-n": "name"}


@dataclass
class Flags:
    values: dict[str, str] = field(default_factory=dict)
    command: str = ""
    arguments: list[str] = field(default_factory=list)


def parse(words: list[str]) -> Flags:
    flags = Flags()
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":  # what follows is no flag
            flags.arguments += rest
            break
        if not word.startswith("-"):
            if not flags.command and word in COMMANDS:
                flags.command = word
            else:
                flags.arguments.append(word)
            continue
        name, equals, value = word.partition("=")
        name = SHORT.get(name, name.lstrip("-"))
        if name in ALONE:
            flags.values[name] = "true"
        elif name in WITH_VALUE and (equals or rest):
            flags.values[name] = value if equals else rest.pop(0)
        else:
            wrong_usage(f"flag provided but not defined: -{name}", "tunnel")
    return flags


def seconds(text: str) -> float:
    """Go's durations: 30s, 1m0s, 500ms."""
    if text.endswith("ms"):
        return float(text[:-2]) / 1000
    minutes, _, rest = text.rpartition("m")
    return 60 * float(minutes or 0) + float(rest.removesuffix("s") or 0)

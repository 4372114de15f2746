"""The configuration: the file that is named, else one in the home directory; and its ingress."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.cloudflared.flags import Flags
from tests.support.cloudflared.logs import fail, say

SERVICE = re.compile(r"https?://[^/\s]+/?|http_status:\d+|hello_world")


@dataclass
class Config:
    source: str = ""
    values: dict[str, str] = field(default_factory=dict)
    rules: list[tuple[str, str]] = field(default_factory=list)  # hostname, service


def load(flags: Flags) -> Config:
    named = flags.values.get("config")
    default = Path(os.environ.get("HOME", "/nonexistent")) / ".cloudflared" / "config.yml"
    path = Path(named) if named else default
    if not named and not path.exists():
        return Config()
    try:
        text = path.read_text()
    except OSError:
        fail(f"open {path}: no such file or directory")
    if not text.strip():
        say(f"Configuration file {path} was empty", "error")
        return Config()
    return parse(text, str(path))


def parse(text: str, source: str) -> Config:
    """The YAML that localllm writes, and what people write for it."""
    config = Config(source)
    rule: dict[str, str] = {}
    for line in text.splitlines():
        found = re.fullmatch(r"(\s*)(- )?([\w-]+):\s*(.*?)\s*", line.split(" #")[0])
        if not found:
            continue
        indent, dash, name, value = found.groups()
        value = value.strip("\"'")
        if not indent and not dash:
            config.values[name] = value
            continue
        if dash:
            rule = {}
        rule[name] = value
        if name == "service":
            config.rules.append((rule.get("hostname", ""), value))
    return config


def validate(config: Config) -> None:
    """`cloudflared tunnel --config FILE ingress validate`."""
    if not config.source:
        fail("No configuration file was found. Please create one, or use the --config flag.")
    print("Validating rules from", config.source)
    if not config.rules:
        fail("Validation failed: The config file doesn't contain any ingress rules")
    for number, (hostname, service) in enumerate(config.rules):
        if not SERVICE.fullmatch(service):
            fail(
                f"Validation failed: {service} is an invalid address, ingress rules don't support "
                "proxying to a different path on the origin service."
            )
        if not hostname and number < len(config.rules) - 1:
            fail(
                f"Validation failed: Rule #{number + 1} is matching the hostname '', but this "
                "will match every hostname, meaning the rules which follow it will never be "
                "triggered."
            )
    if config.rules[-1][0]:
        fail(
            "Validation failed: The last ingress rule must match all URLs (i.e. it should not "
            "have a hostname or path filter)"
        )
    print("OK")

"""The text of a systemd unit, which confines the service to what it needs."""

from pathlib import Path

from gateway.service.job import Job

# These need no namespaces, so every user's manager supports them.
_CONFINED = """\
NoNewPrivileges=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
UMask=0077
"""
# Its own view of the file system: read-only except for its data, a private /tmp, no devices.
_SEPARATED = """\
PrivateTmp=yes
PrivateDevices=yes
ProtectSystem=strict
ProtectHome=read-only
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
"""


def unit(job: Job, *, account: str | None, separated: bool) -> str:
    """`account`: the user that a system unit runs as; None: a unit of a user's own manager.
    `separated`: whether the manager can isolate the service's view of the file system."""
    system = account is not None
    after = " ".join(f"{name}.service" for name in job.after)
    lines = [
        "[Unit]",
        f"Description={_plain(job.text)}",
        f"After=network-online.target ollama.service postgresql.service {after}".rstrip(),
        "Wants=network-online.target",
        # Keep restarting: a database that is down at the start may come back at any time.
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=exec",
        f"WorkingDirectory={_plain(str(job.directory))}",
        *(f"Environment={_quoted(f'{name}={text}')}" for name, text in job.environment.items()),
        f"ExecStart={' '.join(_quoted(word).replace('$', '$$') for word in job.command)}",
        "Restart=always",
        "RestartSec=5",
        "RestartPreventExitStatus=2",
        "KillMode=mixed",
        f"TimeoutStopSec={job.stop_seconds}",
        "",
        *_CONFINED.splitlines(),
    ]
    if system:
        lines += [f"User={_plain(account or '')}", "CapabilityBoundingSet="]
    elif separated:
        lines.append("PrivateUsers=yes")
    if separated:
        lines += [
            *_SEPARATED.splitlines(),
            *(f"ReadWritePaths={_quoted(str(path))}" for path in job.writable),
            # Needed for files in /tmp, which is private. "-": the service reports a missing file.
            *(f"BindReadOnlyPaths={_quoted(f'-{path}')}" for path in job.readable),
        ]
    wanted = "multi-user.target" if system else "default.target"
    return "\n".join([*lines, "", "[Install]", f"WantedBy={wanted}", ""])


def _plain(text: str) -> str:
    """A value without quotes. A % would begin a specifier, so it is doubled."""
    if any(not character.isprintable() for character in text):
        raise ValueError(f"{text!r} cannot stand in a unit")
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def folder(system: bool, home: Path) -> Path:
    """The directory for units that an administrator or a user adds."""
    return Path("/etc/systemd/system") if system else home / ".config/systemd/user"

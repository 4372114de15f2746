"""The text of one systemd unit: what a service may do, and nothing else."""

from pathlib import Path

from gateway.service.job import Job

# What needs no namespace: every user's own manager can do it.
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
# A view of the machine of its own: read-only but for its data, an own /tmp, no devices.
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
    """`account`: whose rights it has, for a unit of the system; None: one of a user's own manager.
    `separated`: whether that manager can give it a view of the machine of its own."""
    system = account is not None
    after = " ".join(f"{name}.service" for name in job.after)
    lines = [
        "[Unit]",
        f"Description={_plain(job.text)}",
        f"After=network-online.target ollama.service postgresql.service {after}".rstrip(),
        "Wants=network-online.target",
        # A database that is away at the start may come back at any time.
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
            # Also one in the /tmp that it does not see; one that is missing is for it to tell.
            *(f"BindReadOnlyPaths={_quoted(f'-{path}')}" for path in job.readable),
        ]
    wanted = "multi-user.target" if system else "default.target"
    return "\n".join([*lines, "", "[Install]", f"WantedBy={wanted}", ""])


def _plain(text: str) -> str:
    """A value to the end of its line; % would begin a specifier."""
    if any(not character.isprintable() for character in text):
        raise ValueError(f"{text!r} cannot stand in a unit")
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def folder(system: bool, home: Path) -> Path:
    """Where units that an owner made belong."""
    return Path("/etc/systemd/system") if system else home / ".config/systemd/user"

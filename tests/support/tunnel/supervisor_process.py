"""Supervises a trial tunnel in a process of its own, to be killed by a test."""

import asyncio
import sys
from pathlib import Path

import tunnel.child
import tunnel.die_with_parent
from tests.support.tunnel.supervised import NOBODY
from tunnel import plan, private_files
from tunnel.program import Program
from tunnel.supervisor import Tunnel


async def main(stand_in: str, folder: str, how: str) -> None:
    """`how`: kernel, or pipe as on systems where the kernel kills no child."""
    if how == "pipe":
        tunnel.child.KERNEL_KILLS_CHILD = False
        tunnel.child.WRAPPER = "tests.support.tunnel.portable_die_with_parent"
    where = private_files.private_folder(Path(folder))
    program = Program(Path(stand_in) / "cloudflared", "2026.8.2")
    supervised = Tunnel(program, plan.quick(NOBODY, {}), where, 30)
    running = asyncio.create_task(supervised.run())
    await supervised.url()
    print(supervised.status.cloudflared_pid, flush=True)
    await running


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

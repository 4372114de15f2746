"""Install and start the demo model, so that a person sees how far it has come."""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from gateway import demo
from gateway.demo import DemoError, DemoModel, Endpoint


async def install() -> None:
    """Run the installer with its own output in view, on stderr."""
    command = demo.install_command()
    try:
        child = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=sys.stderr
        )
    except OSError as problem:
        raise DemoError(f"{command[0]} cannot be run ({problem.strerror}).") from None
    try:
        status = await child.wait()
    except asyncio.CancelledError:
        if child.returncode is None:
            child.terminate()
            await child.wait()
        raise
    if status != 0 or not demo.is_installed():
        raise DemoError(f"its installation failed; try it by hand: {' '.join(command)}")


async def start(model: DemoModel, data_dir: Path, say: Callable[[str], None]) -> Endpoint:
    """Start it, with a bar while its file is joined."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Joining the demo model", total=1.0, visible=False)
        return await model.start(
            data_dir, say, lambda done: bar.update(task, completed=done, visible=True)
        )

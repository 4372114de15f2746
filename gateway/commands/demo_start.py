"""Start the demo model with a progress bar."""

from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from gateway.demo import DemoModel, Endpoint


async def start(model: DemoModel, data_dir: Path, say: Callable[[str], None]) -> Endpoint:
    """Start the model; the bar shows how much of its file has been joined."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True)
    with Progress(
        *columns, console=console, transient=True, disable=not console.is_terminal
    ) as bar:
        task = bar.add_task("Joining the demo model", total=1.0, visible=False)
        return await model.start(
            data_dir, say, lambda done: bar.update(task, completed=done, visible=True)
        )

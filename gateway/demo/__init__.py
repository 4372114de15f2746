"""The demo model: a small language model that answers while no Ollama runs.

    model = DemoModel()
    endpoint = await model.start(data_dir, report=print, progress=bar)

model_file.py    its 250 MB, joined once from the parts in the package
process.py       the child process, as the parent sees it
__main__.py      the child: `python -m gateway.demo`
"""

from gateway.demo.process import DemoError, DemoModel, Endpoint

__all__ = ["DemoError", "DemoModel", "Endpoint"]

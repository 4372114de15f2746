"""The demo model: a small language model that answers until Ollama does.

    model = DemoModel()
    endpoint = await model.start(data_dir, report=print, progress=bar)

model_file.py    the file of 250 MB, joined once from the parts in the package
process.py       the child process, from the parent's side
__main__.py      the child process: `python -m gateway.demo`
"""

from gateway.demo.process import DemoError, DemoModel, Endpoint

__all__ = ["DemoError", "DemoModel", "Endpoint"]

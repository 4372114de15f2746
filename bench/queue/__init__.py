"""The real scheduler in virtual time: `python -m bench.queue`."""

"""The gateway beside other gateways: `python -m bench.peers`."""

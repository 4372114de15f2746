"""`localllm`, whose minutes of alerts are moments: `python hasty_gateway.py serve`."""

from gateway.__main__ import main
from gateway.alerts import lasting, watch

if __name__ == "__main__":
    watch.EVERY = 0.02
    lasting.MINUTE = 0.0
    main()

"""A stand-in for systemctl, launchctl and the like: it writes down how it was called.

What it answers stands in `answers.json` beside it: {"systemctl --user is-active x": [code, text]}.
"""

import json
import sys
from pathlib import Path

here = Path(sys.argv[0]).parent
call = " ".join([Path(sys.argv[0]).name, *sys.argv[1:]])
with (here / "calls.txt").open("a") as calls:
    calls.write(call + "\n")
answers = json.loads((here / "answers.json").read_text())
code, text = next((answers[known] for known in answers if call.startswith(known)), (0, ""))
print(text, file=sys.stderr if code else sys.stdout)
sys.exit(code)

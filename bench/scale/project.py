"""`python -m bench.scale.project DSN SECONDS`: a stand-in for a Supabase project, so far away.

It says as JSON where it is; then, for each line that it reads, how often which function was called
since the last one. It lives until its standard input ends.
"""

import json
import sys
from collections import Counter

from tests.support.postgrest.stand_in import stand_in


def main() -> None:
    dsn, latency = sys.argv[1:]
    with stand_in(dsn) as project:
        project.latency = float(latency)
        print(json.dumps({"url": project.url, "key": project.secret_key}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(Counter(call.function for call in project.calls)), flush=True)
            project.calls.clear()


if __name__ == "__main__":
    main()

"""Where things lie in the repository."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
RECORDINGS = ROOT / "tests" / "recordings"
VECTORS = ROOT / "tests" / "vectors"
CASES = VECTORS.with_name("cases")

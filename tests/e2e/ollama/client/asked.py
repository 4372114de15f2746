"""What these tests ask through the `ollama` package, and what comes of it."""

from tests.support.fake_upstream import PROMPT_TOKENS, WORDS

TEXT = "".join(WORDS)
ASKED = [{"role": "user", "content": "Say hello."}]
ONE_CALL = (1, PROMPT_TOKENS, len(WORDS))

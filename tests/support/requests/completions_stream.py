"""A recorded stream of completions, as it is when usage was asked for."""

import json

from tests.support.replay import Recording

NO_USAGE = b',"usage":{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}}'


def with_usage(stream: bytes, prompt: int, completion: int) -> bytes:
    """The recorded stream as Ollama writes it when it is asked for the usage (its CompleteWriter
    puts a zero into each chunk, and the last one once more, with the counts for its choices)."""
    *chunks, done = stream.removesuffix(b"\n\n").split(b"\n\n")
    counts = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    last = {**json.loads(chunks[-1][6:]), "choices": [], "usage": counts}
    chunks = [chunk.removesuffix(b"}") + NO_USAGE for chunk in chunks]
    chunks.append(b"data: " + json.dumps(last, separators=(",", ":")).encode())
    return b"\n\n".join([*chunks, done, b""])


PLAIN = Recording("oai-completions-stream").body


ASKED = with_usage(PLAIN, 14, 8)

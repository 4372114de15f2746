"""Names of models, and servers that are no Ollama."""

from gateway.dialects import all_absent
from gateway.reference.blocks import Listing, Paragraph, Section, Table, listed
from gateway.reference.table import ROUTES


def models() -> Section:
    return Section(
        "Models",
        "models",
        (
            Paragraph(
                "[GET /v1/models](#listModels) lists what your key can use. Names are read as "
                "Ollama reads them: case and spaces around them do not matter, and `gemma3`, "
                "`gemma3:latest` and `registry.ollama.ai/library/gemma3` are one model. What may "
                "be used is decided by that one name."
            ),
            Paragraph(
                "The owner can give a model other names (`MODEL_ALIASES`), such as `gpt-4o-mini` "
                "for `qwen2.5:7b`, so that what was made for another service works unchanged. "
                "Answers name the model as you did; limits and usage go by its real name."
            ),
            Paragraph(
                "Who asks a model that runs in Ollama's cloud, by whatever spelling, gets 403 "
                "`model_not_found` unless the owner allows that."
            ),
        ),
    )


def elsewhere() -> Section:
    native = [f"{one.method} {one.path}" for one in ROUTES if "not_supported" in one.refusals]
    absent = tuple((f"`{path}`", why) for path, why in all_absent().items())
    return Section(
        "What is not there",
        "elsewhere",
        (
            Paragraph(
                "The model server may be another one that speaks OpenAI's API, such as "
                "llama-server, LM Studio or vLLM. Then what only Ollama has answers 501 "
                f"`not_supported`: {listed(native)}."
            ),
            Paragraph("A path that is not in this reference answers 404, whatever Ollama has:"),
            Listing(
                (
                    "what changes the models of the machine (`/api/pull`, `/api/push`, "
                    "`/api/create`, `/api/copy`, `/api/delete`, `/api/blobs`), and its account;",
                    "paths that could be read in two ways: dot segments, doubled or encoded "
                    "slashes (but for the name behind `/v1/models/`).",
                )
            ),
            Table(("path", "why it is not there"), absent),
        ),
    )

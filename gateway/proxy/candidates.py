"""Where a request may run, and what it can cost there."""

from gateway.backends.model import Model
from gateway.backends.pool import BackendPool, Candidate
from gateway.core.errors import Refusal
from gateway.dialects.protocol import Dialect, Sanitised
from gateway.proxy.context_check import ContextCheck, fitting


async def find_candidates(
    pool: BackendPool, dialect: Dialect, request: Sanitised, check: ContextCheck
) -> list[Candidate] | Refusal:
    """Where it may run. What is known of the model there narrows what the request can cost and how
    far options may look back, and says under which name the server knows it. A model that has to be
    there, and is not, is a refusal."""
    candidates = await pool.candidates(request.model, cloud=request.cloud, native=dialect.native)
    if isinstance(candidates, Refusal):
        return candidates
    if request.answered_here and all(map(_lacks_it, candidates)):
        return Refusal("unknown_model", model=request.model, param="model")
    candidates = await fitting(_under_one_name(request, candidates), request, check)
    if isinstance(candidates, Refusal):
        return candidates
    models = [one.model for one in candidates]
    learned = max([one.backend.models.experiences.overhead(request.model) for one in candidates])
    request.model_context = min([model.context_length or 0 for model in models if model], default=0)
    built_in = max([model.built_in for model in models if model], default=0)
    request.plain_bound = request.prompt_bound + built_in
    request.prompt_bound = max([_bound(request, model, learned) for model in models])
    if request.max_output is None and all(model and model.num_predict for model in models):
        request.max_output = max([model.num_predict for model in models if model])
    return candidates


def _under_one_name(request: Sanitised, candidates: list[Candidate]) -> list[Candidate]:
    """A server that is no Ollama knows a model only as it lists it, so that is sent; to an Ollama
    it is another spelling. Where two such servers spell it differently, the first is asked."""
    kept: list[Candidate] = []
    for one in candidates:
        if one.model is not None and one.backend.models.foreign:
            request.listed = request.listed or one.model.id
            if one.model.id != request.listed:
                continue
        kept.append(one)
    return kept


def _lacks_it(candidate: Candidate) -> bool:
    return candidate.model is None and candidate.backend.models.known


def _bound(request: Sanitised, model: Model | None, learned: int) -> int:
    """The most tokens that the model of one backend can read of it. `learned`: tokens by which
    earlier prompts were longer than their bound."""
    bound = request.prompt_bound + learned + (model.built_in if model else 0)
    if model is None or not model.context:
        return max(bound, request.context) if request.fills_context else bound
    most = max(model.context, request.context) * request.inputs
    return most if request.fills_context else min(bound, most)

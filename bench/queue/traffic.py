"""Who asks what, and when: drawn from what was published of real traces. No data is copied.

- Conversations begin in bursts: the times between them have a Gamma distribution of shape 0.5. Of
  chats over 35 % have one request, half at most two, three quarters at most four.
  (BurstGPT, Azure OpenAI over 213 days: https://arxiv.org/abs/2401.17644)
- A median request of a chat has 1,020 tokens of prompt and 129 of answer, a completion of code
  1,500 and 13. (Azure's traces of 2023, in Splitwise: https://arxiv.org/abs/2311.18677)
- Between an answer and the next question of a chat 100 s pass on average, with a long tail; lengths
  of answers are exponential; few clients make most of the requests.
  (ServeGen, Alibaba's service: https://arxiv.org/abs/2505.09999)
- A coding agent takes about 8 steps for one request of its user, each of which adds some 870 tokens
  and gets 220. (TraceLab, Claude Code and Codex: https://tracelab.cs.washington.edu)

What nobody has published of homes is assumed: the shares of these kinds, of the models and keys,
and prompts of agents that fit a small model's context.
"""

import random
from math import log
from typing import NamedTuple

BURSTS = 0.5  # the shape of the Gamma distribution
SPREAD = 0.8  # of prompts, log-normal
TAIL = 1.0  # of pauses, log-normal: the mean is 1.65 times the median


class Kind(NamedTuple):
    """`share` of what begins. Medians: tokens of the first `prompt`, of what a follow-up `adds`
    beside the last answer, of an `answer`; seconds of a `pause`. `ends`: how probably, after each
    answer."""

    share: float
    prompt: int
    adds: int
    answer: int
    ends: float
    pause: float


CHAT = Kind(0.65, prompt=600, adds=60, answer=129, ends=0.35, pause=60.0)
COMPLETION = Kind(0.25, prompt=1500, adds=0, answer=13, ends=1.0, pause=0.0)
AGENT = Kind(0.10, prompt=8000, adds=560, answer=220, ends=1 / 8, pause=3.0)
KINDS = (CHAT, COMPLETION, AGENT)
ONE_MODEL = {"model": 1.0}
THREE_MODELS = {"large": 0.5, "small": 0.3, "other": 0.2}
KEYS = {"site": 0.5, "friend": 0.25, "family": 0.15, "own": 0.1}
VISITORS = 20  # of the site


class Turn(NamedTuple):
    """`prompt`: tokens, of which `new` were in no request before; `pause`: seconds before it."""

    pause: float
    prompt: int
    new: int
    answer: int


class Talk(NamedTuple):
    """A conversation, which may have one turn."""

    number: int
    begins: float
    key: str
    visitor: str | None
    model: str
    turns: list[Turn]


def traffic(seed: int, count: int, every: float, models: dict[str, float]) -> list[Talk]:
    """So many conversations, one `every` so many seconds on average."""
    dice = random.Random(seed)
    now, made = 0.0, list[Talk]()
    for number in range(count):
        now += dice.gammavariate(BURSTS, every / BURSTS)
        key = _one_of(dice, KEYS)
        visitor = f"visitor-{dice.randrange(VISITORS)}" if key == "site" else None
        kind = dice.choices(KINDS, [one.share for one in KINDS])[0]
        made.append(Talk(number, now, key, visitor, _one_of(dice, models), _turns(dice, kind)))
    return made


def _turns(dice: random.Random, kind: Kind) -> list[Turn]:
    prompt = _about(dice, kind.prompt)
    turns = [Turn(0.0, prompt, prompt, _answer(dice, kind))]
    while dice.random() > kind.ends:
        last = turns[-1]
        new = last.answer + _about(dice, kind.adds)
        pause = dice.lognormvariate(log(kind.pause), TAIL)
        turns.append(Turn(pause, last.prompt + new, new, _answer(dice, kind)))
    return turns


def _about(dice: random.Random, median: int) -> int:
    return max(1, round(dice.lognormvariate(log(median), SPREAD)))


def _answer(dice: random.Random, kind: Kind) -> int:
    return max(1, round(dice.expovariate(log(2) / kind.answer)))


def _one_of(dice: random.Random, shares: dict[str, float]) -> str:
    return dice.choices(list(shares), list(shares.values()))[0]

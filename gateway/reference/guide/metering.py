"""The metering table: what is counted, from where, and what the cap is called."""

from gateway.dialects import all_dialects
from gateway.dialects.protocol import Dialect, Metering
from gateway.dialects.shared.prompt import MESSAGE_OVERHEAD
from gateway.proxy.meter import BYTES_PER_TOKEN, PROMPT_OVERHEAD
from gateway.reference.blocks import Listing, Paragraph, Section, Table, listed
from gateway.reference.table import ROUTES

_NOWHERE = "estimated"


def metering() -> Section:
    table = tuple(map(_row, all_dialects()))
    notes: dict[str, list[str]] = {}
    for one in all_dialects():
        notes.setdefault(one.reference.metering.note, []).append(one.path)
    return Section(
        "Metering",
        "metering",
        (
            Paragraph(
                "A key is charged the tokens of the prompt and of the answer, as the model server "
                "reports them. Before the model is asked, the most that it can come to is held: "
                f"of the prompt its bytes in UTF-8 and {MESSAGE_OVERHEAD} tokens for each message, "
                "more for tools and pictures, and the texts that the model brings itself, but not "
                "more than its context, where that is known; of the answer the granted tokens. "
                "When it has ended, what it did not take is given back."
            ),
            Paragraph(
                "The granted tokens are the smallest of the caller's cap, the key's, the server's "
                "and what the key has left this month. The model server gets that number in place "
                "of the caller's, so that the model cannot exceed it. A cap that is 0 or less is "
                "none; of several names the smallest number counts."
            ),
            Table(
                (
                    "route",
                    "tokens of the prompt",
                    "tokens of the answer",
                    "in which event of a stream",
                    "the caller's cap",
                ),
                table,
            ),
            Listing(tuple(f"{listed(paths)}: {note}" for note, paths in notes.items() if note)),
            _estimates(),
            _without_tokens(),
        ),
    )


def _row(dialect: Dialect) -> tuple[str, ...]:
    row = dialect.reference.metering
    return (
        f"`{dialect.path}`",
        " + ".join(f"`{name}`" for name in row.prompt) or _NOWHERE,
        f"`{row.completion}`" if row.completion else "there are none",
        _streamed(row),
        _cap(row),
    )


def _cap(row: Metering) -> str:
    if row.caps in ((), (row.sent_as,)):
        return listed(row.caps) or "there is none"
    return f"{listed(row.caps)}, which goes on as `{row.sent_as}`"


def _streamed(row: Metering) -> str:
    if not row.event:
        return "it does not stream"
    return f"{row.event}, below `{row.inside}`" if row.inside else row.event


def _estimates() -> Section:
    each = f"one for each {BYTES_PER_TOKEN} bytes of text"
    return Section(
        "Where nothing is reported",
        "estimates",
        (
            Paragraph(
                "An answer that ends early has no report: its caller left, or the model server "
                "crashed, was stopped, said nothing for too long, or cut a model that repeated "
                "itself. Other answers have none, or one of nought beside a text. Then what was "
                "seen is estimated, and marked as an estimate in the log. What was generated is "
                "never free:"
            ),
            Listing(
                (
                    f"The tokens of a stream: one for each event with text or {each}, whichever is "
                    "more, and those of an event that had only begun to come.",
                    f"The tokens of a whole answer, or of what had come of it: {each}.",
                    "Never more than were granted.",
                    f"The prompt, as soon as anything of the answer is there: one for each "
                    f"{BYTES_PER_TOKEN} bytes of it and {PROMPT_OVERHEAD} for each message, never "
                    "more than were held. Of vectors it is all that there is to count.",
                    "Where nothing came at all, because the model server refused or the caller "
                    "left before: nothing. It still was one of the requests of that minute.",
                )
            ),
        ),
    )


def _without_tokens() -> Paragraph:
    paths = {one.path for one in all_dialects()}
    others = [one.path for one in ROUTES if one.metered and one.path not in paths]
    once = f"{listed(others)} counts as a request without tokens. " if others else ""
    return Paragraph(f"{once}No other route counts, neither as tokens nor as a request.")

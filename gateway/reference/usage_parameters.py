"""What can be asked of usage, by a key's holder and by the owner."""

from gateway.reference.route import Parameter


def usage_parameters(groups: tuple[str, ...]) -> tuple[Parameter, ...]:
    """The range, and a grouping by some of these."""
    day = {"type": "string", "format": "date"}
    names = "|".join(groups)
    listed = ", ".join(f"`{name}`" for name in groups)
    return (
        Parameter(
            "from", "query", day, "First day (UTC); left out: the first of the month of `to`."
        ),
        Parameter("to", "query", day, "Last day (UTC); left out: today."),
        Parameter(
            "group_by",
            "query",
            {"type": "string", "pattern": f"^({names})(,({names}))*$"},
            f"Add it up by some of {listed}, each once, with commas between.",
        ),
    )

"""The functions that are exposed, and which of them a call means (SchemaCache.hs, Plan.hs)."""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from tests.support.postgrest.calls import Refused
from tests.support.postgrest.problems import problem

SCHEMA = "public"
HOISTED = ("statement_timeout", "plan_filter.statement_cost_limit", "default_transaction_isolation")

# Input arguments in order; types as the catalogue prints them.
QUERY = """
select
    p.proname as name,
    coalesce(a.arguments, '[]') as arguments,
    p.proretset as is_set,
    coalesce(t.typtype = 'c' or p.proargmodes::text[] && '{t,b,o}', false) as is_composite,
    p.prorettype = 'void'::regtype as is_void,
    p.provolatile::text = 'v' as is_volatile,
    coalesce(p.proconfig, '{}') as settings
from pg_catalog.pg_proc as p
join pg_catalog.pg_type as t on t.oid = p.prorettype
left join lateral (
    select
        json_agg(
            json_build_array(
                i.name, i.type::regtype::text, i.number <= p.pronargs - p.pronargdefaults
            ) order by i.number
        ) as arguments
    from unnest(p.proargnames, p.proargtypes::oid[]) with ordinality as i (name, type, number)
    where i.type is not null
) as a on true
where p.pronamespace = $1::regnamespace and p.prokind = 'f' and t.oid <> 'trigger'::regtype
"""


@dataclass(frozen=True)
class Argument:
    name: str
    type: str
    required: bool


@dataclass(frozen=True)
class Routine:
    name: str
    arguments: tuple[Argument, ...]
    is_set: bool
    is_composite: bool
    is_void: bool
    is_volatile: bool
    settings: tuple[tuple[str, str], ...]  # those of its own that hold for the whole transaction

    def takes(self, given: frozenset[str]) -> bool:
        """All that it requires and nothing that it does not know."""
        required = {one.name for one in self.arguments if one.required}
        return required <= given <= {one.name for one in self.arguments}


def read(rows: Iterable[Any], arguments: Any) -> list[Routine]:
    """From the rows of QUERY; `arguments` reads JSON."""
    return [
        Routine(
            row["name"],
            tuple(Argument(*one) for one in arguments(row["arguments"])),
            row["is_set"],
            row["is_composite"],
            row["is_void"],
            row["is_volatile"],
            tuple(
                (name, value)
                for name, _, value in (setting.partition("=") for setting in row["settings"])
                if name in HOISTED
            ),
        )
        for row in rows
    ]


def find(routines: Sequence[Routine], name: str, given: frozenset[str]) -> Routine:
    """The one that is meant. Raises Refused."""
    fitting = [one for one in routines if one.name == name and one.takes(given)]
    if not fitting:
        raise _not_found(routines, name, sorted(given))
    if len(fitting) > 1:
        raise _ambiguous(fitting)
    return fitting[0]


def _not_found(routines: Sequence[Routine], name: str, given: list[str]) -> Refused:
    names = ", ".join(given)
    message, details = " without parameters", " without parameters"
    if given:
        message = f"({names})"
        details = f" with parameter{'s' if len(given) > 1 else ''} {names}"
    return problem(
        "PGRST202",
        f"Could not find the function {SCHEMA}.{name}{message} in the schema cache",
        f"Searched for the function {SCHEMA}.{name}{details} or with a single unnamed "
        "json/jsonb parameter, but no matches were found in the schema cache.",
        _hint(routines, name, f"({names})"),
    )


def _hint(routines: Sequence[Routine], name: str, given: str) -> str | None:
    """What may have been meant. PostgREST measures likeness in another way."""
    overloads = [one for one in routines if one.name == name]
    if overloads:
        known = [f"({', '.join(sorted(a.name for a in one.arguments))})" for one in overloads]
        like = [name + found for found in difflib.get_close_matches(given, known, 1, 0.33)]
    else:
        like = difflib.get_close_matches(name, sorted({one.name for one in routines}), 1, 0.75)
    return f"Perhaps you meant to call the function {SCHEMA}.{like[0]}" if like else None


def _ambiguous(fitting: list[Routine]) -> Refused:
    signatures = [
        f"{SCHEMA}.{one.name}({', '.join(f'{a.name} => {a.type}' for a in one.arguments)})"
        for one in fitting
    ]
    return problem(
        "PGRST203",
        f"Could not choose the best candidate function between: {', '.join(signatures)}",
        hint="Try renaming the parameters or the function itself in the database so function "
        "overloading can be resolved",
    )

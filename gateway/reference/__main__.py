"""`python -m gateway.reference > docs/api.md` writes the reference down."""

import sys
from itertools import groupby

from gateway.reference.fields import shape
from gateway.reference.guide import guide
from gateway.reference.markdown import link
from gateway.reference.openapi import document
from gateway.reference.route_markdown import route_section
from gateway.reference.table import ROUTES

_HEAD = """# localllm API reference

Made by `python -m gateway.reference > docs/api.md`. A running gateway shows the same at `/redoc`,
lets you try the routes at `/docs`, and gives programs `/openapi.json`. The examples need a key in
`LOCALLLM_KEY`; those of the owner's routes need the secret in `ADMIN_SECRET`."""


def markdown() -> str:
    """The text of docs/api.md."""
    general = guide().rstrip()
    schemas = document()["components"]["schemas"]
    groups = [(name, tuple(ones)) for name, ones in groupby(ROUTES, lambda route: route.group)]
    contents = [f"- {link(line[3:])}" for line in general.splitlines() if line.startswith("## ")]
    sections = [general]
    for name, routes in groups:
        contents.append(f"- {link(name)}")
        contents += [f"  - {link(f'{one.method} {one.path}')}" for one in routes]
        sections += [f"## {name}", *(route_section(one, schemas) for one in routes)]
    contents.append(f"- {link('Shapes')}")
    sections += ["## Shapes", *(shape(name, schemas[name]) for name in schemas)]
    return "\n\n".join((_HEAD, "\n".join(contents), *sections)) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())

"""`python -m gateway.reference > docs/api.md` writes the reference down."""

import sys

from gateway.dialects.protocol import EXAMPLE_MODEL
from gateway.reference.as_markdown import Markdown
from gateway.reference.contents import reference
from gateway.reference.frame import BASE
from gateway.reference.openapi import document

ADDRESS = "http://127.0.0.1:8000"
_HEAD = """# localllm API reference

Made by `python -m gateway.reference > docs/api.md`. A gateway shows the same at `/docs`, and to
programs at `/openapi.json`. The examples want a key in `LOCALLLM_KEY`, those of the owner's routes
the secret in `ADMIN_SECRET`.

"""


def markdown() -> str:
    """The text of docs/api.md."""
    sections = reference(document(), EXAMPLE_MODEL)
    writer = Markdown(sections)
    text = _HEAD + writer.contents(sections) + "".join(map(writer.text, sections))
    return text.replace(BASE, ADDRESS).rstrip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown())

"""`localllm supabase role`: a token with which the gateway may only serve calls.

The private half of its signing key could make tokens of every role. It is on the disk only until
the owner has handed it to Supabase, which gives it to nobody.
"""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import click

from gateway.commands.running import Failed, progress, run
from gateway.config.secret_files import GATEWAY_TOKEN_FILE, SIGNING_KEY_FILE
from gateway.config.settings import Settings, load

if TYPE_CHECKING:
    from gateway.stores import StoreUnavailable

_STEPS = """\
A new signing key is in {file}
Only you can read it. In Supabase's dashboard, open {page}
(Project Settings, JWT Keys, JWT Signing Keys):

1. If it offers "Migrate JWT secret", do that: nothing stops working.
2. If there is a standby key already: its menu, "Move to previously used".
3. "Create Standby Key": ES256, tick "Import an existing private key", and paste the whole file.
4. The menu of that key, "Move to previously used": from now on it verifies tokens, and signs none.
   Supabase may want five minutes between two of these steps.
"""
_DONE = """\
The project accepts the token. It is good until {end:%Y-%m-%d}.
The signing key was deleted here: only Supabase has it now.

In .env of the gateway, put these lines in the place of SUPABASE_SERVICE_KEY, and restart it:

SUPABASE_PUBLISHABLE_KEY={publishable}
SUPABASE_GATEWAY_TOKEN_FILE={file}
"""


@click.group()
def supabase() -> None:
    """Use a Supabase project with no more rights than are needed."""


@supabase.command()
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=365,
    show_default=True,
    help="How long the token is good.",
)
def role(days: int) -> None:
    """Make a token that only serves calls, in place of the secret key.

    Says what to do in Supabase's dashboard, and waits until the project accepts the token.
    """
    settings = load()
    if not settings.supabase_url:
        raise Failed("SUPABASE_URL is not set: begin with docs/supabase.md.")
    from gateway.config import preflight
    from gateway.database.opening import install_if_needed

    preflight.check_data_dir(settings.data_dir)
    run(install_if_needed(settings, progress))
    from gateway.stores import gateway_token
    from tunnel import private_files

    key = gateway_token.new_signing_key()
    end = datetime.now(UTC) + timedelta(days=days)
    token = gateway_token.sign(key, gateway_token.claims(settings.supabase_url, end))
    key_file = settings.data_dir / SIGNING_KEY_FILE
    token_file = settings.data_dir / GATEWAY_TOKEN_FILE
    private_files.write(key_file, json.dumps(key) + "\n")
    try:
        click.echo(_STEPS.format(file=key_file, page=_page(settings.supabase_url)))
        publishable = settings.supabase_publishable_key or _publishable_key()
        _wait_for(lambda: run(_problem(settings, publishable, token)))
    finally:
        key_file.unlink(missing_ok=True)
    private_files.write(token_file, token + "\n")
    click.echo(_DONE.format(end=end, publishable=publishable, file=token_file))


def _page(url: str) -> str:
    host = urlsplit(url).hostname or ""
    project = host.removesuffix(".supabase.co") if host.endswith(".supabase.co") else "_"
    return f"https://supabase.com/dashboard/project/{project}/settings/jwt"


def _publishable_key() -> str:
    from gateway.config.supabase_project import publishable_key

    def parse(text: str) -> str:
        try:
            return publishable_key(text)
        except ValueError as problem:
            raise click.UsageError(f"It {problem}.") from None

    click.echo("The publishable key is in Project Settings, API Keys.")
    return click.prompt("Publishable key", value_proc=parse)


def _wait_for(problem_now: "Callable[[], StoreUnavailable | None]") -> None:
    """Return when there is none; each time that there is, the owner says when to look again."""
    while True:
        click.prompt("Press Enter when that is done", default="", show_default=False)
        problem = problem_now()
        if problem is None:
            return
        click.echo(f"Not yet: {problem}")


async def _problem(settings: Settings, publishable: str, token: str) -> "StoreUnavailable | None":
    """Why the project does not take the token, if so."""
    from gateway.stores import StoreUnavailable
    from gateway.stores.supabase import SupabaseStore

    store = SupabaseStore(settings.supabase_url, publishable, token)
    try:
        await store.check()
    except StoreUnavailable as problem:
        return problem
    finally:
        await store.close()
    return None

"""What `up` prints once the gateway answers: its address, the key, and a command to try it."""

import json
import shlex
from pathlib import Path

import click

from gateway.config import preflight
from gateway.config.settings import Settings

KEY_VARIABLE = "LOCALLLM_KEY"
TRIAL_NOTE = (
    "This address is for trials: it changes at each start, takes some seconds to work everywhere,\n"
    "may buffer streams, and takes 200 requests at once. For a permanent one: localllm tunnel setup"
)


def print_banner(
    settings: Settings,
    key: str | None,
    model: str,
    model_note: str,
    public: str | None = None,
    *,
    trial: bool = False,
    secret_file: Path | None = None,
) -> None:
    """`key` is None if there were keys already, which cannot be shown again. `public` is the
    address of the tunnel; `trial`: it is a temporary one. `secret_file`: where the admin secret is
    kept, if nobody has set one."""
    url = local = preflight.local_url(settings.host, settings.port)
    click.echo(f"\nlocalllm is running at {click.style(url, bold=True)} (press Ctrl-C to stop)\n")
    if public:
        click.echo(f"Public address: {click.style(public, bold=True)}")
        if not settings.admin_through_tunnel:
            click.echo("The admin routes are not available there.")
        click.echo(f"{TRIAL_NOTE}\n" if trial else "")
        url = public
    if key:
        click.echo("Your API key (save it now, it will not be shown again):\n")
        click.echo(f"  {click.style(key, bold=True)}\n")
        click.echo("Try it in another terminal:\n")
    else:
        if settings.manages_keys:
            click.echo("Existing keys cannot be shown again. ", nl=False)
            click.echo("To create one: localllm keys create NAME")
        click.echo(f"Try it in another terminal, with your key in {KEY_VARIABLE}:\n")
    click.echo(f"  {curl_line(url, key, model)}\n")
    click.echo(f"Model: {model_note}")
    if settings.store == "supabase":
        click.echo(f"Keys:  {settings.supabase_url}")
    click.echo(f"Console: {click.style(f'{local}/console', bold=True)}")
    click.echo(f"  It asks for the admin secret: {_where_the_secret_is(settings, secret_file)}")
    click.echo(f"Data:  {settings.data_dir}")


def _where_the_secret_is(settings: Settings, file: Path | None) -> str:
    """Never the secret itself: what is printed ends up in logs."""
    if not settings.manages_keys:
        return "that of the Supabase function 'admin'"
    return f"copy it from {file}" if file else "your ADMIN_SECRET"


def curl_line(url: str, key: str | None, model: str) -> str:
    """A command for a streaming chat completion that can be pasted into a shell."""
    body = {
        "model": model,
        "stream": True,
        "max_tokens": 50,  # the demo model does not know when to stop
        "messages": [{"role": "user", "content": "Say hello."}],
    }
    authorization = (
        shlex.quote(f"Authorization: Bearer {key}")
        if key
        else (f'"Authorization: Bearer ${KEY_VARIABLE}"')
    )
    data = shlex.quote(json.dumps(body, ensure_ascii=False))
    json_header = "-H 'Content-Type: application/json'"
    return f"curl -N {url}/v1/chat/completions -H {authorization} {json_header} -d {data}"

"""What `up` prints when the gateway answers: where it is, the key, and a line to try it with."""

import json
import shlex

import click

from gateway.config import preflight
from gateway.config.settings import Settings

KEY_VARIABLE = "LOCALLLM_KEY"
TRIAL_NOTE = (
    "For trials: a new name at each start, known everywhere after some seconds; streams may be\n"
    "held back, at most 200 requests at once. For a lasting name: localllm tunnel setup"
)


def print_banner(
    settings: Settings,
    key: str | None,
    model: str,
    model_note: str,
    public: str | None = None,
    *,
    trial: bool = False,
) -> None:
    """`key` is None where there were keys already: those cannot be shown again. `public` is the
    address of the tunnel, `trial` whether it is one of a tunnel by chance."""
    url = preflight.local_url(settings.host, settings.port)
    click.echo(f"\nlocalllm runs at {click.style(url, bold=True)} (Ctrl-C stops it)\n")
    if public:
        click.echo(f"For every website: {click.style(public, bold=True)}")
        if not settings.admin_through_tunnel:
            click.echo("The admin routes do not answer there.")
        click.echo(f"{TRIAL_NOTE}\n" if trial else "")
        url = public
    if key:
        click.echo("Your API key. Save it: it will not be shown again.\n")
        click.echo(f"  {click.style(key, bold=True)}\n")
        click.echo("Try it in another terminal:\n")
    else:
        click.echo(
            "Keys were made before and cannot be shown. For a new one: localllm keys create NAME"
        )
        click.echo(f"Try it in another terminal, with a key in {KEY_VARIABLE}:\n")
    click.echo(f"  {curl_line(url, key, model)}\n")
    click.echo(f"Model: {model_note}")
    if settings.store == "supabase":
        click.echo(f"Keys:  {settings.supabase_url}")
    click.echo(f"Data:  {settings.data_dir} (admin secret: {settings.data_dir / 'admin-secret'})")


def curl_line(url: str, key: str | None, model: str) -> str:
    """A streaming chat completion that works when pasted into a shell."""
    body = {
        "model": model,
        "stream": True,
        "max_tokens": 50,  # the demo model does not know when to end
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

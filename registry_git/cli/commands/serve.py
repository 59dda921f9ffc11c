"""serve: the registry for clients that speak HTTP."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from registry_git.cli.arguments import file_or_stdin
from registry_git.cli.command import RegistryCommand
from registry_git.cli.invocation import Invocation, pass_invocation
from registry_git.cli.output import as_json
from registry_git.core.errors import Invalid, NotFound

if TYPE_CHECKING:
    from registry_git.server.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
_PREFIX = "REGISTRY_GIT_SERVE_"
_IN_THE_CLEAR = """
warning: It speaks plain HTTP, so tokens can be read on the way.
hint: Give --tls-cert and --tls-key, or put a proxy that speaks TLS before it."""


def _from_file(ctx: click.Context, _: click.Parameter, path: str | None) -> None:
    """Takes the file's values for the options that neither the command line nor the environment gives."""
    if path is None:
        return
    import yaml

    try:
        values = yaml.safe_load(file_or_stdin(path)) or {}
    except yaml.YAMLError as problem:
        raise Invalid(f"{path} is no YAML: {problem}.", hint="Write it as: port: 8000") from None
    options = {str(name).replace("_", "-"): param.name for param in ctx.command.params for name in [param.name]}
    known = sorted(set(options) - {"config", "output", "at", "help"})
    unknown = (
        [str(key) for key in values if str(key).replace("_", "-") not in known] if isinstance(values, dict) else [path]
    )
    if unknown:
        raise Invalid(f"{path} says {unknown[0]!r}, which is no option.", hint=f"There are {', '.join(known)}.")
    ctx.default_map = {
        **(ctx.default_map or {}),
        **{options[str(key).replace("_", "-")]: value for key, value in values.items()},
    }


def _option(name: str, **attributes: Any) -> Callable[[F], F]:
    variable = _PREFIX + name.removeprefix("--").partition("/")[0].replace("-", "_").upper()
    return click.option(name, envvar=variable, **attributes)


@click.command(
    "serve", cls=RegistryCommand, example="registry-git serve -R models.git --port 8000", formats=("table", "json")
)
@click.option(
    "--config",
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_from_file,
    envvar=f"{_PREFIX}CONFIG",
    help="A YAML file with any of these options.",
)
@_option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@_option("--port", type=click.IntRange(0, 65535), default=5000, show_default=True, help="0: any free one.")
@_option("--accounts", metavar="FILE", help="The file of accounts. [env: REGISTRY_GIT_ACCOUNTS]")
@_option("--tls-cert", metavar="FILE", help="The certificate and its chain, PEM.")
@_option("--tls-key", metavar="FILE", help="The certificate's key, PEM.")
@_option("--allow-host", multiple=True, metavar="NAME", help="A name by which the server may be called.")
@_option("--proxy", multiple=True, metavar="ADDRESS", help="A proxy (or network) that says who the users are.")
@_option("--user-header", default="X-Forwarded-Email", show_default=True, help="Where it says the email address.")
@_option("--name-header", default="X-Forwarded-Preferred-Username", show_default=True, help="Where it says the name.")
@_option(
    "--fetch-seconds",
    type=click.FloatRange(min=0.5),
    default=10.0,
    show_default=True,
    help="How often to ask the remote.",
)
@_option("--hook-secret-file", metavar="FILE", help="The secret of the forge's webhooks.")
@_option(
    "--max-body", type=click.IntRange(min=1024), default=2 * 1024 * 1024, show_default=True, help="Bytes of a body."
)
@_option(
    "--rate",
    type=click.FloatRange(min=0),
    default=None,
    help="Requests a second from one address; 0: any number. By default 1000, and any number on loopback.",
)
@_option("--webhooks", metavar="DIR", help="Where webhooks are kept; by default beside the accounts.")
@_option("--webhook-allow", multiple=True, metavar="NETWORK", help="Private addresses that webhooks may reach.")
@_option("--webhook-runner", metavar="URL", help="What starts the jobs of webhooks with a job_spec.")
@_option(
    "--webhook-retry-hours",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="After so long without success a webhook is disabled.",
)
@_option("--tracking-uri", default="", metavar="URI", help="The MLflow tracking store to ask about runs.")
@_option("--access-log/--no-access-log", default=True, help="A JSON line for each request on standard output.")
@pass_invocation
def serve(invocation: Invocation, /, **given: Any) -> None:
    """Serve the registry over HTTP: MLflow's and Databricks' REST APIs, and its own with documents at /docs.

    On this machine's own address it needs no set-up and acts as git's user. On any other it wants accounts
    (registry-git user add) or a proxy that knows the users.
    """
    settings = _settings(invocation, **given)
    try:
        from registry_git.server.run import serve as serve_until_stopped
    except ModuleNotFoundError as problem:
        raise Invalid(
            f"The server needs a package that is not installed: {problem.name}.",
            hint="Install it with: pip install 'registry-git[server]'",
        ) from None

    registry = address_of(invocation, settings.repository)

    def tell(url: str) -> None:
        if invocation.machine:
            told = {"url": url, "registry": registry, "path": str(settings.repository), "pid": os.getpid()}
            line = as_json(told, indent=None)
        else:
            who = f", as {settings.owner}" if settings.open else ""
            more = _IN_THE_CLEAR if settings.in_the_clear else ""
            line = f"Serving {registry} at {url}{who}. Stop it with Ctrl-C.{more}"
        click.echo(line, err=True)

    serve_until_stopped(settings, tell)


def address_of(invocation: Invocation, repository: Path) -> str:
    """The registry as people know it: the URL that was named, without its password, or the path of the repository."""
    from registry_git.app import REGISTRY_VARIABLE
    from registry_git.gitstore.porcelain import is_url, without_password

    named = invocation.registry or os.environ.get(REGISTRY_VARIABLE, "")
    return without_password(named) if is_url(named) else str(repository)


def _settings(invocation: Invocation, **given: Any) -> Settings:
    from registry_git.app import find_actor, repository_of
    from registry_git.gitstore.repository import Repository
    from registry_git.server.accounts import default_accounts
    from registry_git.server.settings import Settings, parse_network
    from registry_git.server.webhooks.settings import WebhookSettings

    path = repository_of(invocation.registry or None)
    secret = given["hook_secret_file"]
    proxies = tuple(map(parse_network, given["proxy"]))
    settings = Settings(
        repository=path,
        host=given["host"],
        port=given["port"],
        accounts=Path(given["accounts"]) if given["accounts"] else default_accounts(),
        tls_cert=_file(given["tls_cert"]),
        tls_key=_file(given["tls_key"]),
        hosts=tuple(given["allow_host"]),
        proxies=proxies,
        user_header=given["user_header"],
        name_header=given["name_header"],
        fetch_seconds=given["fetch_seconds"],
        hook_secret=file_or_stdin(secret).strip() if secret else "",
        body_bytes=given["max_body"],
        per_second=given["rate"],
        tracking_uri=given["tracking_uri"],
        access_log=given["access_log"],
        webhooks=WebhookSettings(
            directory=Path(given["webhooks"]) if given["webhooks"] else None,
            allowed=tuple(map(parse_network, given["webhook_allow"])),
            runner=given["webhook_runner"] or "",
            give_up_seconds=given["webhook_retry_hours"] * 3600,
        ),
    )
    try:
        return replace(settings, owner=find_actor(invocation.actor or None, Repository(path)))
    except Invalid:
        if settings.open or invocation.actor:
            raise
        return settings  # everybody says who they are, so nobody needs to be named


def _file(path: str | None) -> Path | None:
    if path is not None and not Path(path).is_file():
        raise NotFound(f"There is no file {path}.", hint="Name the PEM file.")
    return Path(path) if path else None

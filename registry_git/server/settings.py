"""How a server is to run, checked as a whole before anything is opened."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from pathlib import Path

from registry_git.core.errors import Invalid
from registry_git.core.names import Actor
from registry_git.server.accounts import AccountFile
from registry_git.server.webhooks.settings import WebhookSettings

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PER_SECOND = 1000.0
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the command line, the environment and the configuration file say together.

    Args:
        repository: the registry, or the clone of it.
        host, port: the address to listen at; port 0: any free one.
        accounts: the file of accounts, which need not exist.
        owner: who acts when nobody has to say who they are.
        tls_cert, tls_key: PEM files; None: plain HTTP.
        hosts: names by which the server may be called, besides loopback's own.
        proxies: addresses whose word about users is taken.
        user_header, name_header: where such a proxy says the user's email address and name.
        fetch_seconds: how often the remote is asked.
        hook_secret: what the forge signs its webhooks with; empty: there are none.
        forge_seconds: how long a page waits for what the forge says of a pull request.
        body_bytes: the largest body.
        per_second: calls that one address may make; 0: any number; None: what `rate` says.
        tracking_uri: the MLflow tracking store that is asked about runs that callers name; empty: none is.
        access_log: whether each request is told on standard output.
        webhooks: how Databricks' registry webhooks are kept and delivered.
    """

    repository: Path
    host: str = "127.0.0.1"
    port: int = 5000
    accounts: Path
    owner: Actor | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    hosts: tuple[str, ...] = ()
    proxies: tuple[Network, ...] = ()
    user_header: str = "X-Forwarded-Email"
    name_header: str = "X-Forwarded-Preferred-Username"
    fetch_seconds: float = 10.0
    hook_secret: str = ""
    forge_seconds: float = 5.0
    body_bytes: int = 2 * 1024 * 1024
    per_second: float | None = None
    tracking_uri: str = ""
    access_log: bool = True
    webhooks: WebhookSettings = field(default_factory=WebhookSettings)

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can call."""
        return is_loopback(self.host)

    @property
    def in_the_clear(self) -> bool:
        """Whether tokens come over a network that may be anybody's, without TLS or a proxy that has it."""
        return not self.on_loopback and self.tls_cert is None and not self.proxies

    @property
    def rate(self) -> float:
        """Calls a second from one address: unless it is said, far more than people and CI make, and no end here."""
        if self.per_second is not None:
            return self.per_second
        return 0.0 if self.on_loopback else _PER_SECOND

    @property
    def open(self) -> bool:
        """Whether nobody has to say who they are. Raises: as `AccountFile.accounts`."""
        return self.on_loopback and not self.proxies and not AccountFile(self.accounts).accounts()

    def check(self) -> None:
        """Returns when a server may run so.

        Raises:
            Invalid: it would be open to anybody, or the settings contradict each other.
        """
        if (self.tls_cert is None) != (self.tls_key is None):
            raise Invalid("TLS takes a certificate and its key.", hint="Give --tls-cert and --tls-key.")
        self.webhooks.check()
        has_accounts = bool(AccountFile(self.accounts).accounts())
        if not self.on_loopback and not has_accounts and not self.proxies:
            raise Invalid(
                f"{self.host} can be reached by others, and there are no accounts.",
                hint=f'Add one with: registry-git user add "Name <email>" --accounts {self.accounts}',
            )
        if self.open and self.hosts:
            raise Invalid(
                f"Called as {self.hosts[0]} by way of a proxy, everybody would be {self.owner}.",
                hint="Add accounts (registry-git user add), or name the proxy that knows the users (--proxy).",
            )


def is_loopback(host: str) -> bool:
    """Whether an address or name is this machine's own."""
    if host in LOOPBACK_NAMES:
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def parse_network(text: str) -> Network:
    """An address (`10.0.0.5`) or network (`10.0.0.0/8`). Raises: Invalid."""
    try:
        return ipaddress.ip_network(text)
    except ValueError as problem:
        raise Invalid(f"{text!r} is no address: {problem}.", hint="Write it as 10.0.0.5 or 10.0.0.0/8.") from None

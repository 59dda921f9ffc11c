"""How webhooks are delivered."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from registry_git.core.errors import Invalid


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookSettings:
    """What the command line says about webhooks.

    Args:
        directory: where they are kept; None: beside the accounts.
        allowed: networks inside that they may reach.
        runner: the URL that starts the jobs of a `job_spec`; empty: there is none.
        give_up_seconds: for how long a receiver may refuse an event before its webhook is disabled.
        back_off_seconds: the wait after the first failure; it doubles with each, up to `longest_seconds`.
        longest_seconds: between two attempts.
        call_seconds: that one call may take in all.
        look_seconds: between two looks at what others have written.
    """

    directory: Path | None = None
    allowed: tuple[IPv4Network | IPv6Network, ...] = ()
    runner: str = ""
    give_up_seconds: float = 24 * 3600.0
    back_off_seconds: float = 1.0
    longest_seconds: float = 300.0
    call_seconds: float = 10.0
    look_seconds: float = 1.0

    def check(self) -> None:
        """Returns when the settings make sense. Raises: Invalid."""
        if self.runner and not self.runner.startswith(("http://", "https://")):
            raise Invalid(f"{self.runner} is no URL.", hint="Write it as https://ci.acme.io/run.")

"""What a policy says of a change: whether it may be made, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Unmet:
    """A rule that is not met: its name, why, what would satisfy it, and whether more approvals would."""

    rule: str
    why: str
    satisfy: str
    by_approval: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer. `may_approve` holds the email addresses whose approval would still count; `anyone` when all would.

    `needed` and `given` count approvals for the rule that asks for most.
    """

    unmet: tuple[Unmet, ...] = ()
    needed: int = 0
    given: int = 0
    may_approve: tuple[str, ...] = ()
    anyone: bool = False

    @property
    def allowed(self) -> bool:
        """Whether every matching rule is met."""
        return not self.unmet

    @property
    def closers(self) -> tuple[str, ...] | None:
        """Of a decision before anybody approved: who may reject the change besides who asks for it; None: anybody."""
        return self.may_approve if self.needed and not self.anyone else None

    @property
    def by_request(self) -> bool:
        """Whether only approvals are missing, so that a request for the same can bring it."""
        return bool(self.unmet) and all(one.by_approval for one in self.unmet)

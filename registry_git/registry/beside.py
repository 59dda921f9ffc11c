"""Files beside the manifests: `deploy/` and `templates/`, which people and GitOps tools keep in the same repository.

They are judged as everything else is: by the rules on `edit` for all models.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from registry_git.core.changes.proposal import Headline, Touch
from registry_git.core.errors import Invalid, PermissionDenied
from registry_git.core.model import Action
from registry_git.core.policy import Change, evaluate
from registry_git.gitstore.objects import Staging
from registry_git.gitstore.refs import ReflogEntry
from registry_git.gitstore.repository import MAIN
from registry_git.gitstore.session import Session
from registry_git.manifests.layout import Layout, is_ours
from registry_git.manifests.messages import write_message
from registry_git.registry.entries import FILE, entry_problem
from registry_git.registry.tree import Tree
from registry_git.registry.writes import Writes, words

# Content to put, None to remove; decided again when somebody else was first.
Plan: TypeAlias = Callable[[Tree], Mapping[str, bytes | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """The commit that shows files beside the manifests, and which of them it brought and took away."""

    commit: str
    changed: bool
    written: tuple[str, ...]
    removed: tuple[str, ...]

    @classmethod
    def of(cls, files: Mapping[str, bytes | None], *, commit: str, changed: bool) -> Kept:
        """What became of `files`: content that was put, None for what was removed."""
        return cls(
            commit=commit,
            changed=changed,
            written=tuple(sorted(path for path, data in files.items() if data is not None)),
            removed=tuple(sorted(path for path, data in files.items() if data is None)),
        )


class Beside(Writes):
    """The part of the registry that holds what is no manifest."""

    def write_files(self, plan: Plan, *, headline: Headline, comment: str = "") -> Kept:
        """Makes the files that `plan` gives those of `main`, in one commit; none is made when they are so already.

        Raises:
            Invalid: a path where only the registry writes, or that no registry may hold.
            PermissionDenied: the policy wants an approval for it.
        """
        act = self._act(words(comment))

        def attempt(session: Session) -> Kept:
            tree = Tree(snapshot=session.snapshot(), repository=session.repository)
            files = {path: data for path, data in plan(tree).items() if tree.read(path) != data}
            if not files:
                return Kept.of({}, commit=session.main, changed=False)
            for path, data in files.items():
                _refuse_path(path, data, tree.layout)
            change = Change(touches=(Touch(action=Action.EDIT, model=None),), requester=act.actor, requested=False)
            decision = evaluate(change, tree.snapshot.policy(), ())
            if not decision.allowed:
                unmet = decision.unmet[0]
                raise PermissionDenied(
                    f"The policy does not allow this: {unmet.rule}: {unmet.why}.",
                    hint=f"{unmet.satisfy} Or write it into a work tree with --to, for a pull request of theirs.",
                )
            tip = session.commit(
                onto=session.main,
                parents=[session.main],
                files=files,
                author=act.actor,
                at_seconds=act.at // 1000,
                message=write_message(headline, act.comment, act.id),
            )
            session.move(MAIN, old=session.main, new=tip)
            return Kept.of(files, commit=tip, changed=True)

        entry = ReflogEntry(actor=act.actor, at_seconds=act.at // 1000, message="registry-git")
        return self._store.transact(attempt, describe=entry)


def _refuse_path(path: str, data: bytes | None, layout: Layout) -> None:
    if is_ours(path):
        raise Invalid(f"{path} is where only the registry writes.", hint="Choose another directory, such as deploy/.")
    problem = entry_problem(path, FILE, Staging().blob(data or b""), layout)
    if problem is not None:
        raise Invalid(f"{path}: {problem.message}", hint=problem.fix)

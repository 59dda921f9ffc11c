"""Keeping a registry in good order: check, doctor, layout, index, policy, remote."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from registry_git.core.changes import edits
from registry_git.core.changes.proposal import Headline, Proposal, Touch
from registry_git.core.errors import Invalid
from registry_git.core.model import Action, PolicyKey
from registry_git.core.names import COMMENT_MAX, parse_text
from registry_git.gitstore.hooks import install_hooks
from registry_git.gitstore.session import Session
from registry_git.gitstore.trees import list_files
from registry_git.manifests.codec import files
from registry_git.manifests.layout import Layout, is_companion, key_of
from registry_git.manifests.messages import write_message
from registry_git.manifests.policy_text import parse_policy
from registry_git.registry import doctor, replay
from registry_git.registry.codeowners import codeowners, write_codeowners
from registry_git.registry.finding import Finding
from registry_git.registry.replay import Synced
from registry_git.registry.request_views import has_landed
from registry_git.registry.views import Done
from registry_git.registry.writes import Writes
from registry_git.registry.writing import apply, require_allowed

if TYPE_CHECKING:
    from registry_git.registry.judging.gate import GateReport


class Upkeep(Writes):
    """The part of the registry that looks after itself."""

    def doctor(self, *, fix: bool = False) -> list[Finding]:
        """What could be better about the repository and its manifests; with `fix`, what could be mended was."""
        return doctor.examine(self._store, self._surroundings, self._index, fix=fix)

    def gate(self, base: str, head: str = "HEAD", *, require_approved: bool = False) -> GateReport:
        """Whether `head` may be merged into `base`, by the policy of `base`: each names a branch or a commit.

        `head` may be the id of an open request too, where nothing else has that name.

        It looks at every manifest of the branch and of the merge result. Approvals that are still missing are notes,
        unless `require_approved`.

        Raises:
            NotFound: there is no such commit here; Unavailable: the clone is shallow; Corrupt: the base is broken.
        """
        from registry_git.registry.judging.gate import run_gate  # slow to import, and for CI alone

        asked = {name.rpartition("/")[2]: tip for name, tip in self._store.request_branches().items()}
        return run_gate(self._store.repository, base, head, requests=asked, require_approved=require_approved)

    def codeowners(self, *, forge: str = "") -> str:
        """The text of a CODEOWNERS file that asks a forge's reviewers as the policy's rules name them.

        `forge` is `github`, `gitlab` or `gitea`; by default the one that `registry.yaml` names, else `github`.

        Raises:
            Invalid: another forge.
        """
        return codeowners(self.policy(), forge)

    def write_codeowners(self, *, forge: str = "") -> tuple[Path, bool]:
        """Writes CODEOWNERS at the top of the work tree; gives the file, and whether it was changed.

        Raises:
            Invalid: there is no work tree, or another forge; Unavailable.
        """
        return write_codeowners(self._store.repository.workdir, self.codeowners(forge=forge))

    def install_hooks(self, command: Sequence[str]) -> list[Path]:
        """Makes a bare repository judge every push; `command` is how this program is called. Gives the files.

        Raises:
            Invalid: it has a work tree; AlreadyExists: another program's hook is there; Unavailable.
        """
        return install_hooks(self._store.repository, command)

    def set_policy(self, text: str, *, comment: str = "") -> Done:
        """Replaces `registry.yaml` by this YAML text, judged by the policy that is there now.

        Raises:
            Invalid: it is no policy; PermissionDenied: it takes a request.
        """
        policy = parse_policy(text)
        act = self._surroundings.act(comment=parse_text("comment", comment, at_most=COMMENT_MAX))
        written = apply(self._store, act, lambda snapshot: edits.change_policy(snapshot, act, policy=policy))
        return Done(commit=written.commit, changed=written.changed)

    def relayout(self, layout: str) -> Done:
        """Moves all files to another layout (`flat` or `fanout`) in one commit.

        Raises:
            Invalid: no such layout, or requests are open, whose branches hold the old paths; PermissionDenied.
        """
        if layout not in {one.value for one in Layout}:
            raise Invalid(f"{layout!r} is no layout.", hint="There are flat and fanout.")
        wanted = Layout(layout)
        act = self._surroundings.act()

        def plan(session: Session) -> Done:
            snapshot = session.snapshot()
            policy = snapshot.policy()
            if snapshot.layout is wanted:
                return Done(commit=session.main, changed=False)
            if not all(has_landed(snapshot, branch) for branch in self._store.request_branches()):
                raise Invalid("There are open requests.", hint="Decide them first: registry-git request list")
            headline = Headline(sentence=f"Lay the registry out as {wanted.value}", action="relayout")
            touch = Touch(action=Action.EDIT, model=None)  # it moves files, and decides nothing
            proposal = Proposal(edits={}, touches=(touch,), headline=headline)
            require_allowed(proposal, policy, act.actor)
            moved: dict[str, bytes | None] = {}
            put: dict[str, bytes | None] = {}
            for path, _, blob in list_files(snapshot.tree, read=session.repository.read):
                key = key_of(path, snapshot.layout)
                if key is not None and not isinstance(key, PolicyKey):
                    put.update(files(key, snapshot.read(path, key, "100644", blob), wanted))
                    moved[path] = None
                elif is_companion(path, snapshot.layout):
                    moved[path] = None
            put.update(files(PolicyKey(), replace(policy, layout=wanted.value), wanted))
            tip = session.commit(
                onto=session.main,
                parents=[session.main],
                files={**moved, **put},
                author=act.actor,
                at_seconds=act.at // 1000,
                message=write_message(headline, "", act.id, act.at),
            )
            session.move("refs/heads/main", old=session.main, new=tip)
            return Done(commit=tip, changed=True)

        return self._store.transact(plan)

    def reindex(self, progress: Callable[[int], None] | None = None) -> int:
        """Throws the index away and builds it anew; gives the number of manifests read."""
        self._index.drop()
        count = 0

        def counted(number: int) -> None:
            nonlocal count
            count += number
            if progress is not None:
                progress(number)

        self._index.at(self._snapshot().commit, counted)
        return count

    def sync(self) -> Synced:
        """Brings what the remote has here, and sends it what was written offline.

        Raises:
            Invalid: there is no remote; Corrupt: its history was rewritten; Unavailable.
        """
        done = replay.sync(self._store, self._surroundings.act())
        if done.sent:
            self._ask_for_rolls(self._snapshot().deployments())
        return done

"""Whether `main` may take its next step: a direct change, or a merge; judged by the policy before it."""

from __future__ import annotations

from collections.abc import Iterator

from registry_git.core.errors import RegistryError
from registry_git.core.names import Actor
from registry_git.core.policy import Change, evaluate
from registry_git.gitstore.commits import Commit
from registry_git.gitstore.remerge import Scratch
from registry_git.gitstore.repository import Repository
from registry_git.manifests.messages import read_forced
from registry_git.registry.judging.changed import Changed, read_changed
from registry_git.registry.judging.contents import comment_faults, content_faults, entry_faults, in_use_faults
from registry_git.registry.judging.faults import Fault, Rule, fault, of_error, policy_faults
from registry_git.registry.judging.landing import landing_faults, merge_faults
from registry_git.registry.judging.layouts import layout_faults, left_behind
from registry_git.registry.judging.records import record_faults


def step_faults(
    repository: Repository, scratch: Scratch, step: Commit, actor: Actor, *, for_others: bool = False
) -> list[Fault]:
    """What forbids that `main` goes from the first parent of `step` to `step`, made by `actor`.

    `for_others`: a server pushes it, which is believed when it writes down what others said elsewhere.
    """
    try:
        return list(_judged(repository, scratch, step, actor, for_others=for_others))
    except RegistryError as problem:
        return [of_error(Rule.MANIFEST, step.id[:12], problem)]


def _judged(
    repository: Repository, scratch: Scratch, step: Commit, actor: Actor, *, for_others: bool
) -> Iterator[Fault]:
    onto = step.parents[0]
    if step.author.email != actor.email:
        message = f"{actor} moves main to a commit of {step.author}."
        yield fault(Rule.AUTHOR, step.id[:12], message, "Merge their branch, or let them push it.")
        return
    if len(step.parents) == 2:
        merged = list(merge_faults(repository, scratch, step))
        yield from merged
        if merged:
            return
    changed = read_changed(repository, onto, step.id)
    left = left_behind(changed)
    entries = (one for one in entry_faults(changed.files, changed.after.layout) if one.path not in left)
    wrong = [*entries, *content_faults(changed), *layout_faults(changed)]
    yield from wrong
    if any(one.level == "error" for one in wrong):
        return
    new = changed.new_requests()
    if len(new) > 1:
        message = f"One step of main brings {len(new)} requests."
        yield fault(Rule.RECORD, step.id[:12], message, "Land one request after the other.")
    elif new and len(step.parents) == 2:
        yield from landing_faults(repository, merge=step, key=new[0].key, actor=actor, for_others=for_others)
    elif new:
        yield fault(
            Rule.RECORD,
            changed.path(new[0].key),
            f"Request {new[0].id} comes to main without a merge, so nobody can tell who approved it.",
            f"registry-git request approve {new[0].id}, or git merge --no-ff of its branch.",
        )
    else:
        yield from _direct(changed, step, actor, for_others=for_others)


def _direct(changed: Changed, step: Commit, actor: Actor, *, for_others: bool) -> Iterator[Fault]:
    yield from record_faults(changed, step.parents[0], step.author, for_others=for_others)
    yield from comment_faults(changed, actor.email)
    if not read_forced(step.message):
        yield from in_use_faults(changed)
    change = Change(touches=changed.touches(), requester=actor, requested=False)
    yield from policy_faults(evaluate(change, changed.before.policy(), ()), _where(changed))


def _where(changed: Changed) -> str:
    """The file that a policy's refusal is about: the first pointer that changed, else the first file."""
    paths = [file.path for file in changed.files]
    return next((path for path in paths if path.endswith("/pointer.yaml")), paths[0] if paths else "")

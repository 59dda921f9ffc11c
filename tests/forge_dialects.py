"""How GitHub, GitLab and Gitea say what a forge knows: paths, fields and refusals as they publish them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from tests.forge_server import REPOSITORY, USERS, Call, Forge, Pull, Refused, Reply, Route, Said, moment

_R = f"/repos/{REPOSITORY}"
_P = f"/projects/{quote(REPOSITORY, safe='')}"
_NUMBER = r"/([0-9]+)"
_OUTSIDER = "mallory/models"


def _at(seconds: int) -> str | None:
    return moment(seconds) if seconds else None


def _one(forge: Forge, number: str) -> Pull:
    if int(number) not in forge.pulls:
        raise Refused(404, {"message": "Not Found"})
    return forge.pulls[int(number)]


# -- GitHub ------------------------------------------------------------------------------------------------------------


def _hub_user(login: str) -> dict[str, Any] | None:
    return {"login": login, "id": USERS[login][0], "type": "User"} if login else None


def _hub_pull(forge: Forge, pull: Pull, *, full: bool = True) -> dict[str, Any]:
    source = _OUTSIDER if pull.fork else REPOSITORY
    merged = pull.state == "merged"
    shown = {
        "number": pull.number,
        "html_url": f"{forge.url}/{REPOSITORY}/pull/{pull.number}",
        "state": "open" if pull.state == "open" else "closed",
        "title": pull.title,
        "body": pull.body,
        "user": _hub_user(pull.author),
        "labels": [{"name": name} for name in pull.labels],
        "requested_reviewers": [_hub_user(login) for login in pull.reviewers],
        "head": {"ref": pull.branch, "sha": pull.head, "repo": {"full_name": source}},
        "base": {"ref": "main", "repo": {"full_name": REPOSITORY}},
        # an open one has the commit of a trial merge here
        "merge_commit_sha": pull.merge_commit or "f" * 40,
        "merged_at": _at(pull.ended) if merged else None,
        "closed_at": _at(pull.ended),
    }
    return {**shown, "merged": merged, "merged_by": _hub_user(pull.merged_by)} if full else shown


def _hub_list(forge: Forge, call: Call) -> Reply:
    owner, _, branch = call.query.get("head", ":").partition(":")
    state = call.query.get("state", "open")
    found = [
        pull
        for pull in sorted(forge.pulls.values(), key=lambda pull: -pull.number)
        if pull.branch == branch
        and ("mallory" if pull.fork else "acme") == owner
        and (state == "all" or (pull.state == "open") == (state == "open"))
    ]
    return forge.page([_hub_pull(forge, pull, full=False) for pull in found], call, "per_page")


def _hub_open(forge: Forge, call: Call) -> Reply:
    if forge.opened(call.body["head"]):
        said = {"message": f"A pull request already exists for acme:{call.body['head']}."}
        raise Refused(422, {"message": "Validation Failed", "errors": [said]})
    pull = forge.open(call.body["head"], call.body["title"], call.body.get("body", ""), call.login)
    return Reply(_hub_pull(forge, pull), 201)


def _hub_edit(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    pull.title, pull.body = call.body.get("title", pull.title), call.body.get("body", pull.body)
    if call.body.get("state") == "closed":
        forge.close(pull.number, call.login)
    return Reply(_hub_pull(forge, pull))


def _hub_merge(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    if pull.state != "open":
        raise Refused(405, {"message": "Pull Request is not mergeable"})
    if call.body.get("sha", pull.head) != pull.head:
        raise Refused(409, {"message": "Head branch was modified. Review and try the merge again."})
    if forge.approvals(pull) < forge.required_approvals:
        raise Refused(405, {"message": "At least 1 approving review is required by reviewers with write access."})
    style = call.body.get("merge_method", "merge")
    words = {
        "merge": f"Merge pull request #{number} from acme/{pull.branch}\n\n{pull.title}",
        "squash": f"{pull.title} (#{number})",
    }
    committer = "GitHub <noreply@github.com>" if style != "rebase" else f"{USERS[call.login][1]} <{call.login}@x.test>"
    landed = forge.merge(pull.number, call.login, style, words.get(style, ""), committer)
    if landed is None:
        raise Refused(405, {"message": "Pull Request has merge conflicts"})
    return Reply({"sha": landed, "merged": True, "message": "Pull Request successfully merged"})


def _hub_reviews(forge: Forge, call: Call, number: str) -> Reply:
    def shown(said: Said) -> dict[str, Any]:
        return {
            "id": said.id,
            "user": _hub_user(said.by),
            "body": said.text,
            "state": "DISMISSED" if said.dismissed else said.state,
            "commit_id": said.commit,
            "submitted_at": moment(said.at),
        }

    return forge.page([shown(said) for said in _one(forge, number).reviews], call, "per_page")


def _hub_comments(forge: Forge, call: Call, number: str) -> Reply:
    said = [
        {"id": one.id, "user": _hub_user(one.by), "body": one.text, "created_at": moment(one.at)}
        for one in _one(forge, number).comments
    ]
    return forge.page(said, call, "per_page")


def _hub_issue(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    return Reply({"number": pull.number, "closed_by": _hub_user(pull.closed_by or pull.merged_by)})


def _comment(forge: Forge, call: Call, number: str) -> Reply:
    _one(forge, number)
    forge.say(int(number), call.login, call.body["body"])
    return Reply({"id": 1, "body": call.body["body"]}, 201)


def _hub_label(forge: Forge, call: Call, number: str) -> Reply:
    _one(forge, number).labels = call.body["labels"]
    return Reply([{"name": name} for name in call.body["labels"]])


def _ask(forge: Forge, call: Call, number: str) -> Reply:
    for login in call.body["reviewers"]:
        if login not in USERS or login in forge.may_not_review:
            said = "Reviews may only be requested from collaborators."
            raise Refused(422, {"message": f"{said} One or more of the users you specified is not a collaborator."})
        _one(forge, number).reviewers.append(login)
    return Reply({}, 201)


def _status(forge: Forge, call: Call, sha: str) -> Reply:
    forge.statuses.setdefault(sha, []).append(call.body)
    return Reply({"id": 1, **call.body}, 201)


def _newest(forge: Forge, sha: str, name: str) -> list[dict[str, Any]]:
    """The newest status of each check at a commit."""
    return list({said[name]: said for said in forge.statuses.get(sha, [])}.values())


def _hub_statuses(forge: Forge, call: Call, sha: str) -> Reply:
    found = [said for said in _newest(forge, sha, "context") if "conclusion" not in said]
    return Reply({"state": "pending", "sha": sha, "total_count": len(found), "statuses": found})


def _hub_runs(forge: Forge, call: Call, sha: str) -> Reply:
    """The runs of Actions: tests put them between the statuses, with a `conclusion`."""
    found = [
        {
            "name": said["context"],
            "status": "completed" if said["conclusion"] else "in_progress",
            "conclusion": said["conclusion"],
            "html_url": f"{forge.url}/{REPOSITORY}/actions/runs/1",
            "output": {"title": None},
        }
        for said in _newest(forge, sha, "context")
        if "conclusion" in said
    ]
    return Reply({"total_count": len(found), "check_runs": found})


def _hub_by_commit(forge: Forge, call: Call, sha: str) -> Reply:
    if not forge.git("cat-file", "-t", sha, check=False):
        raise Refused(422, {"message": f"No commit found for SHA: {sha}"})
    found = [pull for pull in forge.pulls.values() if sha in (pull.head, pull.merge_commit)]
    return forge.page([_hub_pull(forge, pull, full=False) for pull in found], call, "per_page")


def _hub_user_page(forge: Forge, call: Call, login: str) -> Reply:
    if login not in USERS:
        raise Refused(404, {"message": "Not Found"})
    _, name, email = USERS[login]
    return Reply({**(_hub_user(login) or {}), "name": name, "email": email or None})


GITHUB: list[Route] = [
    ("GET", rf"{_R}/pulls", _hub_list),
    ("POST", rf"{_R}/pulls", _hub_open),
    ("GET", rf"{_R}/pulls{_NUMBER}", lambda forge, _, number: Reply(_hub_pull(forge, _one(forge, number)))),
    ("PATCH", rf"{_R}/pulls{_NUMBER}", _hub_edit),
    ("PUT", rf"{_R}/pulls{_NUMBER}/merge", _hub_merge),
    ("GET", rf"{_R}/pulls{_NUMBER}/reviews", _hub_reviews),
    ("POST", rf"{_R}/pulls{_NUMBER}/requested_reviewers", _ask),
    ("GET", rf"{_R}/issues{_NUMBER}", _hub_issue),
    ("GET", rf"{_R}/issues{_NUMBER}/comments", _hub_comments),
    ("POST", rf"{_R}/issues{_NUMBER}/comments", _comment),
    ("POST", rf"{_R}/issues{_NUMBER}/labels", _hub_label),
    ("GET", rf"{_R}/commits/([0-9a-f]+)/pulls", _hub_by_commit),
    ("POST", rf"{_R}/statuses/([0-9a-f]+)", _status),
    ("GET", rf"{_R}/commits/([0-9a-f]+)/status", _hub_statuses),
    ("GET", rf"{_R}/commits/([0-9a-f]+)/check-runs", _hub_runs),
    ("GET", r"/users/([^/]+)", _hub_user_page),
]


# -- GitLab ------------------------------------------------------------------------------------------------------------


def _lab_user(login: str) -> dict[str, Any] | None:
    return {"id": USERS[login][0], "username": login, "name": USERS[login][1], "state": "active"} if login else None


def _lab_pull(forge: Forge, pull: Pull) -> dict[str, Any]:
    merged, closed = pull.state == "merged", pull.state == "closed"
    single = merged and pull.merge_commit != pull.head
    squashed = single and not forge.git("rev-parse", "--quiet", "--verify", f"{pull.merge_commit}^2", check=False)
    return {
        "id": 1000 + pull.number,
        "iid": pull.number,
        "project_id": 3,
        "title": pull.title,
        "description": pull.body,
        "state": {"open": "opened"}.get(pull.state, pull.state),
        "merge_user": _lab_user(pull.merged_by),
        "merged_by": _lab_user(pull.merged_by),
        "merged_at": _at(pull.ended) if merged else None,
        "closed_by": _lab_user(pull.closed_by),
        "closed_at": _at(pull.ended) if closed else None,
        "target_branch": "main",
        "source_branch": pull.branch,
        "author": _lab_user(pull.author),
        "reviewers": [_lab_user(login) for login in pull.reviewers],
        "source_project_id": 4 if pull.fork else 3,
        "target_project_id": 3,
        "labels": pull.labels,
        "detailed_merge_status": _lab_state(forge, pull),
        "sha": pull.head,
        "merge_commit_sha": pull.merge_commit if single and not squashed else None,
        "squash_commit_sha": pull.merge_commit if squashed else None,
        "web_url": f"{forge.url}/{REPOSITORY}/-/merge_requests/{pull.number}",
    }


def _lab_state(forge: Forge, pull: Pull) -> str:
    if pull.state != "open":
        return "not_open"
    if forge.thinking:
        forge.thinking -= 1
        return "checking"
    return "not_approved" if forge.approvals(pull) < forge.required_approvals else "mergeable"


def _lab_list(forge: Forge, call: Call) -> Reply:
    found = [
        pull
        for pull in sorted(forge.pulls.values(), key=lambda pull: -pull.number)
        if pull.branch == call.query["source_branch"]
    ]
    page = forge.page([_lab_pull(forge, pull) for pull in found], call, "per_page")
    if page.headers:  # GitLab says it in this way too
        page.headers = {"X-Next-Page": str(int(call.query.get("page", "1")) + 1)}
    return page


def _lab_open(forge: Forge, call: Call) -> Reply:
    known = forge.opened(call.body["source_branch"])
    if known:
        raise Refused(409, {"message": [f"Another open merge request already exists: !{known.number}"]})
    pull = forge.open(call.body["source_branch"], call.body["title"], call.body.get("description", ""), call.login)
    pull.labels = [name for name in call.body.get("labels", "").split(",") if name]
    by_id = {number: login for login, (number, _, _) in USERS.items()}
    # one who may not is left out without a word
    asked = [by_id[number] for number in call.body.get("reviewer_ids", [])]
    pull.reviewers = [login for login in asked if login not in forge.may_not_review]
    return Reply(_lab_pull(forge, pull), 201)


def _lab_edit(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    pull.title, pull.body = call.body.get("title", pull.title), call.body.get("description", pull.body)
    if call.body.get("state_event") == "close":
        forge.close(pull.number, call.login)
    return Reply(_lab_pull(forge, pull))


def _lab_merge(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    if pull.state != "open" or forge.approvals(pull) < forge.required_approvals:
        raise Refused(405, {"message": "405 Method Not Allowed"})
    if call.body.get("sha", pull.head) != pull.head:
        raise Refused(409, {"message": "SHA does not match HEAD of source branch: " + pull.head})
    words = f"Merge branch '{pull.branch}' into 'main'\n\n{pull.title}\n\nSee merge request {REPOSITORY}!{number}"
    style = "squash" if call.body.get("squash") else "merge"
    name, email = USERS[call.login][1], f"{call.login}@users.noreply.forge.test"
    landed = forge.merge(pull.number, call.login, style, words if style == "merge" else pull.title, f"{name} <{email}>")
    if landed is None:
        raise Refused(422, {"message": "Branch cannot be merged"})
    return Reply(_lab_pull(forge, pull))


def _lab_approvals(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    newest = {said.by: said for said in pull.reviews if said.state == "APPROVED" and not said.dismissed}
    told = [
        # carol's server is an old one: it does not tell when
        {"user": _lab_user(login), **({} if login == "carol" else {"approved_at": moment(said.at)})}
        for login, said in newest.items()
    ]
    return Reply({"iid": pull.number, "approved_by": told})


def _lab_reviewers(forge: Forge, call: Call, number: str) -> Reply:
    states = {"APPROVED": "approved", "CHANGES_REQUESTED": "requested_changes"}
    return Reply(
        [
            {"user": _lab_user(said.by), "state": states.get(said.state, "reviewed")}
            for said in _one(forge, number).reviews
        ]
    )


def _lab_versions(forge: Forge, call: Call, number: str) -> Reply:
    heads = list(reversed(_one(forge, number).heads))
    shown = [{"id": place, "head_commit_sha": head, "created_at": moment(at)} for place, (at, head) in enumerate(heads)]
    return forge.page(shown, call, "per_page")


def _lab_notes(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    said = [
        {
            "id": one.id,
            "author": _lab_user(one.by),
            "body": one.text,
            "created_at": moment(one.at),
            "system": one.system,
        }
        for one in pull.comments
    ]
    said += [
        {
            "author": _lab_user(one.by),
            "body": "approved this merge request",
            "created_at": moment(one.at),
            "system": True,
        }
        for one in pull.reviews
        if one.state == "APPROVED"
    ]
    return forge.page(said, call, "per_page")


def _lab_status(forge: Forge, call: Call, sha: str) -> Reply:
    before = [one for one in forge.statuses.get(sha, []) if one["name"] == call.body["name"]]
    if before and before[-1]["state"] == call.body["state"] == "pending":
        raise Refused(400, {"message": 'Cannot transition status via :enqueue from :pending (Reason(s): "x")'})
    return _status(forge, call, sha)


def _lab_statuses(forge: Forge, call: Call, sha: str) -> Reply:
    found = [{**said, "status": said["state"]} for said in _newest(forge, sha, "name")]
    return forge.page(found, call, "per_page")


def _lab_commit(forge: Forge, call: Call, sha: str) -> Reply:
    if not forge.git("cat-file", "-t", sha, check=False):
        raise Refused(404, {"message": "404 Commit Not Found"})
    return Reply({"id": sha})


def _lab_by_commit(forge: Forge, call: Call, sha: str) -> Reply:
    found = [pull for pull in forge.pulls.values() if sha in (pull.head, pull.merge_commit)]
    return forge.page([_lab_pull(forge, pull) for pull in found], call, "per_page")


def _lab_users(forge: Forge, call: Call) -> Reply:
    login = call.query.get("username", "")
    return Reply([_lab_user(login)] if login in USERS else [])


def _lab_user_page(forge: Forge, call: Call, number: str) -> Reply:
    login = next(login for login, user in USERS.items() if user[0] == int(number))
    return Reply({**(_lab_user(login) or {}), "public_email": USERS[login][2]})


GITLAB: list[Route] = [
    ("GET", rf"{_P}/merge_requests", _lab_list),
    ("POST", rf"{_P}/merge_requests", _lab_open),
    ("GET", rf"{_P}/merge_requests{_NUMBER}", lambda forge, _, number: Reply(_lab_pull(forge, _one(forge, number)))),
    ("PUT", rf"{_P}/merge_requests{_NUMBER}", _lab_edit),
    ("PUT", rf"{_P}/merge_requests{_NUMBER}/merge", _lab_merge),
    ("GET", rf"{_P}/merge_requests{_NUMBER}/approvals", _lab_approvals),
    ("GET", rf"{_P}/merge_requests{_NUMBER}/reviewers", _lab_reviewers),
    ("GET", rf"{_P}/merge_requests{_NUMBER}/versions", _lab_versions),
    ("GET", rf"{_P}/merge_requests{_NUMBER}/notes", _lab_notes),
    ("POST", rf"{_P}/merge_requests{_NUMBER}/notes", _comment),
    ("POST", rf"{_P}/statuses/([0-9a-f]+)", _lab_status),
    ("GET", rf"{_P}/repository/commits/([0-9a-f]+)/statuses", _lab_statuses),
    ("GET", rf"{_P}/repository/commits/([0-9a-f]+)", _lab_commit),
    ("GET", rf"{_P}/repository/commits/([0-9a-f]+)/merge_requests", _lab_by_commit),
    ("GET", r"/users", _lab_users),
    ("GET", r"/users/([0-9]+)", _lab_user_page),
]


# -- Gitea -------------------------------------------------------------------------------------------------------------


def _tea_user(login: str) -> dict[str, Any] | None:
    if not login:
        return None
    number, name, email = USERS[login]
    # who hides the address is shown with one that leads nowhere
    return {"id": number, "login": login, "full_name": name, "email": email or f"{login}@noreply.forge.test"}


def _tea_pull(forge: Forge, pull: Pull) -> dict[str, Any]:
    tip = "" if pull.fork else forge.tip(pull.branch)
    merged = pull.state == "merged"
    return {
        "id": 2000 + pull.number,
        "number": pull.number,
        "html_url": f"{forge.url}/{REPOSITORY}/pulls/{pull.number}",
        "title": pull.title,
        "body": pull.body,
        "user": _tea_user(pull.author),
        "labels": [{"name": name} for name in pull.labels],
        "requested_reviewers": [_tea_user(login) for login in pull.reviewers],
        "state": "open" if pull.state == "open" else "closed",
        "mergeable": True,
        "merged": merged,
        "merged_at": _at(pull.ended) if merged else None,
        "merge_commit_sha": pull.merge_commit or None,
        "merged_by": _tea_user(pull.merged_by),
        "base": {"label": "main", "ref": "main", "repo_id": 3},
        "head": {
            "label": pull.branch,
            "ref": pull.branch if tip or pull.fork else f"refs/pull/{pull.number}/head",
            "sha": tip or pull.head,
            "repo_id": 4 if pull.fork else 3,
        },
        "closed_at": _at(pull.ended),
    }


def _tea_list(forge: Forge, call: Call) -> Reply:
    state = call.query.get("state", "open")
    found = [
        pull
        for pull in sorted(forge.pulls.values(), key=lambda pull: -pull.number)
        if state == "all" or (pull.state == "open") == (state == "open")
    ]
    return forge.page([_tea_pull(forge, pull) for pull in found], call, "limit")


def _tea_open(forge: Forge, call: Call) -> Reply:
    known = forge.opened(call.body["head"])
    if known:
        raise Refused(409, {"message": f"pull request already exists for these targets [id: {known.number}]"})
    pull = forge.open(call.body["head"], call.body["title"], call.body.get("body", ""), call.login)
    return Reply(_tea_pull(forge, pull), 201)


def _tea_edit(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    pull.title, pull.body = call.body.get("title", pull.title), call.body.get("body", pull.body)
    if call.body.get("state") == "closed":
        forge.close(pull.number, call.login)
    return Reply(_tea_pull(forge, pull), 201)


def _tea_merge(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    if pull.state != "open":
        raise Refused(405, {"message": "The PR is already merged"})
    if forge.thinking:
        forge.thinking -= 1
        raise Refused(405, {"message": "Please try again later"})
    if forge.approvals(pull) < forge.required_approvals:
        raise Refused(405, {"message": "Does not have enough approvals"})
    if call.body.get("head_commit_id", pull.head) != pull.head:
        raise Refused(409, {"message": "head out of date"})
    words = f"Merge pull request '{pull.title}' (#{number}) from {pull.branch} into main\n\nReviewed-on: {forge.url}\n"
    name, email = USERS[call.login][1], f"{call.login}@noreply.forge.test"
    style = call.body["Do"]
    message = words if style == "merge" else f"{pull.title} (#{number})"
    if forge.merge(pull.number, call.login, style, message, f"{name} <{email}>") is None:
        raise Refused(409, {"Style": "merge", "StdErr": "CONFLICT", "message": "Merge conflict Error"})
    return Reply()


def _tea_reviews(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    states = {"CHANGES_REQUESTED": "REQUEST_CHANGES", "COMMENTED": "COMMENT"}
    shown = [
        {
            "id": said.id,
            "user": _tea_user(said.by),
            "state": states.get(said.state, said.state),
            "body": said.text,
            "commit_id": said.commit,
            "stale": said.commit != pull.head,
            "official": True,
            "dismissed": said.dismissed,
            "submitted_at": moment(said.at),
        }
        for said in pull.reviews
    ]
    asked = [{"id": 90, "user": _tea_user(login), "state": "REQUEST_REVIEW"} for login in pull.reviewers]
    return forge.page([*asked, *shown], call, "limit")


def _tea_comments(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    said = [
        {"id": one.id, "user": _tea_user(one.by), "body": one.text, "created_at": moment(one.at)}
        for one in pull.comments
    ]
    return forge.page(said, call, "limit")


def _tea_timeline(forge: Forge, call: Call, number: str) -> Reply:
    pull = _one(forge, number)
    said = [{"type": "comment", "user": _tea_user(one.by), "body": one.text} for one in pull.comments]
    closed = [{"type": "close", "user": _tea_user(pull.closed_by), "body": ""}] if pull.closed_by else []
    return forge.page([*said, *closed], call, "limit")


def _tea_labels(forge: Forge, call: Call) -> Reply:
    return forge.page([{"id": number, "name": name} for name, number in forge.labels.items()], call, "limit")


def _tea_new_label(forge: Forge, call: Call) -> Reply:
    forge.labels[call.body["name"]] = 40 + len(forge.labels)
    return Reply({"id": forge.labels[call.body["name"]], **call.body}, 201)


def _tea_label(forge: Forge, call: Call, number: str) -> Reply:
    by_id = {number: name for name, number in forge.labels.items()}
    _one(forge, number).labels = [by_id[one] for one in call.body["labels"]]
    return Reply([])


def _tea_by_commit(forge: Forge, call: Call, sha: str) -> Reply:
    """Only what was merged is known by its commit; and a commit of nobody's gets the first pull request."""
    found = next((pull for pull in forge.pulls.values() if pull.merge_commit == sha), None)
    if found is None and not forge.pulls:
        raise Refused(404, {"message": "pull request does not exist"})
    return Reply(_tea_pull(forge, found or next(iter(forge.pulls.values()))))


def _tea_statuses(forge: Forge, call: Call, sha: str) -> Reply:
    found = [{**said, "status": said["state"]} for said in _newest(forge, sha, "context")]
    return Reply({"state": "pending", "sha": sha, "total_count": len(found), "statuses": found})


GITEA: list[Route] = [
    ("GET", rf"{_R}/pulls", _tea_list),
    ("POST", rf"{_R}/pulls", _tea_open),
    ("GET", rf"{_R}/pulls{_NUMBER}", lambda forge, _, number: Reply(_tea_pull(forge, _one(forge, number)))),
    ("PATCH", rf"{_R}/pulls{_NUMBER}", _tea_edit),
    ("POST", rf"{_R}/pulls{_NUMBER}/merge", _tea_merge),
    ("GET", rf"{_R}/pulls{_NUMBER}/reviews", _tea_reviews),
    ("POST", rf"{_R}/pulls{_NUMBER}/requested_reviewers", _ask),
    ("GET", rf"{_R}/issues{_NUMBER}/comments", _tea_comments),
    ("POST", rf"{_R}/issues{_NUMBER}/comments", _comment),
    ("GET", rf"{_R}/issues{_NUMBER}/timeline", _tea_timeline),
    ("POST", rf"{_R}/issues{_NUMBER}/labels", _tea_label),
    ("GET", rf"{_R}/labels", _tea_labels),
    ("POST", rf"{_R}/labels", _tea_new_label),
    ("GET", rf"{_R}/commits/([0-9a-f]+)/pull", _tea_by_commit),
    ("GET", rf"{_R}/commits/([0-9a-f]+)/status", _tea_statuses),
    ("POST", rf"{_R}/statuses/([0-9a-f]+)", _status),
]

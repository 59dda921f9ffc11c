"""Registry state across an air gap: all of a bundle or nothing of it, and nothing that a registry does not hold."""

from __future__ import annotations

import io
import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import registry_git
from registry_git import Conflict, Corrupt, Invalid, NotFound, PermissionDenied, RegistryError
from registry_git.registry.facade import Registry
from tests.conftest import Git
from tests.registry_scene import ALICE, BOB, CAROL, LEADS, hand_commit, healthy, new_registry, person, refs

Members = dict[str, bytes]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A registry with a model whose files can be read, v1 in Production by a request, and an open request for v2."""
    place = tmp_path / "here.git"
    as_ = new_registry(place, protect=["Production"], roles=LEADS)
    alice = as_(ALICE)
    for number in (1, 2):
        folder = tmp_path / f"model{number}"
        folder.mkdir()
        (folder / "weights").write_text(f"w{number}")
        (folder / "sub").mkdir()
        (folder / "sub" / "Ünï code").write_text("x")
        alice.register("fraud", str(folder))
    as_(BOB).approve(alice.request_stage("fraud", 1, "Production").request)
    alice.request_stage("fraud", 2, "Production")
    return place


@pytest.fixture
def there(tmp_path: Path, git: Git) -> Path:
    """An empty repository on the other side."""
    git(tmp_path, "init", "--quiet", "--bare", "there.git")
    return tmp_path / "there.git"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "bundle.tar"


def opened(place: Path, actor: str = ALICE) -> Registry:
    return registry_git.open(place, actor=actor, durable=False)


def carry(here: Path, there: Path, file: Path, **options: Any) -> Any:
    """Makes a bundle here and applies it there."""
    opened(here).create_bundle(file, **options)
    return opened(there, CAROL).apply_bundle(file)


def members(file: Path) -> Members:
    with tarfile.open(file) as archive:
        return {one.name: archive.extractfile(one).read() for one in archive}  # type: ignore[union-attr]


def write(file: Path, parts: Mapping[str, bytes], *more: tarfile.TarInfo) -> None:
    with tarfile.open(file, "w") as archive:
        for name, data in parts.items():
            head = tarfile.TarInfo(name)
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))
        for head in more:
            archive.addfile(head, io.BytesIO(b"x" * head.size))


def forged(git: Git, source: Path, file: Path, moves: Mapping[str, str], *extra: str, since: str = "") -> None:
    """A bundle of any branches, made by plain git and tar as somebody else would; `extra` are more references in it."""
    raw = source / "forged.bundle"
    for name, oid in moves.items():
        git(source, "update-ref", name, oid)
    git(source, "bundle", "create", "--quiet", str(raw), *moves, *extra, *([f"^{since}"] if since else []))
    contents = {"format": "registry-git bundle 1", "registry": "x", "refs": dict(moves), "since": [], "artifacts": []}
    write(file, {"contents.json": json.dumps(contents).encode(), "registry.bundle": raw.read_bytes()})


def refused(there: Path, file: Path, git: Git, kind: type[RegistryError], words: str, **options: Any) -> None:
    """The bundle is refused, by verify and by apply, and nothing there is changed."""
    before = git(there, "for-each-ref")
    objects = sorted(path.name for path in (there / "objects").rglob("*") if path.is_file())
    for act in (opened(there).verify_bundle, opened(there).apply_bundle):
        with pytest.raises(kind, match=words or None):
            act(file, **options)
    assert git(there, "for-each-ref") == before
    assert sorted(path.name for path in (there / "objects").rglob("*") if path.is_file()) == objects
    assert list((there / "registry-git").glob("incoming-*")) == []


def test_everything_crosses_and_a_second_time_changes_nothing(here: Path, there: Path, file: Path, git: Git) -> None:
    made = opened(here).create_bundle(file)
    before = git(there, "for-each-ref")
    found = opened(there).verify_bundle(file)
    assert git(there, "for-each-ref") == before
    done = opened(there, CAROL).apply_bundle(file)
    assert done == found
    assert (done.registry, done.commit, done.changed) == ("here", made.commit, True)
    assert [move.branch.partition("/")[0] for move in done.moves] == ["main", "request"]
    assert done.steps[0] == "Create the registry here"
    assert refs(git, there) == refs(git, here)
    assert opened(there).activity() == opened(here).activity()
    healthy(git, there, opened(there))
    again = opened(there).apply_bundle(file)
    assert (again.changed, again.moves, again.steps) == (False, (), ())
    # the other side can go on with it
    (request,) = opened(there).requests()
    assert opened(there, BOB).approve(request.id).state == "approved"


@pytest.mark.parametrize("by", ["since", "state"])
def test_the_next_bundle_holds_what_is_new(here: Path, there: Path, file: Path, git: Git, by: str) -> None:
    carry(here, there, file)
    state = opened(there).bundle_state()
    assert state == opened(here).bundle_state()
    (request,) = opened(here).requests()
    opened(here, BOB).approve(request.id)
    opened(here).register("fraud", "s3://acme/fraud/3")
    asked = opened(here).request_stage("fraud", 3, "Production")
    options: dict[str, Any] = {"since": state["refs/heads/main"]} if by == "since" else {"state": state}
    done = carry(here, there, file, **options)
    assert len(done.steps) == 2
    assert git(there, "rev-parse", "main") == git(here, "rev-parse", "main")
    # the branch of the request that was approved is tidied, the new one is there
    assert [one.id for one in opened(there).requests()] == [asked.id]
    assert git(there, "for-each-ref", "--format=%(refname)", "refs/heads/request") == f"refs/heads/{asked.branch}"
    healthy(git, there, opened(there))


def test_a_bundle_of_nothing_new_is_whole_and_changes_nothing(here: Path, there: Path, file: Path) -> None:
    carry(here, there, file)
    done = carry(here, there, file, state=opened(there).bundle_state())
    assert not done.changed
    assert list(members(file)) == ["contents.json"]


def test_a_bundle_into_a_directory_that_is_not_there_is_refused(here: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="There is no directory") as raised:
        opened(here).create_bundle(tmp_path / "nosuch" / "registry.tar")
    assert "another file" in raised.value.hint


def test_an_older_bundle_is_here_already(here: Path, there: Path, file: Path, tmp_path: Path) -> None:
    opened(here).create_bundle(file)
    opened(here).register("fraud", "s3://acme/fraud/3")
    newest = carry(here, there, tmp_path / "newer.tar").commit
    done = opened(there).apply_bundle(file)
    assert (done.changed, done.commit) == (False, newest)


def test_a_bundle_that_builds_on_what_is_missing_is_refused(here: Path, there: Path, file: Path, git: Git) -> None:
    opened(here).create_bundle(file, since=git(here, "rev-parse", "main~1"))
    refused(there, file, git, Conflict, "lacks commits")


def test_a_clone_makes_a_bundle_and_takes_none(here: Path, there: Path, file: Path, tmp_path: Path, git: Git) -> None:
    copy = registry_git.clone(str(here), tmp_path / "copy.git", actor=BOB)
    copy.create_bundle(file)
    opened(there).apply_bundle(file)
    assert refs(git, there) == refs(git, here)
    with pytest.raises(Invalid, match="is a clone"):
        copy.apply_bundle(file)


def test_a_work_tree_follows_and_edits_in_the_way_stop_all_of_it(
    here: Path, file: Path, tmp_path: Path, git: Git
) -> None:
    git(tmp_path, "init", "--quiet", "work")
    place = tmp_path / "work"
    carry(here, place, file)
    pointer = place / "models" / "fraud" / "stages" / "Production" / "pointer.yaml"
    assert "version: '1'" in pointer.read_text()
    assert git(place, "status", "--porcelain") == ""
    (request,) = opened(here).requests()
    opened(here, BOB).approve(request.id)
    pointer.write_text("edited\n")
    before = git(place, "for-each-ref")
    with pytest.raises(Conflict, match="edits in the work tree"):
        carry(here, place, file)
    assert git(place, "for-each-ref") == before
    git(place, "restore", ".")
    opened(place).apply_bundle(file)
    assert "version: '2'" in pointer.read_text()


def test_files_of_versions_cross_by_digest_and_download_finds_them(
    here: Path, there: Path, file: Path, tmp_path: Path
) -> None:
    made = opened(here).create_bundle(file, artifacts=["fraud/1", "fraud/Production", "fraud/2"])
    assert [one.version for one in made.artifacts] == [1, 1, 2]
    for number in (1, 2):
        (tmp_path / f"model{number}").rename(tmp_path / f"gone{number}")
    opened(there).apply_bundle(file)
    with pytest.raises(NotFound):
        opened(there).download("fraud/1", tmp_path / "got")
    done = opened(there).apply_bundle(file, artifacts_to=str(tmp_path / "store"))
    assert len(done.stored) == 2
    for number in (1, 2):
        opened(there).download(f"fraud/{number}", tmp_path / f"got{number}")
        assert (tmp_path / f"got{number}" / "weights").read_text() == f"w{number}"
        assert (tmp_path / f"got{number}" / "sub" / "Ünï code").read_text() == "x"
    # and once they are here, the next gap can be crossed from here
    opened(there).create_bundle(tmp_path / "next.tar", artifacts=["fraud/2"])
    assert opened(there).apply_bundle(file).stored == done.stored
    # a copy that was changed since is refused, as a source would be
    (Path(done.stored[0]) / "weights").chmod(0o644)
    (Path(done.stored[0]) / "weights").write_text("other")
    with pytest.raises(Corrupt):
        opened(there).download("fraud/1", tmp_path / "bad")


def test_a_version_whose_files_cannot_be_proved_does_not_cross(here: Path, file: Path, tmp_path: Path) -> None:
    opened(here).register("fraud", "s3://acme/fraud/3")
    with pytest.raises(Invalid, match="without a digest"):
        opened(here).create_bundle(file, artifacts=["fraud/3"])
    (tmp_path / "model1" / "weights").write_text("other")
    with pytest.raises(Corrupt):
        opened(here).create_bundle(file, artifacts=["fraud/1"])
    assert not file.exists()
    with pytest.raises(Invalid, match="two places"):
        opened(here).create_bundle(file, since="main", state={})


@pytest.mark.parametrize("damage", ["changed", "more", "gone", "renamed"])
def test_files_that_are_not_those_of_their_digest_are_refused(
    here: Path, there: Path, file: Path, git: Git, damage: str
) -> None:
    opened(here).create_bundle(file, artifacts=["fraud/1"])
    parts = members(file)
    name = next(name for name in parts if name.endswith("weights"))
    if damage == "changed":
        parts[name] = b"ww"
    elif damage == "more":
        parts[name + "2"] = b""
    else:
        data = parts.pop(name)
        if damage == "renamed":
            parts[name + "x"] = data
    write(file, parts)
    refused(there, file, git, Corrupt, "not those of sha256")


def test_files_under_the_name_of_another_version_are_refused(here: Path, there: Path, file: Path, git: Git) -> None:
    opened(here).create_bundle(file, artifacts=["fraud/1"])
    parts = members(file)
    for name, value in (("version", 2), ("model", "nosuch"), ("version", 9)):
        contents = json.loads(parts["contents.json"])
        contents["artifacts"][0][name] = value
        write(file, {**parts, "contents.json": json.dumps(contents).encode()})
        refused(there, file, git, Corrupt, "not registered so")


def head(name: str, kind: bytes = tarfile.REGTYPE, link: str = "", size: int = 0) -> tarfile.TarInfo:
    found = tarfile.TarInfo(name)
    found.type, found.linkname, found.size = kind, link, size
    return found


ARTIFACT = "artifacts/sha256/{}/{}"


@pytest.mark.parametrize(
    "foreign",
    [
        head("artifacts/link", tarfile.SYMTYPE, "/etc"),
        head(f"{ARTIFACT}/link", tarfile.SYMTYPE, "/etc/passwd"),
        head(f"{ARTIFACT}/hard", tarfile.LNKTYPE, "contents.json"),
        head(f"{ARTIFACT}/pipe", tarfile.FIFOTYPE),
        head(f"{ARTIFACT}/device", tarfile.CHRTYPE),
        head(f"{ARTIFACT}/folder", tarfile.DIRTYPE),
        head(f"{ARTIFACT}/hole", tarfile.GNUTYPE_SPARSE),
        head(f"{ARTIFACT}/../../../../../evil", size=4),
        head(f"{ARTIFACT}//x", size=4),
        head(f"{ARTIFACT}/./x", size=4),
        head(ARTIFACT, size=4),
        head("/tmp/evil", size=4),
        head("../evil", size=4),
        head("evil", size=4),
        head("artifacts/sha256/00/00", size=4),
        head("contents.json", size=4),
        head("registry.bundle", size=4),
    ],
    ids=lambda one: f"{one.name}-{one.type.decode()}",
)
def test_what_no_bundle_holds_is_refused(
    here: Path, there: Path, file: Path, git: Git, tmp_path: Path, foreign: tarfile.TarInfo
) -> None:
    opened(here).create_bundle(file, artifacts=["fraud/1"])
    digest = json.loads(members(file)["contents.json"])["artifacts"][0]["digest"].removeprefix("sha256:")
    more = head(foreign.name.format(digest[:2], digest[2:]), foreign.type, foreign.linkname, foreign.size)
    write(file, members(file), more)
    refused(there, file, git, Corrupt, "which no bundle does")
    assert not list(tmp_path.rglob("evil"))


def test_what_is_no_bundle_is_refused(there: Path, file: Path, git: Git, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        opened(there).apply_bundle(tmp_path / "nosuch.tar")
    for data in (b"", b"x" * 2000, b"\0" * 10240):
        file.write_bytes(data)
        refused(there, file, git, Corrupt, "is no bundle|is empty")
    oid = "0" * 39 + "1"
    good = {"format": "registry-git bundle 1", "registry": "x", "refs": {"refs/heads/main": oid}, "since": []}
    for value in (
        "x",
        [],
        {},
        {**good},
        {**good, "artifacts": [], "format": "registry-git bundle 2"},
        {**good, "artifacts": [{"model": "a", "version": 1, "digest": "sha256:../../x"}]},
        {**good, "artifacts": [{"model": "a", "version": float("inf"), "digest": f"sha256:{'0' * 64}"}]},
        {**good, "artifacts": [], "refs": {"refs/heads/main": "main"}},
        {**good, "artifacts": [], "refs": {"refs/tags/v1": oid}},
        {**good, "artifacts": [], "refs": ["refs/heads/main"]},
        {**good, "artifacts": [], "since": ["--all"]},
        {**good, "artifacts": [], "refs": {}},
    ):
        write(file, {"contents.json": json.dumps(value).encode()})
        refused(there, file, git, Corrupt, "")
    write(file, {"contents.json": b"[" * 100_000})
    refused(there, file, git, Corrupt, "does not say what")
    write(file, {"contents.json": json.dumps({**good, "artifacts": []}).encode()})
    refused(there, file, git, Conflict, "neither in it nor here")
    write(
        file, {"contents.json": json.dumps({**good, "artifacts": []}).encode(), "registry.bundle": b"# v2 git bundle\n"}
    )
    refused(there, file, git, RegistryError, "")


@pytest.fixture
def other(here: Path, tmp_path: Path, git: Git) -> Path:
    """A copy of the registry by plain git, in which somebody does what they like."""
    git(tmp_path, "clone", "--quiet", "--mirror", str(here), "other.git")
    return tmp_path / "other.git"


@pytest.fixture
def both(here: Path, there: Path, file: Path) -> None:
    """Both sides have the same."""
    carry(here, there, file)


@pytest.mark.usefixtures("both")
def test_a_rewritten_main_and_a_rewritten_request_are_refused(
    here: Path, there: Path, other: Path, file: Path, git: Git
) -> None:
    main = git(there, "rev-parse", "main")
    git(other, "update-ref", "refs/heads/main", f"{main}~1")
    sideways = hand_commit(git, other, "main", {"README.md": "x\n"}, author=ALICE)
    forged(git, other, file, {"refs/heads/main": sideways})
    refused(there, file, git, Conflict, "would rewrite main")
    (request,) = opened(here).requests()
    branch = f"refs/heads/{request.branch}"
    git(other, "update-ref", branch, f"{branch}~1")
    hand_commit(git, other, request.branch, {f"models/fraud/requests/{request.id}.yaml": "x\n"}, author=ALICE)
    tip = git(other, "rev-parse", branch)
    forged(git, other, file, {"refs/heads/main": main, branch: tip})
    refused(there, file, git, Conflict, "would rewrite request/")


@pytest.mark.usefixtures("both")
def test_references_that_no_registry_has_are_refused(there: Path, other: Path, file: Path, git: Git) -> None:
    main = git(there, "rev-parse", "main")
    tip = hand_commit(git, other, "main", {"README.md": "x\n"}, author=ALICE)
    forged(git, other, file, {"refs/heads/main": tip, "refs/heads/evil": tip})
    refused(there, file, git, Invalid, "no branch of a registry")
    forged(git, other, file, {"refs/heads/main": tip, "refs/heads/observations": tip})
    refused(there, file, git, Invalid, "no branch of a registry")
    git(other, "tag", "v1", tip)
    git(other, "update-ref", "refs/replace/" + main, tip)
    for extra in ("v1", "refs/replace/" + main):
        forged(git, other, file, {"refs/heads/main": tip}, extra)
        refused(there, file, git, Invalid, "branches alone")
    forged(git, other, file, {"refs/heads/main": tip})
    parts = members(file)
    contents = json.loads(parts["contents.json"])
    contents["refs"]["refs/heads/main"] = main
    write(file, {**parts, "contents.json": json.dumps(contents).encode()})
    refused(there, file, git, Corrupt, "not what it says of main")


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize(
    ("mode", "path", "words"),
    [
        ("120000", "models/fraud/link.yaml", "symbolic link"),
        ("100755", "models/fraud/run.yaml", "executable"),
        ("100644", ".gitattributes", "changes how git reads"),
        ("100644", "models/fraud/notes.txt", "No registry writes this"),
        ("100644", "models/fraud/model.yaml", "YAML|mapping|missing"),
        ("100644", "registry.yaml", ""),
    ],
)
@pytest.mark.parametrize("by_policy", [True, False])
def test_entries_that_no_registry_holds_are_refused(
    there: Path, other: Path, file: Path, git: Git, mode: str, path: str, words: str, by_policy: bool
) -> None:
    blob = git(other, "hash-object", "-w", "--stdin", stdin="/etc/passwd")
    env = {"GIT_INDEX_FILE": str(other / "x.index"), **person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    git(other, "read-tree", "main", env=env)
    git(other, "update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}", env=env)
    tree = git(other, "write-tree", env=env)
    tip = git(other, "commit-tree", tree, "-p", "main", "-m", "evil", env=env)
    forged(git, other, file, {"refs/heads/main": tip})
    refused(there, file, git, RegistryError, words, by_policy=by_policy)


@pytest.mark.usefixtures("both")
@pytest.mark.parametrize("name", [b".git", b"..", b".GIT", b"a/b", b"git~1"])
def test_names_that_git_refuses_are_refused(there: Path, other: Path, file: Path, git: Git, name: bytes) -> None:
    blob = git(other, "hash-object", "-w", "--stdin", stdin="x")
    raw = subprocess.run(["git", "cat-file", "tree", "main"], cwd=other, capture_output=True, check=True).stdout
    entries = b"100644 " + name + b"\0" + bytes.fromhex(blob) + raw
    tree = (
        subprocess.run(
            ["git", "hash-object", "--literally", "-t", "tree", "-w", "--stdin"],
            cwd=other,
            input=entries,
            capture_output=True,
            check=True,  # type: ignore[call-overload]
        )
        .stdout.decode()
        .strip()
    )
    env = {**person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    tip = git(other, "commit-tree", tree, "-p", "main", "-m", "evil", env=env)
    forged(git, other, file, {"refs/heads/main": tip})
    refused(there, file, git, RegistryError, "", by_policy=False)


@pytest.mark.usefixtures("both")
def test_a_step_that_the_policy_forbids_is_refused_unless_policy_is_left_out(
    here: Path, there: Path, other: Path, file: Path, git: Git
) -> None:
    (request,) = opened(here).requests()
    # its own requester merges it, as nobody may here
    tip = git(other, "rev-parse", f"refs/heads/{request.branch}")
    tree = git(other, "merge-tree", "--write-tree", "main", tip)
    env = {**person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    merge = git(other, "commit-tree", tree, "-p", "main", "-p", tip, "-m", "Merge", env=env)
    forged(git, other, file, {"refs/heads/main": merge})
    refused(there, file, git, PermissionDenied, "approval")
    assert opened(there).apply_bundle(file, by_policy=False).changed
    assert git(there, "rev-parse", "main") == merge


@pytest.mark.usefixtures("both")
def test_main_put_aside_by_a_merge_is_refused(there: Path, other: Path, file: Path, git: Git) -> None:
    main = git(other, "rev-parse", "main")
    git(other, "branch", "side", "main~1")
    side = hand_commit(git, other, "side", {"README.md": "x\n"}, author=ALICE)
    tree = git(other, "merge-tree", "--write-tree", side, main)
    env = {**person(ALICE, "AUTHOR"), **person(ALICE, "COMMITTER")}
    merge = git(other, "commit-tree", tree, "-p", side, "-p", main, "-m", "Merge", env=env)
    forged(git, other, file, {"refs/heads/main": merge})
    refused(there, file, git, PermissionDenied, "aside", by_policy=False)


def test_another_registry_is_not_taken_for_this_one(
    here: Path, there: Path, file: Path, tmp_path: Path, git: Git
) -> None:
    new_registry(tmp_path / "foreign.git", versions=1)
    carry(tmp_path / "foreign.git", there, file)
    opened(here).create_bundle(file)
    refused(there, file, git, Conflict, "would rewrite main")


def test_a_history_with_everything_in_it_passes_the_policy_of_the_other_side(
    here: Path, there: Path, file: Path, git: Git
) -> None:
    alice, bob = opened(here), opened(here, BOB)
    carry(here, there, file)
    alice.set_alias("fraud", "champion", 1)
    alice.add_comment("fraud", 2, "Looks good.")
    alice.set_tag("fraud", "validated", "yes", version=2)
    alice.transition("fraud", 2, "Staging")
    (request,) = alice.requests()
    bob.reject(request.id, comment="no")
    asked = alice.request_stage("fraud", 2, "Production", archive_existing=True)
    bob.approve(asked.id)
    alice.register("spam", "s3://acme/spam/1")
    alice.rename("spam", "ham")
    alice.delete("ham")
    alice.add_deployment("production", "scorer", model="fraud", stage="Production")
    done = carry(here, there, file, state=opened(there).bundle_state())
    assert len(done.steps) == 10
    assert refs(git, there) == refs(git, here)
    assert opened(there).activity() == alice.activity()
    healthy(git, there, opened(there))

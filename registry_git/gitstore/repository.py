"""One git repository, opened with libgit2 for reading. Writing is `objects` and `refs`, transport `porcelain`."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pygit2

from registry_git.core.errors import Corrupt, Invalid
from registry_git.core.names import Actor
from registry_git.gitstore.commits import Commit, commit_of, time_in, tree_in
from registry_git.gitstore.edit import Listing
from registry_git.gitstore.loose import FIRST, LooseObjects
from registry_git.gitstore.memory import Memory
from registry_git.gitstore.opening import listed, opened, opened_again
from registry_git.gitstore.refread import check_format, read_ref
from registry_git.gitstore.stored import StoredObjects
from registry_git.gitstore.trees import EMPTY_TREE, entry_name, parse_tree, require_directory

MAIN = "refs/heads/main"
TRACKED_MAIN = "refs/remotes/origin/main"
_DIRECTORY = "40000"
_MODES = (_DIRECTORY, "100644")  # libgit2 writes others in its own way
_TREE_KINDS = ("tree", 2)
_CACHED = 20_000  # entries kept, by tree id, and listings: content never changes under an id
_SHORT = 32  # entries of a directory whose listing is kept
_TREES = 256  # directories kept open, by tree id: of the newest commits nearly all are the same
_COMMITS = 256  # commits kept
_RENEWED_AFTER = 256  # commits
T = TypeVar("T")


class Repository:
    """Reads of one repository. Ids are hex strings; a missing object is always an error, never an absent entity.

    Raises:
        NotFound: there is no repository at `path`.
        Unavailable: it belongs to somebody else, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.git = opened(path)
        self.git_dir = Path(self.git.path)
        common = self.git_dir / "commondir"
        if common.is_file():
            self.git_dir = (self.git_dir / common.read_text().strip()).resolve()
        check_format(self.git_dir)
        self.workdir = Path(self.git.workdir) if self.git.workdir else None
        self._objects = os.fspath(self.objects_dir)
        self.memory = Memory()
        self._loose, self._stored = self._readers()
        self._writing = False
        self._met = 0  # commits that were read by libgit2
        self.remembers = _CACHED  # entries at most, and listings
        self._commits: dict[str, Commit] = {}
        self._trees: OrderedDict[str, pygit2.Tree] = OrderedDict()
        self._folders: dict[tuple[str, str], str] = {}
        self._children: dict[tuple[str, str], tuple[str, str]] = {}
        self._listings: dict[str, Sequence[tuple[str, str, str]]] = {}
        self.borrowed: list[Path] = []

    def borrow(self, objects: Path) -> None:
        """Lets reads find the objects in another directory too: a push that a hook is to judge, a merge for a try."""
        self.git.odb.add_disk_alternate(os.fspath(objects))
        self.borrowed.append(objects)

    def give_back(self, objects: Path) -> None:
        """Forgets a borrowed directory, which is going to be removed."""
        self.borrowed.remove(objects)

    def share(self, memory: Memory) -> None:
        """From now on it knows what other handles of the same repository know."""
        self.memory = memory
        self._loose.lately = memory.object

    @contextmanager
    def holding(self, objects: dict[str, tuple[str, bytes]]) -> Iterator[None]:
        """Lets reads find objects (id to kind and content) that are not stored: what is added meanwhile, too."""
        self._loose.held = objects
        try:
            yield
        finally:
            self._loose.held = {}

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Inside it, directories are read as they are needed to make new ones of them."""
        self._writing = True
        try:
            yield
        finally:
            self._writing = False

    @property
    def environment(self) -> dict[str, str]:
        """What a git process must be told to find the same objects; nothing when none are borrowed."""
        return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": listed(self.borrowed)} if self.borrowed else {}

    @property
    def objects_dir(self) -> Path:
        """Where loose objects and packs are."""
        return self.git_dir / "objects"

    def ref(self, name: str) -> str | None:
        """The commit that a full reference name holds, or None."""
        return read_ref(self.git_dir, name)

    def head(self) -> str:
        """The full name of the branch that is checked out, or the commit when none is."""
        return str(self.git.lookup_reference("HEAD").target)

    def refs(self, prefix: str) -> dict[str, str]:
        """All references below `prefix`, name to commit id, sorted."""
        names = sorted(name for name in self.git.references if name.startswith(prefix))
        return {name: oid for name in names if (oid := self.ref(name))}

    def has(self, oid: str) -> bool:
        """Whether an object is stored."""
        return oid in self.git

    def read(self, oid: str) -> bytes:
        """The content of an object. Raises: Corrupt when it is missing or damaged."""
        if oid == EMPTY_TREE:
            return b""
        return self._object(oid)[1]

    def _object(self, oid: str) -> tuple[str | int, bytes]:
        """Kind, as a word or as git's number, and content of an object. Raises: Corrupt."""
        known = self.memory.object(oid) or self._loose.held.get(oid)
        if known is not None:
            return known
        if (found := self._stored.read(oid)) is not None:
            return found
        self._loose.absent = oid
        try:
            return self.git.odb.read(oid)
        except (KeyError, ValueError, pygit2.GitError) as problem:
            raise Corrupt(
                f"The object {oid} is missing or damaged: {problem}.",
                hint="Fetch it from a clone, or see: git fsck --full",
            ) from None

    def commit(self, oid: str) -> Commit:
        """A commit. Raises: Corrupt when it is missing; Invalid when the id is another kind of object."""
        known = self._commits.get(oid)
        if known is not None:
            return known
        self._renew()
        try:
            found = self.git[oid]
        except (KeyError, ValueError, pygit2.GitError) as problem:
            raise Corrupt(f"The commit {oid} is missing or damaged: {problem}.", hint="See: git fsck --full") from None
        if not isinstance(found, pygit2.Commit):
            raise Invalid(f"{oid} is not a commit.", hint="Name a commit, a branch or a date.")
        if len(self._commits) >= _COMMITS:
            self._commits.clear()
        commit = self._commits[oid] = commit_of(found)
        return commit

    def tree_of(self, commit: str) -> str:
        """The root tree of a commit."""
        written = self.memory.object(commit)
        if written is not None and written[0] == "commit":
            return tree_in(written[1])
        return self.commit(commit).tree

    def time_of(self, commit: str) -> int:
        """The committer's time of a commit, in seconds since 1970."""
        written = self.memory.object(commit)
        found = time_in(written[1]) if written is not None and written[0] == "commit" else None
        return self.commit(commit).at if found is None else found

    def entry(self, tree: str, path: str) -> tuple[str, str] | None:
        """The (mode, id) at a path below a tree; None when nothing is there.

        Raises:
            Corrupt: a tree is missing, or what should be a directory is a link or a file.
        """
        folder, _, last = path.rpartition("/")
        directory = self._directory(tree, folder)
        return None if directory is None else self._child(directory, last)

    def names(self, tree: str, path: str) -> Sequence[tuple[str, str, str]]:
        """The entries (name, mode, id) of the directory at `path` below a tree; none when there is no directory."""
        found = self._directory(tree, path)
        if found is None:
            return []
        known = self._listings.get(found)
        if known is not None:
            return known
        entries: Iterable[tuple[bytes, bytes, str]] | None = self._listing(found)
        if entries is None:
            entries = ((name, mode, oid) for name, (mode, oid) in parse_tree(self.read(found)).items())
        listing = [(entry_name(name), mode.decode(), oid) for name, mode, oid in entries]
        if len(listing) <= _SHORT:
            if len(self._listings) >= self.remembers:
                self._listings.clear()
            self._listings[found] = listing
        return listing

    def keys(self, tree: str, path: str) -> list[bytes]:
        """As `names`, but the names alone, of directories with a closing slash: a fraction of the cost."""
        found = self._directory(tree, path)
        return [] if found is None else (self._listing(found) or Listing(self.read(found))).keys()

    def merge_base(self, one: str, other: str) -> str | None:
        """The best common ancestor of two commits, or None."""
        with _history_read():
            base = self.git.merge_base(one, other)
        return str(base) if base else None

    def is_ancestor(self, ancestor: str, descendant: str) -> bool:
        """Whether `descendant` is `ancestor` or comes after it."""
        if ancestor == descendant:
            return True
        with _history_read():
            return self.has(ancestor) and self.git.descendant_of(descendant, ancestor)

    def reachable(self, tip: str, *known: str) -> list[str]:
        """The commits that `tip` reaches and none of `known` does, newest first. Raises: Corrupt."""
        with _history_read():
            walker = self.git.walk(pygit2.Oid(hex=tip), pygit2.enums.SortMode.TOPOLOGICAL)
            for one in known:
                walker.hide(pygit2.Oid(hex=one))
            # all at once: a walk must not go on in what `_renew` has let go of
            return [str(found.id) for found in walker]

    def cached(self, oid: str, path: str) -> object | None:
        """What `remember` kept for this blob at this path."""
        return self.memory.decoded(oid, path)

    def remember(self, oid: str, path: str, value: T) -> T:
        """Keeps a decoded manifest and gives it back."""
        return self.memory.keep_decoded(oid, path, value)

    def user(self) -> Actor | None:
        """Who git's configuration says that one is (user.name and user.email), or None."""
        config = self.git.config
        if "user.name" in config and "user.email" in config:
            return Actor.parse(f"{config['user.name']} <{config['user.email']}>")
        return None

    def _readers(self) -> tuple[LooseObjects, StoredObjects]:
        loose = LooseObjects(self._objects, self.memory.object)  # one that libgit2 has taken is no other's
        self.git.odb.add_backend(loose, FIRST)
        return loose, StoredObjects(self._objects)

    def _renew(self) -> None:
        """Opens it anew after many commits: libgit2 lets go of no pack, and each write elsewhere brings one.

        So nothing that libgit2 gave (a tree, a walk) may be in use while a commit is read.
        """
        self._met += 1
        if self._met <= _RENEWED_AFTER:
            return
        self._met = 0
        held, before = self._loose.held, self.git
        self.git = opened_again(self._path)
        self._loose, self._stored = self._readers()
        self._loose.held = held
        for objects in self.borrowed:
            self.git.odb.add_disk_alternate(os.fspath(objects))
        self._trees.clear()
        before.free()  # what refers to itself is not gone before Python looks for such things

    def _directory(self, tree: str, path: str) -> str | None:
        """The id of the directory at a path below a tree, or None."""
        known = self._folders.get((tree, path)) if path else tree
        if known is not None:
            return known
        above, _, name = path.rpartition("/")
        parent = self._directory(tree, above)
        found = None if parent is None else self._child(parent, name)
        if found is None:
            return None
        require_directory(found[0], path)
        if len(self._folders) >= _TREES:
            self._folders.clear()
        return self._folders.setdefault((tree, path), found[1])

    def _child(self, tree: str, name: str) -> tuple[str, str] | None:
        if tree == EMPTY_TREE:
            return None
        kept = self.memory.listings.get(tree) or self._listing(tree)
        if kept is not None:
            entry = kept.find(name.encode())
            if entry is None or entry[0] in _MODES:
                return entry
        known = self._children.get((tree, name))
        if known is not None:
            return known
        found = self._trees.get(tree)
        if found is None:
            found = self._trees[tree] = self._tree(tree)
            if len(self._trees) > _TREES:
                self._trees.popitem(last=False)
        else:
            self._trees.move_to_end(tree)
        try:
            child = found[name]
        except KeyError:
            return None
        if len(self._children) >= self.remembers:
            self._children.clear()
        self._children[(tree, name)] = entry = format(int(child.filemode), "o"), str(child.id)
        return entry

    def _listing(self, tree: str) -> Listing | None:
        """The entries of a directory that is known, or that a write reads: it is likely to change it.

        None, too, where it is damaged, or not as git writes it: libgit2 has the words for that.
        """
        known = self.memory.listings.get(tree)
        if known is not None or not self._writing:
            return known
        try:
            kind, data = self._object(tree)
        except Corrupt:
            return None
        listing = Listing(data)
        if kind not in _TREE_KINDS or listing.serialised() != data:
            return None
        return self.memory.keep_listing(tree, listing)

    def _tree(self, oid: str) -> pygit2.Tree:
        try:
            found = self.git[oid]
        except (KeyError, ValueError, pygit2.GitError) as problem:
            raise Corrupt(f"The tree {oid} is missing or damaged: {problem}.", hint="See: git fsck --full") from None
        if not isinstance(found, pygit2.Tree):
            raise Corrupt(f"The object {oid} should be a directory and is none.", hint="See: git fsck --full")
        return found


@contextmanager
def _history_read() -> Iterator[None]:
    try:
        yield
    except (KeyError, ValueError, pygit2.GitError) as problem:
        raise Corrupt(f"The history cannot be read: {problem}.", hint="See: git fsck --full") from None

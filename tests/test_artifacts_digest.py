"""The digest of a tree: the same for the same files, another for any other byte or name."""

from __future__ import annotations

import os
import shutil
import socket
import uuid
from collections.abc import Iterator
from functools import partial
from hashlib import sha256
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import fsspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry_git.artifacts.digest import TreeDigest, tree_digest
from registry_git.artifacts.download import download
from registry_git.artifacts.location import Local, Remote, parse_location, readable
from registry_git.artifacts.tree import tree_size
from registry_git.core.errors import Invalid, NotFound, Unavailable

Files = dict[str, bytes]


def write_tree(root: Path, files: Files) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return root


def digest_of(location: str | Path) -> TreeDigest:
    found = tree_digest(str(location))
    assert found is not None
    return found


@pytest.fixture
def memory() -> Iterator[str]:
    base = f"memory://{uuid.uuid4().hex}"
    yield base
    files = fsspec.filesystem("memory")
    if files.exists(base):
        files.rm(base, recursive=True)


def test_the_digest_is_that_of_the_documented_lines(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "model", {"b/ü x.bin": b"123", "a.txt": b"", "b.txt": b"b", ".hidden": b"h"})
    lines = (
        f"{sha256(b'h').hexdigest()} 1 .hidden\n"
        f"{sha256(b'').hexdigest()} 0 a.txt\n"
        f"{sha256(b'b').hexdigest()} 1 b.txt\n"
        f"{sha256(b'123').hexdigest()} 3 b/%C3%BC%20x.bin\n"
    )
    expected = TreeDigest(digest="sha256:" + sha256(lines.encode()).hexdigest(), files=4, bytes=5)
    assert digest_of(tree) == expected
    assert digest_of(f"file://{tree}") == expected
    assert digest_of(f"{tree}/") == expected
    assert tree_size(str(tree)) == 5


def test_one_file_is_a_tree_of_one(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "model", {"a.pkl": b"x"})
    assert digest_of(tree / "a.pkl") == digest_of(tree)


names = st.text(alphabet="abü .\n%-", min_size=1, max_size=5).filter(lambda name: name not in (".", ".."))
trees = st.dictionaries(st.lists(names, min_size=1, max_size=2).map("/".join), st.binary(max_size=5), max_size=4)


def is_tree(files: Files) -> bool:
    return not any(other.startswith(name + "/") for name in files for other in files)


@settings(max_examples=40, deadline=None)
@given(trees.filter(is_tree), trees.filter(is_tree), st.randoms())
def test_the_digest_depends_on_names_and_bytes_alone(
    tmp_path_factory: pytest.TempPathFactory, one: Files, other: Files, random: object
) -> None:
    root = tmp_path_factory.mktemp("trees")
    shuffled = list(one.items())
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first = digest_of(write_tree(root / "first", one))
    again = digest_of(write_tree(root / "again", dict(shuffled)))
    differs = digest_of(write_tree(root / "other", other))
    shutil.rmtree(root)
    assert first == again
    assert (first == differs) == (one == other)


def test_what_moves_between_files_changes_the_digest(tmp_path: Path) -> None:
    digests = {
        digest_of(write_tree(tmp_path / str(number), files)).digest
        for number, files in enumerate(
            [{"a": b"xy"}, {"a": b"x", "b": b"y"}, {"a": b"", "b": b"xy"}, {"a/b": b"xy"}, {"a\nb": b"xy"}, {}]
        )
    }
    assert len(digests) == 6


def test_empty_directories_permissions_and_times_do_not_count(tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "model", {"a": b"x"})
    before = digest_of(tree)
    (tree / "empty").mkdir()
    (tree / "a").chmod(0o755)
    os.utime(tree / "a", (0, 0))
    assert digest_of(tree) == before


def test_a_name_that_is_no_utf8_counts_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff")).write_bytes(b"x")
    line = f"{sha256(b'x').hexdigest()} 1 %FF\n"
    assert digest_of(tmp_path).digest == "sha256:" + sha256(line.encode()).hexdigest()


def test_large_files_stream_and_report_progress(tmp_path: Path) -> None:
    content = os.urandom(1 << 20) * 3 + b"end"
    tree = write_tree(tmp_path / "model", {"big": content, "small": b"s"})
    seen: list[int] = []
    found = tree_digest(str(tree), progress=seen.append)
    assert found is not None
    assert found.bytes == len(content) + 1 == sum(seen)
    assert max(seen) == 1 << 20


def test_a_link_within_the_tree_counts_as_its_file(tmp_path: Path) -> None:
    linked = write_tree(tmp_path / "linked", {"d/a": b"x"})
    (linked / "b").symlink_to("d/a")
    assert digest_of(linked) == digest_of(write_tree(tmp_path / "copied", {"d/a": b"x", "b": b"x"}))
    (tmp_path / "door").symlink_to(linked)
    assert digest_of(tmp_path / "door") == digest_of(linked)


@pytest.mark.parametrize("target", ["/etc/passwd", "../outside", "../model-2/a", "nowhere", "self", "d", "."])
def test_other_links_are_refused(tmp_path: Path, target: str) -> None:
    write_tree(tmp_path, {"outside": b"x", "model-2/a": b"x"})
    tree = write_tree(tmp_path / "model", {"d/a": b"x"})
    (tree / "self").symlink_to(target)
    with pytest.raises(Invalid, match="'self' is a link"):
        tree_digest(str(tree))


def test_pipes_and_sockets_are_refused_without_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(Invalid, match="'pipe' is no regular file"):
        tree_digest(str(tmp_path))
    with pytest.raises(Invalid, match="no file and no directory"):
        tree_digest(str(tmp_path / "pipe"))
    (tmp_path / "pipe").unlink()
    monkeypatch.chdir(tmp_path)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("door")
        with pytest.raises(Invalid, match="'door' is no regular file"):
            tree_digest(".")


def test_what_may_not_be_read_is_unavailable(as_nobody: Path) -> None:
    tree = write_tree(as_nobody / "model", {"a": b"x"})
    (tree / "a").chmod(0)
    with pytest.raises(Unavailable, match="Permission denied"):
        tree_digest(str(tree))


def test_what_is_not_there_is_not_found(tmp_path: Path, memory: str) -> None:
    for location in (str(tmp_path / "x"), f"file://{tmp_path}/x", f"{memory}/x"):
        with pytest.raises(NotFound, match="does not exist"):
            tree_digest(location)


@pytest.mark.parametrize(
    "location",
    ["models:/m/1", "models:/m@a", "runs:/1/model", "mlflow-artifacts:/1/model", "mlflow-artifacts://h/1", "dbfs:/x",
     "nonesuch://x/y", "zip://a::s3://b/c", "simplecache::file:///etc", "local:///etc/passwd", ""],
)  # fmt: skip
def test_text_that_names_no_files_has_no_digest(location: str) -> None:
    assert not readable(location)
    assert tree_digest(location) is None
    assert tree_size(location) is None


def test_locations_are_paths_file_urls_or_urls() -> None:
    assert parse_location("a/b c") == Local(path=b"a/b c")
    assert parse_location("FILE:///a%20b#c") == Local(path=b"/a b#c", url=True)
    assert parse_location("file://localhost/a") == parse_location("file:/a") == Local(path=b"/a", url=True)
    assert parse_location("S3://b/c::d") == Remote(url="S3://b/c::d", scheme="s3")
    for refused in ("file://other/a", "file://", "file:///a%00b", "a\0b"):
        with pytest.raises(Invalid):
            parse_location(refused)
    assert readable("memory://x")
    assert readable("anything")


def test_a_tree_behind_a_driver_has_the_digest_of_the_same_files_here(tmp_path: Path, memory: str) -> None:
    content = {"MLmodel": b"x", "data/model.pkl": b"\0" * 3_000_000, "a b ü": b"y"}
    fsspec.filesystem("memory").pipe({f"{memory}/m/{name}": value for name, value in content.items()})
    assert digest_of(f"{memory}/m") == digest_of(write_tree(tmp_path / "m", content))
    assert digest_of(f"{memory}/m/MLmodel") == digest_of(tmp_path / "m" / "MLmodel")
    assert tree_size(f"{memory}/m") == 3_000_002


@pytest.fixture
def website(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    pytest.importorskip("aiohttp", reason="HTTP IS NOT TESTED: install aiohttp, the library of fsspec's http driver")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            if self.path.endswith("/broken"):
                self.send_error(500)
            else:
                super().do_GET()

        do_HEAD = do_GET  # noqa: N815

    (tmp_path / "www").mkdir()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "www"))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", tmp_path / "www"
        server.shutdown()


def test_a_directory_of_a_website_has_the_digest_of_the_same_files_here(website: tuple[str, Path]) -> None:
    url, root = website
    tree = write_tree(root / "m", {"MLmodel": b"x", "data/a b.bin": b"\0" * 3_000_000, "50%.txt": b"y"})
    assert digest_of(f"{url}/m/") == digest_of(tree)
    assert digest_of(f"{url}/m/MLmodel") == digest_of(tree / "MLmodel")
    with pytest.raises(NotFound):
        tree_digest(f"{url}/nothing")
    with pytest.raises(Unavailable):
        tree_digest(f"{url}/broken")


@pytest.mark.parametrize("link", ["../../secret", "..%2f..%2fsecret", "%2e%2e/secret", "a?b=c"])
def test_a_page_cannot_lead_a_download_out_of_its_directory(
    website: tuple[str, Path], tmp_path: Path, link: str
) -> None:
    url, root = website
    write_tree(root, {"m/index.html": f'<a href="?C=N">sort</a><a href="{link}">x</a>'.encode(), "secret": b"s"})
    with pytest.raises(Invalid, match=r"leaves|no file name"):
        download(f"{url}/m/", tmp_path / "to" / "copy", expected=None)
    assert not (tmp_path / "to").exists()

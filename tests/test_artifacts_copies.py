"""Downloads that prove what they bring, and uploads that store equal trees once."""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from registry_git.artifacts.digest import tree_digest
from registry_git.artifacts.download import download
from registry_git.artifacts.upload import Uploaded, upload
from registry_git.core.errors import AlreadyExists, Conflict, Corrupt, Invalid, NotFound, Unavailable

CONTENT = {"MLmodel": b"flavors: {}\n", "data/model.pkl": b"\0" * 1_500_000, "with space ü": b"x"}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return write_tree(tmp_path / "model", CONTENT)


@pytest.fixture
def memory() -> Iterator[str]:
    base = f"memory://{uuid.uuid4().hex}"
    yield base
    files = fsspec.filesystem("memory")
    if files.exists(base):
        files.rm(base, recursive=True)


def write_tree(root: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def files_below(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def known_digest(location: str | Path) -> str:
    found = tree_digest(str(location))
    assert found is not None
    return found.digest


def test_a_download_brings_the_tree_and_its_digest(model: Path, tmp_path: Path) -> None:
    seen: list[int] = []
    for number, source in enumerate([str(model), f"file://{model}"]):
        destination = tmp_path / "new" / "parents" / str(number)
        found = download(source, destination, expected=known_digest(model), progress=seen.append)
        assert found == tree_digest(str(model)) == tree_digest(str(destination))
        assert files_below(destination) == CONTENT
    assert sum(seen) == 2 * sum(map(len, CONTENT.values()))
    assert sorted(path.name for path in (tmp_path / "new" / "parents").iterdir()) == ["0", "1"]


def test_a_download_has_the_usual_permissions(model: Path, tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    download(str(model), tmp_path / "copy", expected=None)
    assert stat.S_IMODE((tmp_path / "copy").stat().st_mode) == stat.S_IMODE((tmp_path / "usual").stat().st_mode)


def test_one_file_is_downloaded_into_a_directory(model: Path, tmp_path: Path) -> None:
    download(str(model / "MLmodel"), tmp_path / "copy", expected=known_digest(model / "MLmodel"))
    assert files_below(tmp_path / "copy") == {"MLmodel": CONTENT["MLmodel"]}


def test_a_download_of_other_files_is_refused_and_leaves_nothing(model: Path, tmp_path: Path) -> None:
    expected = known_digest(model)
    (model / "MLmodel").write_bytes(b"flavors: {x: 1}\n")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Corrupt) as refusal:
        download(str(model), tmp_path / "new" / "copy", expected=expected)
    assert expected in str(refusal.value)
    assert known_digest(model) in str(refusal.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_download_that_is_interrupted_leaves_nothing(model: Path, tmp_path: Path) -> None:
    def stop(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download(str(model), tmp_path / "copy", expected=None, progress=stop)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("kind", ["full", "file", "link", "dangling"])
def test_a_download_overwrites_nothing(model: Path, tmp_path: Path, kind: str) -> None:
    taken = tmp_path / "taken"
    if kind == "full":
        write_tree(taken, {"precious": b"x"})
    elif kind == "file":
        taken.write_bytes(b"precious")
    else:
        taken.symlink_to(model if kind == "link" else "nowhere")
    with pytest.raises(AlreadyExists, match="Something is at"):
        download(str(model), taken, expected=None)
    assert files_below(model) == CONTENT


def test_an_empty_directory_may_be_the_destination(model: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    download(str(model), tmp_path / "copy", expected=None)
    assert files_below(tmp_path / "copy") == CONTENT


def test_a_download_through_a_driver_is_the_same(model: Path, tmp_path: Path, memory: str) -> None:
    fsspec.filesystem("memory").pipe({f"{memory}/m/{name}": content for name, content in CONTENT.items()})
    download(f"{memory}/m", tmp_path / "copy", expected=known_digest(model))
    assert files_below(tmp_path / "copy") == CONTENT


class Hostile(MemoryFileSystem):
    """A driver whose listing leads out of the directory."""

    protocol = "hostile"

    def info(self, path: str, **_options: object) -> dict[str, object]:
        return {"name": path, "type": "directory"}

    def find(self, path: str, **_options: object) -> dict[str, dict[str, object]]:  # type: ignore[override]
        return {path + "/" + "../" * 3 + "stolen": {"type": "file", "size": 1}}


def test_names_that_leave_the_destination_are_refused(tmp_path: Path) -> None:
    fsspec.register_implementation("hostile", Hostile, clobber=True)
    with pytest.raises(Invalid, match="leaves the tree"):
        download("hostile://m", tmp_path / "a" / "copy", expected=None)
    assert list(tmp_path.iterdir()) == []


def test_a_file_and_a_directory_of_one_name_are_refused(tmp_path: Path, memory: str) -> None:
    files = fsspec.filesystem("memory")
    files.pipe({f"{memory}/m/a/b": b"x", f"{memory}/n": b"x"})
    files.store[f"/{memory[9:]}/m/a"] = files.store[f"/{memory[9:]}/n"]  # as object stores allow
    with pytest.raises(Invalid, match="another file of the tree has the same path"):
        download(f"{memory}/m", tmp_path / "copy", expected=None)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_downloaded_is_said(tmp_path: Path) -> None:
    for source, error in [("models:/m/1", Invalid), ("nonesuch://x", Unavailable), (str(tmp_path / "no"), NotFound)]:
        with pytest.raises(error):
            download(source, tmp_path / "copy", expected=None)
    for digest in ("", "sha256:12", "md5:" + "0" * 64, "sha256:" + "0" * 64 + "\n"):
        with pytest.raises(Invalid, match="is no digest"):
            download(str(tmp_path), tmp_path / "copy", expected=digest)


def test_equal_trees_are_stored_once(model: Path, tmp_path: Path) -> None:
    base = tmp_path / "store"
    first = upload(str(model), str(base))
    hexadecimal = known_digest(model)[7:]
    assert first == Uploaded(
        location=str(base / "sha256" / hexadecimal[:2] / hexadecimal[2:]),
        digest=first.digest,
    )
    assert files_below(Path(first.location)) == CONTENT
    assert upload(str(write_tree(tmp_path / "again", CONTENT)), f"file://{base}").location == f"file://{first.location}"
    assert len(files_below(base)) == len(CONTENT)
    upload(str(write_tree(tmp_path / "other", {"a": b"x"})), str(base))
    assert len(files_below(base)) == len(CONTENT) + 1


def test_the_location_of_an_upload_has_the_digest_of_the_source(model: Path, tmp_path: Path, memory: str) -> None:
    for base in (str(tmp_path / "st ore"), f"file://{tmp_path}/st%20ore", f"{memory}/store/"):
        for source in (model, model / "with space ü"):
            stored = upload(str(source), base)
            assert known_digest(stored.location) == known_digest(source) == stored.digest.digest
        assert stored.location.startswith(base.rstrip("/"))


def test_an_upload_that_is_interrupted_is_not_taken_for_complete(model: Path, tmp_path: Path) -> None:
    total = sum(map(len, CONTENT.values()))
    read = 0

    def stop(count: int) -> None:
        nonlocal read
        read += count
        if read > total + 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(str(model), str(tmp_path / "store"), progress=stop)
    assert not (tmp_path / "store").exists()


def test_what_is_stored_is_verified_before_it_is_used_again(model: Path, tmp_path: Path) -> None:
    stored = Path(upload(str(model), str(tmp_path / "store")).location)
    (stored / "MLmodel").write_bytes(b"changed")
    with pytest.raises(Corrupt, match="What is stored at"):
        upload(str(model), str(tmp_path / "store"))


@pytest.mark.parametrize("kind", ["local", "remote"])
def test_a_source_that_changes_meanwhile_is_refused(model: Path, tmp_path: Path, memory: str, kind: str) -> None:
    total = sum(map(len, CONTENT.values()))
    base = str(tmp_path / "store") if kind == "local" else memory
    read = 0

    def change(count: int) -> None:
        nonlocal read
        read += count
        if read == total:
            (model / "MLmodel").write_bytes(b"changed")

    with pytest.raises(Conflict, match="changed while it was copied"):
        upload(str(model), base, progress=change)
    assert not (tmp_path / "store").exists()
    if kind == "remote":
        assert not [path for path in fsspec.filesystem("memory").find(memory) if path.endswith(".complete")]


def test_an_object_store_marks_what_is_complete(model: Path, memory: str) -> None:
    files = fsspec.filesystem("memory")
    stored = upload(str(model), memory)
    marker = stored.location + ".complete"
    assert len(files.cat_file(marker).splitlines()) == len(CONTENT)
    changed = files.info(f"{stored.location}/MLmodel")["created"]

    upload(str(model), memory)
    assert files.info(f"{stored.location}/MLmodel")["created"] == changed

    files.rm_file(marker)
    files.pipe_file(f"{stored.location}/MLmodel", b"half")
    assert upload(str(model), memory) == stored
    assert files.cat_file(f"{stored.location}/MLmodel") == CONTENT["MLmodel"]

    files.rm_file(f"{stored.location}/MLmodel")
    upload(str(model), memory)
    assert known_digest(stored.location) == known_digest(model)


def test_an_upload_that_dies_leaves_no_mark_in_an_object_store(model: Path, memory: str) -> None:
    total = sum(map(len, CONTENT.values()))
    read = 0

    def stop(count: int) -> None:
        nonlocal read
        read += count
        if read > total + 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(str(model), memory, progress=stop)
    assert not [path for path in fsspec.filesystem("memory").find(memory) if path.endswith(".complete")]
    assert known_digest(upload(str(model), memory).location) == known_digest(model)


def test_a_foreign_file_in_a_stored_tree_is_noticed(model: Path, memory: str) -> None:
    stored = upload(str(model), memory)
    fsspec.filesystem("memory").pipe_file(f"{stored.location}/foreign", b"x")
    with pytest.raises(Corrupt, match="What is stored at"):
        upload(str(model), memory)


def test_two_uploads_of_one_tree_at_once_agree(model: Path, tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda _n: upload(str(model), str(tmp_path / "store")), range(8)))
    assert len(set(stored)) == 1
    assert len(files_below(tmp_path / "store")) == len(CONTENT)
    assert [path for path in (tmp_path / "store").rglob("*") if path.name.endswith(".partial")] == []


def test_uploads_that_cannot_be_are_refused(model: Path, tmp_path: Path, memory: str) -> None:
    for base in ("models:/m", "http://127.0.0.1/x", str(model / "data"), str(model)):
        with pytest.raises(Invalid):
            upload(str(model), base)
    with pytest.raises(Unavailable, match="no driver for nonesuch"):
        upload(str(model), "nonesuch://x")
    with pytest.raises(Invalid):
        upload("runs:/1/model", str(tmp_path / "store"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(Invalid, match="holds no files"):
        upload(str(tmp_path / "empty"), memory)
    write_tree(tmp_path / "odd", {os.fsdecode(b"\xff"): b"x"})
    with pytest.raises(Invalid, match="not UTF-8"):
        upload(str(tmp_path / "odd"), memory)
    with pytest.raises((Invalid, Unavailable)):
        upload(str(model), str(model / "MLmodel" / "x"))

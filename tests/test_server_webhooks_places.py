"""Where webhooks and their places lie: for the server's user alone, and tidied without taking away what is new."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from registry_git.server.private_file import make_private
from tests.registry_scene import ALICE, new_registry
from tests.server_scene import serving
from tests.waiting import until
from tests.webhook_scene import create, quick, receiving


def test_all_directories_that_the_server_makes_are_its_user_s_alone(tmp_path: Path) -> None:
    new_registry(tmp_path / "r.git", versions=1)
    umask = os.umask(0o022)
    try:
        with receiving() as receiver, serving(quick(tmp_path / "r.git")) as client:
            create(client, receiver)
    finally:
        os.umask(umask)
    made = [path for path in (tmp_path / "webhooks").rglob("*") if path.is_dir()]
    assert {path.name for path in made} >= {"places"}
    assert {oct(path.stat().st_mode & 0o777) for path in (tmp_path / "webhooks", *made)} == {"0o700"}


def test_a_directory_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared").chmod(0o750)
    make_private(tmp_path / "shared" / "own" / "places")
    make_private(tmp_path / "shared")
    modes = [oct((tmp_path / name).stat().st_mode & 0o777) for name in ("shared", "shared/own", "shared/own/places")]
    assert modes == ["0o750", "0o700", "0o700"]


@pytest.mark.parametrize(("age", "stays"), [(7200, False), (10, True)])
def test_what_is_left_of_webhooks_that_are_no_more_goes_and_what_somebody_is_about_to_use_stays(
    tmp_path: Path, age: int, stays: bool
) -> None:
    as_ = new_registry(tmp_path / "r.git", versions=1)
    with receiving() as receiver:
        with serving(quick(tmp_path / "r.git")) as client:
            create(client, receiver)
        (place,) = tmp_path.rglob("places/*.json")
        other, draft = place.with_name("0123456789abcdef.json"), place.with_name("0123456789abcdef.json.77")
        for path in (other, draft, place):
            path.write_bytes(place.read_bytes())
            os.utime(path, (time.time() - age,) * 2)
        with serving(quick(tmp_path / "r.git")) as client:
            as_(ALICE).register("fraud", "s3://acme/fraud/2")
            until(lambda: receiver.told() == ["MODEL_VERSION_CREATED fraud/2"])
    assert (other.exists(), draft.exists(), place.exists()) == (stays, stays, True)

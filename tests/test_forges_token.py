"""A token is found where people keep theirs, and sent only where it belongs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.token import Token, find_token, variables
from tests.conftest import Git


def settings(kind: ForgeKind, url: str) -> ForgeSettings:
    """A forge somewhere."""
    return ForgeSettings(kind=kind, url=url, repository="acme/models")


def test_a_token_never_shows_itself() -> None:
    token = Token("s3cr3t", "alice")
    assert "s3cr3t" not in f"{token} {token!r} {[token]} {token:}"


def test_the_variable_of_this_program_comes_first_and_goes_anywhere() -> None:
    environment = {"REGISTRY_GIT_FORGE_TOKEN": " ours\n", "GITHUB_TOKEN": "theirs"}
    for url in ("https://github.com", "https://git.acme.io"):
        assert find_token(settings(ForgeKind.GITHUB, url), environment=environment) == Token("ours")


@pytest.mark.parametrize(
    ("kind", "url", "name"),
    [
        (ForgeKind.GITHUB, "https://github.com", "GITHUB_TOKEN"),
        (ForgeKind.GITHUB, "https://github.com", "GH_TOKEN"),
        (ForgeKind.GITLAB, "https://gitlab.com", "GITLAB_TOKEN"),
        (ForgeKind.GITEA, "https://codeberg.org", "FORGEJO_TOKEN"),
        (ForgeKind.GITEA, "https://gitea.com", "GITEA_TOKEN"),
        (ForgeKind.PAGURE, "https://pagure.io", "PAGURE_TOKEN"),
    ],
)
def test_a_well_known_variable_is_for_the_well_known_forge(kind: ForgeKind, url: str, name: str) -> None:
    assert find_token(settings(kind, url), environment={name: "t"}) == Token("t")
    assert name in variables(kind)
    for other in (f"{url}.evil.io", "https://evil.io", url.replace("https", "http")):
        assert find_token(settings(kind, other), environment={name: "t"}) is None


@pytest.mark.parametrize(
    ("origin", "url", "belongs"),
    [
        ("https://git.acme.io/acme/models.git", "https://git.acme.io", True),
        ("https://alice@git.acme.io/acme/models.git", "https://git.acme.io", True),
        ("ssh://git@git.acme.io:2222/acme/models.git", "https://git.acme.io", True),
        ("git@git.acme.io:acme/models.git", "https://git.acme.io", True),
        ("git@git.acme.io:acme/models.git", "http://git.acme.io", False),
        ("https://git.acme.io/acme/models.git", "http://git.acme.io", False),
        ("http://git.acme.io/acme/models.git", "http://git.acme.io", True),
        ("http://127.0.0.1:3000/acme/models.git", "http://127.0.0.1:3000", True),
        ("http://127.0.0.1:3000/acme/models.git", "http://127.0.0.1:3001", False),
        ("https://git.acme.io/acme/models.git", "https://evil.io", False),
        ("https://git.acme.io@evil.io/acme/models.git", "https://git.acme.io", False),
        ("/srv/models.git", "https://git.acme.io", False),
        ("", "https://git.acme.io", False),
    ],
)
def test_a_variable_goes_to_the_host_that_the_registry_was_cloned_from(origin: str, url: str, belongs: bool) -> None:
    found = find_token(settings(ForgeKind.GITEA, url), environment={"GITEA_TOKEN": "t"}, origin=origin)
    assert found == (Token("t") if belongs else None)


@pytest.mark.parametrize(
    ("kind", "name", "server"),
    [
        (ForgeKind.GITHUB, "GITHUB_TOKEN", "GITHUB_SERVER_URL"),
        (ForgeKind.GITLAB, "GITLAB_TOKEN", "CI_SERVER_URL"),
        (ForgeKind.GITEA, "GITEA_TOKEN", "GITHUB_SERVER_URL"),
        (ForgeKind.GITEA, "FORGEJO_TOKEN", "FORGEJO_SERVER_URL"),
    ],
)
def test_a_job_s_variable_goes_to_the_forge_that_runs_the_job(kind: ForgeKind, name: str, server: str) -> None:
    environment = {name: "t", server: "https://git.acme.io"}
    assert find_token(settings(kind, "https://git.acme.io"), environment=environment) == Token("t")
    assert find_token(settings(kind, "https://git.evil.io"), environment=environment) is None
    assert find_token(settings(kind, "https://git.acme.io:8443"), environment=environment) is None


def test_the_token_of_one_kind_is_not_sent_to_another() -> None:
    environment = {"GITHUB_TOKEN": "t"}
    assert find_token(settings(ForgeKind.GITLAB, "https://gitlab.com"), environment=environment) is None


def test_git_s_credential_helper_is_asked_for_the_host_of_the_forge(home: Path) -> None:
    with (home / ".gitconfig").open("a") as config:
        config.write("[credential]\n\thelper = store\n")
    (home / ".git-credentials").write_text("https://alice:s3cr3t@git.acme.io\n")
    forge = settings(ForgeKind.GITEA, "https://git.acme.io")
    assert find_token(forge, environment={}) == Token("s3cr3t", "alice")
    assert find_token(settings(ForgeKind.GITEA, "https://git.evil.io"), environment={}) is None


def test_the_helper_of_a_repository_that_one_stands_in_is_not_run(
    tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "--quiet")
    ran = tmp_path / "ran"
    git(tmp_path, "config", "credential.helper", f"!touch {ran}; echo password=x; :")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_DIR", os.fspath(tmp_path / ".git"))
    assert find_token(settings(ForgeKind.GITEA, "https://git.acme.io"), environment={}) is None
    assert not ran.exists()

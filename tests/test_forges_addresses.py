"""Where a request's pull request is looked for, by kind of forge."""

from __future__ import annotations

import pytest

from registry_git.core.rules import ForgeKind, ForgeSettings
from registry_git.forges.addresses import review_address


@pytest.mark.parametrize(
    ("kind", "address"),
    [
        ("github", "https://forge.example/acme/models/pulls?q=is%3Apr+head%3Arequest%2Ffraud%2F2026-a"),
        (
            "gitlab",
            "https://forge.example/acme/models/-/merge_requests?scope=all&state=all&source_branch=request%2Ffraud%2F2026-a",
        ),
        ("gitea", "https://forge.example/acme/models/compare/main...request/fraud/2026-a"),
        ("pagure", "https://forge.example/acme/models/pull-requests?status=all"),
    ],
)
def test_each_forge_has_a_page_that_leads_to_the_pull_request(kind: str, address: str) -> None:
    forge = ForgeSettings(kind=ForgeKind(kind), url="https://forge.example", repository="acme/models")
    assert review_address(forge, "request/fraud/2026-a") == address

"""The same jobs with `gto`, a registry in Git tags: 1,000 versions of one artifact, an annotated tag each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

VERSIONS = 1_000
_SPARE = 200  # commits without a version, to register
_WHO = "Alice <alice@acme.io>"
_SINCE = 1_700_000_000
_IN_PROCESS = """
import sys, time, gto.api
repository, job, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
for number in range(first, first + count):
    start = time.perf_counter()
    if job == "show":
        gto.api.show(repository, "fraud")
    elif job == "register":
        gto.api.register(repository, "fraud", f"spare-{number}")
    else:
        gto.api.assign(repository, "fraud", "prod", version=f"v0.0.{number}")
    print("took", time.perf_counter() - start)
"""


def install(venv: Path) -> Path:
    """A virtual environment with gto in it, made when it is not there; its interpreter."""
    python = venv / "bin" / "python"
    if not (venv / "bin" / "gto").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(venv)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", "gto"], check=True)
    return python


def make(place: Path) -> Path:
    """A repository with a commit and a tag for each version, as `gto register` writes them, and commits to spare."""
    place.mkdir()
    git = ["git", "-C", str(place)]
    subprocess.run(["git", "init", "--quiet", "--initial-branch=main", str(place)], check=True, env=environment(place))
    stream = []
    for number in range(1, VERSIONS + _SPARE + 1):
        at = f"{_SINCE + 60 * number} +0000"
        stream.append(f"commit refs/heads/main\nmark :{number}\ncommitter {_WHO} {at}\n{_data(f'Train {number}')}")
        stream.append(f"from :{number - 1}\n" if number > 1 else "")
        stream.append(f"M 644 inline model.txt\n{_data(f'weights {number}')}")
    for number in range(1, VERSIONS + 1):
        message = _data(f"Registering artifact fraud version v0.0.{number}")
        at = f"{_SINCE + 60 * number + 1} +0000"
        stream.append(f"tag fraud@v0.0.{number}\nfrom :{number}\ntagger {_WHO} {at}\n{message}")
    for number in range(_SPARE):
        stream.append(f"reset refs/heads/spare-{number}\nfrom :{VERSIONS + number + 1}\n\n")
    text = "".join(stream).encode()
    subprocess.run([*git, "fast-import", "--quiet"], input=text, check=True, env=environment(place))
    subprocess.run([*git, "reset", "--quiet", "--hard"], check=True, env=environment(place))
    return place


def environment(place: Path) -> dict[str, str]:
    """Nobody's configuration: a name to act under, and an empty home."""
    home = place.parent / "home"
    home.mkdir(exist_ok=True)
    (home / ".gitconfig").write_text("[user]\n\tname = Alice\n\temail = alice@acme.io\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {**kept, "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1"}


def in_process(python: Path, place: Path, job: str, *, first: int, count: int) -> tuple[float, ...]:
    """How many milliseconds gto's own functions take when it is imported already."""
    command = [str(python), "-c", _IN_PROCESS, str(place), job, str(first), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment(place))
    return tuple(1000 * float(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("took "))


def _data(text: str) -> str:
    return f"data {len(text)}\n{text}\n"

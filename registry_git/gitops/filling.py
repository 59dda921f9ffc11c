"""Templates filled by a process of its own, whose time and memory are bounded: none of them holds up who renders.

A sandbox keeps a template from reaching anything; it does not keep it from counting to a billion, or from doubling a
text until no memory is left. A process can be ended, and what it had is given back.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from types import TracebackType
from typing import IO, Any, cast

from registry_git.core.errors import Invalid, NotFound, RegistryError, Unavailable
from registry_git.manifests.layout import TEMPLATES
from registry_git.registry.tree import Tree

# what is imported there is what is imported here, wherever it was found
_COMMAND = "import sys; sys.path[:] = sys.argv[1:]; from registry_git.gitops.filler import main; main()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one template may take: seconds of computing, and bytes of memory for the process that fills it."""

    cpu_seconds: int = 5
    memory_bytes: int = 512 * 1024 * 1024


class Filler:
    """`with Filler(tree) as filler:` fills templates of a registry, one after the other, in one process."""

    def __init__(self, tree: Tree, limits: Limits | None = None) -> None:
        self._tree = tree
        self._limits = limits or Limits()
        self._process: subprocess.Popen[str] | None = None
        self._given_up: dict[str, RegistryError] = {}

    def __enter__(self) -> Filler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()  # it holds nothing that it would have to finish
            self._end(self._process)

    def fill(self, path: str, values: Mapping[str, Any]) -> str:
        """The Kubernetes manifests that the template at `path` makes of `values`, ending in a newline.

        One that has taken too much is not tried again with other values.

        Raises:
            NotFound: there is no such template; Invalid: it fails, makes no manifests, or takes more than it may.
            Unavailable: no process can be had for it.
        """
        if path in self._given_up:
            raise self._given_up[path]
        process = self._process or self._start()
        answer: dict[str, str] = {}
        with suppress(BrokenPipeError, ValueError):  # it is gone, and how it went is looked at below
            _put(process, {"path": path, "values": values})
            answer = json.loads(cast("IO[str]", process.stdout).readline())
        if "text" in answer:
            return answer["text"]
        if answer.get("kind") == "NotFound":
            raise NotFound(answer["message"], hint=answer["hint"])
        if answer.get("kind") == "Invalid":
            raise Invalid(answer["message"], hint=answer["hint"])
        self._given_up[path] = self._excess(path, answer, self._end(process))
        raise self._given_up[path]

    def _excess(self, path: str, answer: Mapping[str, str], status: int) -> RegistryError:
        """Why there is no text: what the process said, or how it ended."""
        if answer.get("kind") == "time" or status == -signal.SIGXCPU:
            said = answer.get("message") or f"{path}: It takes more than {self._limits.cpu_seconds} s."
            return Invalid(said, hint="Look at its loops and calculations.")
        if answer.get("kind") == "memory" or status == -signal.SIGKILL:
            size = f"{self._limits.memory_bytes / 1024**2:,.0f} MiB"
            return Invalid(f"{path}: It takes more memory than the {size} that it may.", hint="Look at its loops.")
        if status < 0:
            return Invalid(f"{path}: What it makes cannot be read by any program.", hint="Look at how deep it nests.")
        return Unavailable(
            f"The process that fills templates ended with {status} on {path}.", hint="Try again, and report it."
        )

    @cached_property
    def _head(self) -> dict[str, Any]:
        templates = self._tree.below(TEMPLATES).items()
        return {
            **asdict(self._limits),
            "templates": {path: base64.b64encode(data).decode() for path, data in templates},
        }

    def _start(self) -> subprocess.Popen[str]:
        if not sys.executable:
            raise Unavailable("Python runs inside of another program here, and templates need a process of their own.")
        try:
            process = subprocess.Popen(
                [sys.executable, "-c", _COMMAND, *map(os.path.abspath, sys.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        except OSError as problem:
            raise Unavailable(
                f"No process can be started to fill templates: {problem.strerror}.", hint="Try again later."
            ) from None
        self._process = process
        with suppress(BrokenPipeError):
            _put(process, self._head)
        return process

    def _end(self, process: subprocess.Popen[str]) -> int:
        """How the process ended; the next template gets another one."""
        self._process = None
        with suppress(BrokenPipeError):
            process.communicate()
        return process.returncode


def _put(process: subprocess.Popen[str], value: Mapping[str, Any]) -> None:
    stdin = cast("IO[str]", process.stdin)
    stdin.write(json.dumps(value) + "\n")
    stdin.flush()

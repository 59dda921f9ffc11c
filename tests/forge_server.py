"""A forge on loopback: real HTTP, a real bare repository behind `git http-backend`, real merges.

It speaks the shapes that GitHub, GitLab and Gitea publish, as far as the adapters use them (`forge_dialects.py`), and
holds one repository, `acme/models`. What people do in a browser, tests do with its methods.
"""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

REPOSITORY = "acme/models"
MAIN = "refs/heads/main"
USERS = {
    # login: (id, name, the address that the forge publishes)
    "alice": (11, "Alice Ames", "alice@acme.io"),
    "bob": (12, "Bob Berg", "bob@acme.io"),
    "carol": (13, "Carol Cox", ""),
    "dave": (14, "Dave Dunn", "dave@users.noreply.forge.test"),
}
TOKENS = {f"{login}-s3cr3t-t0ken": login for login in USERS}
_STARTED = 1_795_000_000


class Refused(Exception):
    """The forge's answer to a call that it refuses."""

    def __init__(self, status: int, body: Any) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


@dataclass
class Call:
    """One call of the API."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any]
    login: str
    headers: dict[str, str]


@dataclass
class Reply:
    """What the API answers."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Said:
    """A review (with a `state` as GitHub writes it) or a comment (without)."""

    id: int
    by: str
    text: str
    at: int
    state: str = ""
    commit: str = ""
    dismissed: bool = False
    system: bool = False


@dataclass
class Pull:
    """A pull request."""

    number: int
    branch: str
    title: str
    body: str
    author: str
    head: str
    opened: int
    state: str = "open"
    fork: bool = False
    labels: list[str] = field(default_factory=list)
    reviewers: list[str] = field(default_factory=list)
    reviews: list[Said] = field(default_factory=list)
    comments: list[Said] = field(default_factory=list)
    heads: list[tuple[int, str]] = field(default_factory=list)
    merged_by: str = ""
    merge_commit: str = ""
    closed_by: str = ""
    ended: int = 0


class Forge:
    """The state of the forge and what can be done to it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bare = root / f"{REPOSITORY}.git"
        self.url = ""
        self.pulls: dict[int, Pull] = {}
        self.statuses: dict[str, list[dict[str, Any]]] = {}
        self.labels: dict[str, int] = {}
        self.calls: list[Call] = []
        self.faults: list[Reply | str] = []
        self.page_size = 100
        self.required_approvals = 0
        self.thinking = 0  # how many calls the forge still thinks about whether a pull request can be merged
        self.may_not_review: set[str] = set()
        self.lock = threading.RLock()
        self._ticks = 0
        self.git("config", "http.receivepack", "true")

    def git(
        self, *arguments: str, check: bool = True, env: dict[str, str] | None = None, cwd: Path | None = None
    ) -> str:
        """Runs git in the bare repository (or `cwd`)."""
        place = cwd or (self.bare if self.bare.exists() else self.root)
        done = subprocess.run(
            ["git", *arguments],
            cwd=place,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=60,
        )
        if check and done.returncode:
            raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
        return done.stdout.strip() if not done.returncode else ""

    def now(self) -> int:
        """The forge's clock: a second further at every look, the same in every run."""
        self._ticks += 1
        return _STARTED + self._ticks

    def tip(self, branch: str) -> str:
        """The commit of a branch; "" when it is not there."""
        return self.git("rev-parse", "--quiet", "--verify", f"refs/heads/{branch}", check=False)

    def follow(self) -> None:
        """Notes pushes to the branches of open pull requests."""
        for pull in self.pulls.values():
            tip = "" if pull.fork else self.tip(pull.branch)
            if pull.state == "open" and tip and tip != pull.head:
                pull.head = tip
                pull.heads.append((self.now(), tip))

    def open(self, branch: str, title: str, body: str, author: str, *, fork: bool = False) -> Pull:
        """A new pull request into main. Raises: Refused."""
        tip = self.tip(branch) or (self.tip("main") if fork else "")
        if not tip:
            raise Refused(422, {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]})
        number = len(self.pulls) + 1
        at = self.now()
        pull = Pull(number, branch, title, body, author, tip, at, fork=fork, heads=[(at, tip)])
        self.pulls[number] = pull
        return pull

    def opened(self, branch: str) -> Pull | None:
        """The open pull request of a branch."""
        return next((p for p in self.pulls.values() if (p.branch, p.state, p.fork) == (branch, "open", False)), None)

    def review(self, number: int, login: str, state: str, text: str = "", *, commit: str = "") -> Said:
        """What somebody does under "Review changes". `state` as GitHub writes it: APPROVED, …"""
        self.follow()
        pull = self.pulls[number]
        said = Said(len(pull.reviews) + 1, login, text, self.now(), state, commit or pull.head)
        pull.reviews.append(said)
        return said

    def say(self, number: int, login: str, text: str, *, system: bool = False) -> None:
        """A comment below a pull request."""
        pull = self.pulls[number]
        pull.comments.append(Said(len(pull.comments) + 1, login, text, self.now(), system=system))

    def close(self, number: int, login: str) -> None:
        """Closes a pull request without merging it."""
        pull = self.pulls[number]
        pull.state, pull.closed_by, pull.ended = "closed", login, self.now()

    def approvals(self, pull: Pull) -> int:
        """How many approvals the forge itself would count."""
        return len({r.by for r in pull.reviews if r.state == "APPROVED" and not r.dismissed and r.by != pull.author})

    def merge(self, number: int, login: str, style: str, message: str, committer: str) -> str | None:
        """Merges with real git in a temporary clone and pushes; the landing commit, None when there is a conflict."""
        self.follow()
        pull = self.pulls[number]
        _, name, email = USERS[login]
        env = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": email or f"{login}@users.noreply.forge.test",
            "GIT_COMMITTER_NAME": committer.partition(" <")[0],
            "GIT_COMMITTER_EMAIL": committer.partition(" <")[2].rstrip(">"),
        }
        with tempfile.TemporaryDirectory(dir=self.root) as place:
            clone = Path(place) / "clone"
            self.git("clone", "--quiet", str(self.bare), str(clone))
            before = self.git("rev-parse", "HEAD", cwd=clone)
            if style == "squash":
                author = self.git("log", "-1", "--format=%an <%ae>", pull.head)
                steps = [["merge", "--squash", pull.head], ["commit", "--quiet", f"--author={author}", "-m", message]]
            elif style == "rebase":
                steps = [
                    ["checkout", "--quiet", "--detach", pull.head],
                    ["rebase", "--quiet", "--force-rebase", before],
                    ["checkout", "--quiet", "-B", "main"],
                ]
            else:
                steps = [["merge", "--no-ff", "--quiet", "-m", message, pull.head]]
            for step in steps:
                try:
                    self.git(*step, env=env, cwd=clone)
                except AssertionError:
                    return None
            landed = self.git("rev-parse", "HEAD", cwd=clone)
            self.git("push", "--quiet", "origin", "HEAD:main", cwd=clone)
        pull.state, pull.merged_by, pull.merge_commit, pull.ended = "merged", login, landed, self.now()
        return landed

    def page(self, items: list[Any], call: Call, per: str) -> Reply:
        """One page of a list, with a `Link` header to the next."""
        size = min(int(call.query.get(per, "30")), self.page_size)
        number = int(call.query.get("page", "1"))
        shown = items[(number - 1) * size : number * size]
        headers = {}
        if number * size < len(items):
            query = "&".join(f"{key}={value}" for key, value in {**call.query, "page": number + 1}.items())
            headers["Link"] = (
                f'<http://inside.forge.test{call.path}?{query}>; rel="next", <http://x/?page=9>; rel="last"'
            )
        return Reply(shown, headers=headers)


def moment(seconds: int) -> str:
    """A time as forges write it."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


Route = tuple[str, str, Callable[..., Reply]]


@contextmanager
def serve(root: Path, prefix: str, routes: list[Route]) -> Iterator[Forge]:
    """The forge, running; `forge.url` is its web address. Routes are below `prefix` (`/api/v4`).

    The bare repository `acme/models.git` is in `root` already.
    """
    forge = Forge(root)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def _answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                raw = self._chunks()
            url = urlsplit(self.path)
            with forge.lock:
                if url.path.startswith(f"/{REPOSITORY}.git/"):
                    self._git(url.path, url.query, raw)
                else:
                    self._api(url.path, url.query, raw)

        def _chunks(self) -> bytes:
            whole = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                whole += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return whole

        def _login(self) -> str | None:
            """Who calls; "" for nobody, None for a token that is not known."""
            scheme, _, secret = self.headers.get("Authorization", "").partition(" ")
            if not scheme:
                return ""
            if scheme.lower() == "basic":
                secret = base64.b64decode(secret).decode().partition(":")[2]
            return TOKENS.get(secret)

        def _api(self, path: str, query: str, raw: bytes) -> None:
            fault = forge.faults.pop(0) if forge.faults else None
            login = self._login()
            headers = {key.lower(): value for key, value in self.headers.items()}
            body = json.loads(raw) if raw else {}
            call = Call(self.command, path, dict(parse_qsl(query)), body, login or "", headers)
            forge.calls.append(call)
            if fault == "hang up":
                self.close_connection = True
                return
            if isinstance(fault, Reply):
                self._send(fault)
                return
            forge.follow()
            reply = self._routed(call) if login is not None else Reply({"message": "Bad credentials"}, 401)
            if fault == "answer is lost":
                self.close_connection = True
                return
            self._send(reply)

        def _routed(self, call: Call) -> Reply:
            for method, pattern, act in routes:
                found = re.fullmatch(prefix + pattern, call.path)
                if found and method == call.method:
                    if method != "GET" and not call.login:
                        return Reply({"message": "Requires authentication"}, 401)
                    try:
                        return act(forge, call, *(unquote(part) for part in found.groups()))
                    except Refused as refusal:
                        return Reply(refusal.body, refusal.status)
            return Reply({"message": "Not Found"}, 404)

        def _send(self, reply: Reply) -> None:
            content = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            content = b"" if reply.body is None else content
            self.send_response(reply.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            for key, value in reply.headers.items():
                self.send_header(key, value)
            self.end_headers()
            self.wfile.write(content)

        def _git(self, path: str, query: str, raw: bytes) -> None:
            login = self._login()
            if not login:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="forge"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            env = {
                **os.environ,
                "GIT_PROJECT_ROOT": str(forge.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_USER": login,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(raw)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            out = subprocess.run(["git", "http-backend"], input=raw, env=env, capture_output=True, timeout=60).stdout
            head, _, content = out.partition(b"\r\n\r\n")
            lines = [line.partition(": ")[::2] for line in head.decode().split("\r\n")]
            self.send_response(next((int(value[:3]) for key, value in lines if key == "Status"), 200))
            for key, value in lines:
                if key != "Status":
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that did not wait is no fault
                super().handle_error(request, client_address)

    httpd = Server(("127.0.0.1", 0), Handler)
    forge.url = f"http://127.0.0.1:{httpd.server_address[1]}"
    runner = threading.Thread(target=httpd.serve_forever, args=(0.02,), daemon=True)
    runner.start()
    try:
        yield forge
    finally:
        httpd.shutdown()
        httpd.server_close()
        runner.join()

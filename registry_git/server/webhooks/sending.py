"""One call of a webhook: what is sent, how it is signed, and what came back. No redirect and no proxy is followed."""

from __future__ import annotations

import hmac
import json
import ssl
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

import httpcore

from registry_git.core.errors import Invalid
from registry_git.server.webhooks.addresses import Fence, FencedBackend
from registry_git.server.webhooks.hook import HttpTarget, Webhook

SIGNATURE = "X-Databricks-Signature"
DELIVERY = "X-Registry-Git-Delivery"
_SHOWN = 64 * 1024  # bytes of an answer that are looked at


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call ended: the answer's status and body, or (status 0) why there was none."""

    status: int = 0
    body: str = ""
    problem: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the receiver took it."""
        return 200 <= self.status < 300

    @property
    def gone(self) -> bool:
        """Whether the receiver wants nothing more, ever."""
        return self.status == 410

    def __str__(self) -> str:
        return self.problem or f"it answered {self.status}"


class Sender:
    """Calls webhooks. Safe to share between threads."""

    def __init__(self, fence: Fence, *, runner: str, seconds: float) -> None:
        """`runner` is the URL that starts jobs (empty: none); `seconds` is what one call may take in all."""
        self._fence = fence
        self._runner = runner
        self._seconds = seconds
        self._contexts: dict[bool, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def require(self, webhook: Webhook) -> None:
        """Returns when the webhook has somewhere to go. Raises: Invalid."""
        target = webhook.target
        if isinstance(target, HttpTarget):
            self._fence.admit_host(urlsplit(target.url).hostname or "")
        elif not self._runner:
            hint = "Start it with --webhook-runner URL, or use a url."
            raise Invalid("This server starts no jobs: it has no runner.", hint=hint)

    def send(self, webhook: Webhook, payload: dict[str, object], key: str) -> Outcome:
        """Delivers a payload under the key of its delivery. Never raises: what went wrong is the outcome."""
        message = json.dumps(payload, separators=(",", ":"))
        headers = {"Content-Type": "application/json", "User-Agent": "registry-git", DELIVERY: key}
        target = webhook.target
        if isinstance(target, HttpTarget):
            if target.secret:
                headers[SIGNATURE] = hmac.new(target.secret.encode(), message.encode(), sha256).hexdigest()
            if target.authorization:
                headers["Authorization"] = target.authorization
            return self._post(target.url, message, headers, verify=target.verify, fence=self._fence)
        if not self._runner:
            return Outcome(problem="there is no runner for jobs")
        headers["Authorization"] = f"Bearer {target.access_token}"
        # what Databricks sends to `jobs/run-now` for a job whose kind it does not know
        job: dict[str, object] = {
            "job_id": int(target.job_id) if target.job_id.isascii() and target.job_id.isdigit() else target.job_id,
            "notebook_params": {"event_message": message},
            "python_named_params": {"event_message": message},
            "jar_params": [message],
            "python_params": [message],
            "spark_submit_params": [message],
        }
        if target.workspace_url:
            job["workspace_url"] = target.workspace_url
        body = json.dumps(job, separators=(",", ":"))
        return self._post(self._runner, body, headers, verify=True, fence=None)

    def _post(self, url: str, body: str, headers: dict[str, str], *, verify: bool, fence: Fence | None) -> Outcome:
        end = time.monotonic() + self._seconds
        left = dict.fromkeys(("connect", "read", "write", "pool"), self._seconds)
        try:
            with (
                httpcore.ConnectionPool(
                    ssl_context=self._context(verify), network_backend=_Timed(FencedBackend(fence), end)
                ) as pool,
                pool.stream(
                    "POST", url, headers=list(headers.items()), content=body.encode(), extensions={"timeout": left}
                ) as answer,
            ):
                said = b""
                for part in answer.iter_stream():
                    said += part
                    if len(said) >= _SHOWN:
                        break
                return Outcome(status=answer.status, body=said[:_SHOWN].decode("utf-8", "replace"))
        except httpcore.TimeoutException:
            return Outcome(problem=f"it did not answer in {self._seconds:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError) as problem:
            return Outcome(problem=f"it cannot be reached: {problem or type(problem).__name__}")

    def _context(self, verify: bool) -> ssl.SSLContext:
        with self._lock:
            context = self._contexts.get(verify)
            if context is None:
                context = self._contexts[verify] = ssl.create_default_context()
                if not verify:
                    context.check_hostname = False
                    context.verify_mode = ssl.CERT_NONE
        return context


class _Timed(httpcore.NetworkBackend):
    """A backend whose connections end at a moment: who sends a byte now and then keeps nobody waiting."""

    def __init__(self, backend: httpcore.NetworkBackend, end: float) -> None:
        self._backend = backend
        self._end = end

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """As the backend's, in what is left of the time."""
        stream = self._backend.connect_tcp(host, port, _left(self._end, timeout), local_address, socket_options)
        return _TimedStream(stream, self._end)


class _TimedStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, end: float) -> None:
        self._stream = stream
        self._end = end

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._end, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._end, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, _left(self._end, timeout))
        return _TimedStream(stream, self._end)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(end: float, timeout: float | None) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("The time is over.")
    return left if timeout is None else min(left, timeout)

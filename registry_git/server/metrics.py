"""What Prometheus is told. Each server has a registry of its own, so that two in one process do not mix."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters and histograms of one server. `route` is a route's template, never what a caller wrote."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)
        self.requests = Counter(
            "registry_git_requests", "Requests.", ("method", "route", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "registry_git_request_seconds",
            "Time to answer.",
            ("method", "route"),
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.batches = Histogram(
            "registry_git_write_batch_size",
            "Writes published together.",
            registry=self._registry,
            buckets=(1, 2, 4, 8, 16, 32, 64),
        )
        self.write_seconds = Histogram(
            "registry_git_write_seconds",
            "Time to publish a batch of writes.",
            registry=self._registry,
            buckets=_SECONDS,
        )
        self.fetches = Counter("registry_git_fetches", "Looks at the remote.", ("outcome",), registry=self._registry)
        self.fetched = Gauge(
            "registry_git_last_fetch_timestamp_seconds", "When the remote was last seen.", registry=self._registry
        )
        self.webhook_deliveries = Counter(
            "registry_git_webhook_deliveries",
            "Calls of webhooks: delivered, failed (and tried again), or dropped as the webhook was disabled.",
            ("outcome",),
            registry=self._registry,
        )
        for outcome in ("delivered", "failed", "dropped"):
            self.webhook_deliveries.labels(outcome)
        self.webhooks_waiting = Gauge(
            "registry_git_webhook_waiting", "Deliveries that wait, at most 1,000 of a webhook.", registry=self._registry
        )

        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def wrote(self, plans: int, seconds: float) -> None:
        """A batch of writes was published, or failed."""
        self.batches.observe(plans)
        self.write_seconds.observe(seconds)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        known = self._answered.get((method, route, status))
        if known is None:  # the library takes ten times as long to find them
            known = (self.requests.labels(method, route, str(status)), self.seconds.labels(method, route))
            self._answered[method, route, status] = known
        known[0].inc()
        known[1].observe(seconds)

    def text(self) -> bytes:
        """All of it in Prometheus' text format."""
        return generate_latest(self._registry)

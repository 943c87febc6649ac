"""What a server counts, in Prometheus' text format."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
BATCHES = (1, 2, 4, 8, 16, 32)
OUTCOMES = ("answered", "refused", "limited", "failed")
"""Of a request: answered; not understood; too many a second; the policy failed."""
REJECTIONS = ("token", "clients", "path")
"""Of a connection: wrong or no token; too many clients; no such path."""


class Metrics:
    """Counters of one server, in a registry of their own."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.clients = Gauge("vla_serve_clients", "Clients that are connected", registry=registry)
        self.requests = Counter("vla_serve_requests", "Requests by outcome", ["outcome"], registry=registry)
        self.rejections = Counter("vla_serve_rejections", "Connections rejected by cause", ["cause"], registry=registry)
        self.inference = Histogram(
            "vla_serve_inference_seconds", "Duration of forward passes", buckets=SECONDS, registry=registry
        )
        self.wait = Histogram(
            "vla_serve_wait_seconds", "Time requests waited for a forward pass", buckets=SECONDS, registry=registry
        )
        self.batch = Histogram(
            "vla_serve_batch_size", "Requests answered by one forward pass", buckets=BATCHES, registry=registry
        )
        for outcome in OUTCOMES:
            self.requests.labels(outcome)
        for cause in REJECTIONS:
            self.rejections.labels(cause)

    def text(self) -> str:
        """Return all values in Prometheus' text format."""
        return generate_latest(self._registry).decode()

    def value(self, name: str, **labels: str) -> float:
        """Return one value, e.g. ``value("vla_serve_requests_total", outcome="answered")``."""
        return self._registry.get_sample_value(name, labels) or 0.0

"""What operators see: Prometheus metrics and one JSON line per request."""

from __future__ import annotations

import logging
import os
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
from prometheus_client import REGISTRY as PROCESS
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

REQUESTS = Counter(
    "matricula_requests", "Requests answered.", ("target", "endpoint", "method", "status")
)
REQUEST_SECONDS = Histogram("matricula_request_seconds", "Time to answer.", ("target", "method"))
UPSTREAM_CALLS = Counter(
    "matricula_upstream_calls", "Calls to the LMS.", ("target", "call", "outcome")
)
UPSTREAM_SECONDS = Histogram("matricula_upstream_seconds", "Time of LMS calls.", ("target",))
BREAKER_OPEN = Gauge(
    "matricula_breaker_open",
    "1 while calls to the LMS are refused after failures.",
    ("target",),
    multiprocess_mode="max",
)
AUDIT_EVENTS = Counter(
    "matricula_audit_events", "Audit events.", ("target", "operation", "outcome")
)
IGNORED = Counter(
    "matricula_ignored_attributes", "Attributes that the target cannot hold.", ("target",)
)

JOB_RUNS = Counter("matricula_job_runs", "Runs of jobs that ended, or failed.", ("job", "state"))
STREAM_DELIVERIES = Counter(
    "matricula_stream_deliveries", "Deliveries of audit events.", ("stream", "outcome")
)


def observe_call(target: str, call: str, outcome: str, seconds: float, is_open: bool) -> None:
    """Count one call to an LMS."""
    UPSTREAM_CALLS.labels(target, call, outcome).inc()
    UPSTREAM_SECONDS.labels(target).observe(seconds)
    BREAKER_OPEN.labels(target).set(is_open)


def observe_write(target: str, operation: str, outcome: str, ignored: int) -> None:
    """Count one audit event and the attributes that were left out."""
    AUDIT_EVENTS.labels(target, operation, outcome).inc()
    if ignored:
        IGNORED.labels(target).inc(ignored)


def observe_delivery(stream: str, outcome: str) -> None:
    """Count one try to deliver an event: delivered, failed or dead."""
    STREAM_DELIVERIES.labels(stream, outcome).inc()


def observe_run(job: str, state: str) -> None:
    """Count one end of a run of a job, or one try that has failed."""
    JOB_RUNS.labels(job, state).inc()


def metrics() -> bytes:
    """Return all metrics in Prometheus' text form, of all workers where there are several."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return generate_latest(PROCESS)
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


class JsonFormatter(logging.Formatter):
    """One JSON object per line; what stands in `extra={"fields": ...}` becomes entries."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(entry, default=str).decode()


def log_as_json(level: int = logging.INFO) -> None:
    """Send the project's logs to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    for name in ("gateway", "connectors", "schemas"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(level)
        logger.propagate = False

"""The Flask application: targets, store and blueprints put together."""

from __future__ import annotations

import atexit
import logging
import os
import re
import uuid
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException

from connectors import http
from gateway import telemetry
from gateway.auth import Authenticator
from gateway.background import Background
from gateway.console import ConsoleServices, make_console
from gateway.database import Database
from gateway.exchange import answer, error_answer, http_error_answer
from gateway.health import OK, Health
from gateway.integrations import Consents, make_integrations
from gateway.jobs.desk import Desk
from gateway.jobs.store import Store
from gateway.keyring import keyring
from gateway.ledger.sealer import SEAL_SECONDS
from gateway.overall import make_overall
from gateway.references import ConfigurationError
from gateway.resources import make_blueprint
from gateway.services import make_services
from gateway.settings import Settings, load
from gateway.settling import SETTLE_SECONDS
from gateway.sync.forecast import Meter
from gateway.targets import Target
from gateway.tokens import Tokens
from schemas.errors import ScimError

MAX_BODY = 8 * 2**20

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))

log = logging.getLogger(__name__)


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application of the settings, by default those of MATRICULA_CONFIG.

    Settles what earlier processes left open before it answers the first request, but for writes
    whose call may still be on its way: those are settled in the background.
    """
    if settings is None:
        path = os.environ.get("MATRICULA_CONFIG")
        if not path:
            raise ConfigurationError("MATRICULA_CONFIG does not name a configuration file")
        settings = load(Path(path))
        telemetry.log_as_json()
    app = Flask("matricula", static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY
    database = Database(settings.database)
    keys = keyring(settings)
    database.migrate(keys)
    meter = Meter()
    # Only jobs make plans here, with a forecast out of what calls have taken.
    observe = partial(_observe_call, meter) if settings.jobs else telemetry.observe_call
    services = make_services(settings, database, keys, observe)
    ledger, targets, audit = services.ledger, services.targets, services.audit
    reader, writer = services.reader, services.writer
    desk = Desk(settings, Store(database), audit)
    consents = Consents(targets, keys, audit)
    app.extensions["matricula"] = {
        "database": database,
        "targets": targets,
        "audit": audit,
        "ledger": ledger,
        "consents": consents,
        "desk": desk,
        "services": services,
    }
    tokens, health = Tokens(database), Health(audit)
    authenticator = Authenticator(tokens, settings.security, audit)
    app.register_blueprint(
        make_blueprint(targets, authenticator, reader, writer, audit, desk, settings.public_url)
    )
    app.register_blueprint(make_overall(targets, authenticator, reader, audit, settings.public_url))
    app.register_blueprint(make_integrations(consents))
    settler = services.settler
    background = [
        Background("seal", database, ledger.sealer.step, SEAL_SECONDS),
        Background("settle", database, partial(settler.settle_left, targets), SETTLE_SECONDS),
    ]
    if settings.streams:
        # Only here: the library for tokens costs workers memory and start-up time.
        from gateway.streams.serving import add_streams

        key = ledger.keys.signing
        background += add_streams(app, settings, database, audit, key, authenticator)
    if settings.jobs:
        # Only here: what syncs and exports costs workers memory and start-up time.
        from gateway.jobs.working import make_worker, workers

        worker = make_worker(
            services,
            desk,
            meter,
            lambda target: partial(telemetry.observe_write, target),
            telemetry.observe_run,
        )
        background += workers(worker, database)
    app.extensions["matricula"]["background"] = background
    shown = ConsoleServices(
        targets,
        tokens,
        authenticator,
        reader,
        audit,
        services.guard,
        services.pauses,
        desk,
        ledger.prover,
        keys,
        health,
        settings.public_url,
        settings.version,
    )
    app.register_blueprint(make_console(shown))
    _add_health(app, database, targets, health)
    _add_errors(app)
    _add_request_log(app)
    for target in targets.values():
        if not target.connector.lasting:
            services.tombstones.clear(target.name)
    settler.settle_all(targets, patience=0)
    return app


def _observe_call(meter: Meter, *call: Any) -> None:
    telemetry.observe_call(*call)
    meter(*call)


def start_background(app: Flask) -> None:
    """Let the application do its work in the background until the process ends."""
    for work in app.extensions["matricula"]["background"]:
        work.start()
        atexit.register(work.stop)


def _add_errors(app: Flask) -> None:
    app.register_error_handler(ScimError, error_answer)
    app.register_error_handler(HTTPException, http_error_answer)

    @app.errorhandler(Exception)
    def internal(error: Exception) -> Response:
        log.exception("request failed", extra={"fields": {"request_id": g.get("request_id")}})
        return error_answer(ScimError(500, "Internal error; the log has the details."))


def _add_request_log(app: Flask) -> None:
    @app.before_request
    def begin() -> None:
        g.started = perf_counter()
        given = request.headers.get("X-Request-ID", "")
        g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        http.request_id.set(g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        seconds = perf_counter() - g.get("started", perf_counter())
        target = g.get("target")
        name = target.name if target else ""
        endpoint = request.endpoint or ""
        method = request.method if request.method in _METHODS else "other"
        telemetry.REQUESTS.labels(name, endpoint, method, response.status_code).inc()
        telemetry.REQUEST_SECONDS.labels(name, method).observe(seconds)
        response.headers["X-Request-ID"] = g.get("request_id", "")
        token = g.get("token")
        log.info(
            "request",
            extra={
                "fields": {
                    "request_id": g.get("request_id"),
                    "target": name,
                    "method": request.method,
                    "path": request.path,
                    "status": response.status_code,
                    "ms": round(seconds * 1000, 2),
                    "actor": token.name if token else None,
                    "client": request.remote_addr,
                }
            },
        )
        return response


def _add_health(app: Flask, database: Database, targets: dict[str, Target], lmss: Health) -> None:
    @app.get("/health")
    def health() -> Response:
        return answer({"status": "ok"})

    @app.get("/ready")
    def ready() -> Response:
        try:
            with database.read():
                store = "ok"
        except Exception:
            log.exception("the database does not answer")
            store = "The database does not answer."
        states = {name: lmss.state(target) for name, target in targets.items()}
        parts = {"database": store, "audit": lmss.of_audit()}
        good = all(known == OK for known in (*parts.values(), *states.values()))
        body = {"status": "ready" if good else "not ready", **parts, "targets": states}
        return answer(body, 200 if good else 503)

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(telemetry.metrics(), content_type="text/plain; version=0.0.4")

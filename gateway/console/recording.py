"""What people do in the console stands in the audit log, or it is not done."""

from __future__ import annotations

import logging

from flask import g, request

from gateway.console.services import PLACE, ConsoleServices
from gateway.intents import Intent, login_in, names_in
from gateway.tokens import Token
from schemas.errors import ScimError
from schemas.filters import Filter

log = logging.getLogger(__name__)


def record(
    services: ConsoleServices,
    operation: str,
    resource_type: str = "AuditEvent",
    *,
    actor: Token | None = None,
    login: str | None = None,
    resource_id: str | None = None,
    filter: Filter | None = None,
    refusal: str | None = None,
) -> None:
    """Write down what the actor, by default who is signed in, is about to do or see.

    `login` is what is looked for, by default that of the filter. Of a filter else only the names
    are kept, for its values may be personal. Raises 503 when it cannot be written.
    """
    intent = Intent(
        target=PLACE.name,
        operation=operation,
        resource_type=resource_type,
        resource_id=resource_id,
        login=login or login_in(filter),
        actor=(actor or g.token).name,
        client_address=request.remote_addr,
        client=request.user_agent.string[:200],
        request_id=g.request_id,
        configuration=services.configuration,
    )
    outcome, status = ("refused", 403) if refusal else ("success", 200)
    try:
        services.audit.record(intent, outcome, status=status, detail=refusal or names_in(filter))
    except Exception as error:
        log.exception("what a person did in the console could not be recorded")
        raise ScimError(
            503, "What is done here is written down first, and that failed. Try again later."
        ) from error

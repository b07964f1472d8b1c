"""The floor: a bare Flask application with one pooled httpx call, no token check, no audit."""

from __future__ import annotations

import os

import httpx
from flask import Flask, Response

application = Flask("floor", static_folder=None)
_client = httpx.Client(
    base_url=os.environ.get("FLOOR_UPSTREAM", "http://127.0.0.1:1"),
    limits=httpx.Limits(max_connections=64, max_keepalive_connections=64, keepalive_expiry=60),
)
_HEADERS = {"Content-Type": "application/x-www-form-urlencoded"}
_BODY = b"wsfunction=core_user_get_users_by_field&field=id&values%5B0%5D="


@application.get("/users/<id>")
def get(id: str) -> Response:
    """Fetch one account and hand it on as it came."""
    answer = _client.post("/", content=_BODY + id.encode(), headers=_HEADERS)
    return Response(answer.content, content_type="application/json")

"""The HTTP side: Moodle's two addresses, and its answers when it does not get as far as a call."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from connectors.moodle.simulator.errors import MoodleError
from connectors.moodle.simulator.forms import PhpArray, collect_fields, parse_form
from connectors.moodle.simulator.replies import (
    JSON_TYPE,
    XML_TYPE,
    write_json,
    write_xml,
    write_xml_error,
)
from connectors.moodle.simulator.site import Site
from connectors.moodle.simulator.webservice import call, log_in, read_request

MAX_URL = 8190
HTML_TYPE = "text/html; charset=utf-8"

_MAINTENANCE_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>{name} under maintenance</title></head>\n"
    "<body><p>The site is under maintenance.</p></body></html>\n"
)


def make_server(site: Site) -> Blueprint:
    """Return the routes of a Moodle site."""
    server = Blueprint("moodle", __name__)

    @server.before_app_request
    def refuse() -> Response | None:
        """Answer what the web server answers before Moodle runs."""
        if len(request.path) + len(request.query_string) > MAX_URL:
            return Response("<html><body>URI too long</body></html>\n", 414, mimetype="text/html")
        if site.settings.maintenance == "offline" and not request.path.startswith("/_simulator"):
            page = _MAINTENANCE_PAGE.format(name=site.settings.site_name)
            return Response(page, 503, content_type=HTML_TYPE)
        return None

    @server.app_errorhandler(404)
    def not_found(error: Exception) -> Response:
        return Response("File not found.\n", 404, content_type="text/html; charset=UTF-8")

    @server.route("/webservice/rest/server.php", methods=["GET", "POST"])
    def rest() -> Response:
        """Answer one web-service call."""
        if not (site.settings.web_services and site.settings.rest_protocol):
            return Response("", 403, content_type=HTML_TYPE)
        asked = read_request(_read_query(site), _read_body(site))
        debug = site.settings.debug
        try:
            reply = call(site, asked)
        except MoodleError as error:
            if asked.json:
                return Response(write_json(error.as_object(debug)), content_type=JSON_TYPE)
            return Response(write_xml_error(error, debug), content_type=XML_TYPE)
        if asked.json:
            return Response(write_json(reply), content_type=JSON_TYPE)
        return Response(write_xml(reply), content_type=XML_TYPE)

    @server.route("/login/token.php", methods=["GET", "POST"])
    def token() -> Response:
        """Answer the test of a login name, a password and a service's short name."""
        fields: dict[str, Any] = {**_read_query(site), **_read_body(site)}
        answer: dict[str, str | None]
        try:
            answer = log_in(
                site,
                str(fields.get("username", "")),
                str(fields.get("password", "")),
                str(fields.get("service", "")),
            )
        except MoodleError as error:
            answer = {
                "error": error.message,
                "errorcode": error.errorcode,
                "stacktrace": None,
                "debuginfo": None,
                "reproductionlink": None,
            }
        return Response(write_json(answer), content_type="application/json; charset=utf-8")

    return server


def _read_query(site: Site) -> PhpArray:
    return parse_form(request.query_string, site.settings.max_input_vars)


def _read_body(site: Site) -> PhpArray:
    """Return the form fields; PHP throws the whole body away when it is above its limit."""
    limit = site.settings.max_input_vars
    if request.mimetype == "multipart/form-data":
        too_large = (request.content_length or 0) > site.settings.post_max_size
        return PhpArray() if too_large else collect_fields(request.form.items(multi=True), limit)
    data = request.get_data(cache=False)
    if len(data) > site.settings.post_max_size:
        return PhpArray()
    if request.method != "POST" or request.mimetype != "application/x-www-form-urlencoded":
        return PhpArray()
    return parse_form(data, limit)

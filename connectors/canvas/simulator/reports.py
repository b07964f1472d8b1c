"""Reports of the account, which are done after some reads, and the download of their files."""

from __future__ import annotations

import io
import secrets
import zipfile
from datetime import UTC, datetime
from typing import Any

from connectors.canvas.simulator import permissions
from connectors.canvas.simulator.calls import Answer, Call, Json
from connectors.canvas.simulator.clock import write_time
from connectors.canvas.simulator.csvfiles import FILES
from connectors.canvas.simulator.errors import not_found
from connectors.canvas.simulator.ids import find_account, read_number
from connectors.canvas.simulator.listing import answer_page
from connectors.canvas.simulator.params import Params
from connectors.canvas.simulator.records import Report
from connectors.canvas.simulator.site import Site

PROVISIONING = "provisioning_csv"
_TITLES = {PROVISIONING: "Provisioning"}
_FILE = 8800


def show_report(call: Call, report: Report) -> Json:
    """Return a report as answers show it; one that is complete has its file."""
    done = report.status == "complete"
    ended = write_time(report.ended_at)
    progress = {"created": 0, "running": 50}.get(report.status, 100)
    body: Json = {
        "id": report.id,
        "progress": progress,
        "parameters": report.parameters,
        "current_line": report.lines,
        "status": report.status,
        "report": report.kind,
        "created_at": write_time(report.created_at),
        "started_at": write_time(report.created_at) if report.polls else None,
        "ended_at": ended,
        "file_url": None,
    }
    if not done:
        return body
    number = _FILE + report.id
    query = f"download_frd=1&verifier={report.verifier}"
    body["file_url"] = f"{call.base}/accounts/{report.account_id}/files/{number}/download"
    body["attachment"] = {
        "id": number,
        "uuid": report.verifier,
        "folder_id": None,
        "display_name": report.filename,
        "filename": report.filename,
        "upload_status": "success",
        "content-type": report.content_type,
        "url": f"{call.base}/files/{number}/download?{query}",
        "size": len(report.content),
        "created_at": ended,
        "updated_at": ended,
        "locked": False,
        "hidden": False,
        "mime_class": "file",
    }
    return body


def list_reports(call: Call, slot: str) -> Answer:
    """Return the catalogue of reports, each with the last one that was made."""
    account = find_account(call, slot)
    call.require(permissions.READ_REPORTS)
    rows = []
    for kind, title in _TITLES.items():
        parameters = {name: {"required": False, "description": name} for name in FILES}
        made = [row for row in call.site.reports.values() if row.account_id == account.id]
        last = show_report(call, made[-1]) if made else None
        body = {"report": kind, "title": title, "parameters": parameters, "last_run": last}
        rows.append(body)
    return Answer(rows)


def list_made(call: Call, slot: str, kind: str) -> Answer:
    """Return the reports of a kind, newest first."""
    account = find_account(call, slot)
    _check(call, kind)
    rows = [
        row
        for row in call.site.reports.values()
        if row.account_id == account.id and row.status != "deleted"
    ]
    return answer_page(call, rows[::-1], lambda row: show_report(call, row))


def start_report(call: Call, slot: str, kind: str) -> Answer:
    """Start a report."""
    account = find_account(call, slot)
    _check(call, kind)
    given = call.params.sub("parameters")
    parameters: dict[str, Any] = {name: given.raw(name) for name in given}
    number, verifier = call.site.reports.take_id(), secrets.token_urlsafe(16)
    report = Report(number, account.id, kind, parameters, call.now, verifier)
    return Answer(show_report(call, call.site.reports.put(report)))


def get_report(call: Call, slot: str, kind: str, number: str) -> Answer:
    """Return a report, which every read brings nearer to its end."""
    report = _find(call, slot, kind, number)
    if report.status in ("created", "running"):
        _advance(call, report)
    return Answer(show_report(call, report))


def delete_report(call: Call, slot: str, kind: str, number: str) -> Answer:
    """Delete a report."""
    report = _find(call, slot, kind, number)
    report.status = "deleted"
    return Answer(show_report(call, report))


def _find(call: Call, slot: str, kind: str, number: str) -> Report:
    account = find_account(call, slot)
    _check(call, kind)
    report = call.site.reports.get(read_number(number) or 0)
    if report is None or report.account_id != account.id or report.status == "deleted":
        raise not_found()
    return report


def _check(call: Call, kind: str) -> None:
    if kind not in _TITLES:
        raise not_found()
    call.require(permissions.READ_REPORTS)


def _advance(call: Call, report: Report) -> None:
    settings = call.site.settings
    report.polls += 1
    report.status = "running"
    if report.polls < settings.report_polls:
        return
    report.status, report.ended_at = settings.report_result, call.now
    if report.status == "complete":
        _write(call.site, report)


def _write(site: Site, report: Report) -> None:
    given = Params(report.parameters)
    deleted = given.flag("include_deleted")
    files = {name: write(site, deleted) for name, write in FILES.items() if given.flag(name)}
    day = datetime.fromtimestamp(report.created_at, UTC).strftime("%d_%b_%Y")
    stem = f"{report.kind}_{day}_{report.id}"
    report.lines = sum(content.count("\n") for content in files.values())
    if len(files) == 1:
        report.filename, report.content_type = f"{stem}.csv", "text/csv"
        report.content = next(iter(files.values())).encode()
        return
    report.filename, report.content_type = f"{stem}.zip", "application/zip"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"{name}.csv", content)
    report.content = packed.getvalue()


def find_file(site: Site, number: int, verifier: str) -> Report | None:
    """Return the complete report that a file belongs to, if the key is the file's."""
    report = site.reports.get(number - _FILE)
    if report is None or report.status != "complete":
        return None
    return report if secrets.compare_digest(report.verifier, verifier) else None

"""The console in a real Chromium: as people see it, by keyboard, on paper, in both palettes."""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update
from werkzeug.serving import make_server

from gateway.intents import Intent
from gateway.tables import events
from tests.gateway.console.test_jobs import JOBS, put, work
from tests.gateway.service import TOKEN, Scim, Service, make_service

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTH = 320
"""Pixels of the narrowest window that a page must fit (WCAG 2.2, 1.4.10)."""

SHOTS = os.environ.get("MATRICULA_SCREENSHOTS")
"""A folder for pictures of every page, for those who work on them."""
TAMPERED = 2
"""The event that somebody has changed in the database."""

PATHS = (
    *("/", "/accounts?q=ann", "/timeline?login=ann&as_of=2100-01-01T00:00", "/events"),
    *("/targets/moodle", "/timeline", "/events?filter=nonsense", "/nowhere"),
    *(f"/events/{TAMPERED - 1}", f"/events/{TAMPERED}", "/events?actor=intruder"),
    *("/jobs", "/jobs/people", "/jobs/people/runs/1"),
)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
"""What axe-core checks, by its own names."""

AXE = {
    "light": {"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]},
    # Colours are all that is different.
    "dark": {"runOnly": ["color-contrast"], "resultTypes": ["violations"]},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a gateway on this machine in which something has happened."""
    folder = tmp_path_factory.mktemp("console")
    service = make_service(folder, users=30, jobs=JOBS)
    put(folder, "ann", "bob", given="Anna", more=("",))
    _live(service)
    server = make_server("127.0.0.1", 0, service.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/console"
    server.shutdown()
    thread.join()
    server.server_close()
    service.close()


def _live(service: Service) -> None:
    for name in ("moodle", "canvas", "brightspace", "memory"):
        if name not in service.app.extensions["matricula"]["targets"]:
            continue
        scim = Scim(service, name)
        id = scim.add("ann", externalId="E-1001")
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "externalId", "value": "E-2002"},
                   headers={"User-Agent": "okta-scim/1.0"})  # fmt: skip
        scim.patch(f"/Users/{id}", {"op": "replace", "path": "name.familyName", "value": "Smith"})
        scim.post("/Users", {"userName": "ann"})
    moodle = Scim(service, "moodle")
    moodle.post(f"/Users/{id_of(moodle)}/.resetPassword", {"password": "A-new-word-1!"})
    moodle.post(f"/Users/{id_of(moodle)}/.disable")
    for number in range(30):
        Scim(service, "memory").add(f"student{number:02}")
    parts = service.app.extensions["matricula"]
    for name in JOBS:
        parts["desk"].run(name, Intent("", "run", "Job", actor="tester"))
    work(service)
    parts["ledger"].sealer.finish()
    with parts["database"].write() as connection:
        row = events.c.sequence == TAMPERED
        connection.execute(update(events).where(row).values(actor="intruder"))


def id_of(scim: Scim) -> str:
    found = scim.get("/Users", filter='userName eq "ann"').json["Resources"]
    return str(found[0]["id"])


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give Debian's Chromium, without a window."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # As root Chromium starts only without its sandbox; it sees nothing but our own pages.
        made = started.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield made
        made.close()


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """Give a page of a browser that runs no JavaScript of sites, and complains of nothing."""
    context = browser.new_context(java_script_enabled=False, base_url=site)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("console", lambda message: complaints.append(message.text))
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    yield opened
    context.close()
    # What the policy blocks would be told here, beside what is meant: a status, a hint on forms.
    told = [text for text in complaints if "status of" not in text and "[DOM]" not in text]
    assert told == []


def sign_in(page: Page, site: str) -> None:
    page.goto(f"{site}/sign-in")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def test_from_the_sign_in_to_a_timeline(page: Page, site: str) -> None:
    sign_in(page, site)
    assert page.get_by_role("heading", level=1).inner_text() == "Overview"
    page.get_by_role("link", name="Accounts").click()
    page.get_by_label("Login, external id or e-mail address").fill("ann")
    page.keyboard.press("Enter")
    beside = page.get_by_role("region", name="Accounts side by side")
    beside.get_by_role("link", name="All platforms of ann, from moodle").click()
    assert "ann" in page.get_by_role("heading", level=1).inner_text()
    event = page.get_by_role("article", name="Disable ann in moodle")
    cells = event.get_by_role("cell").all_inner_texts()
    assert [cell.strip() for cell in cells] == ["true", "false"]
    page.get_by_label("Operation").select_option("resetPassword")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("its value is not kept").wait_for()
    assert page.get_by_role("article").count() == 1
    page.get_by_label("Values as of (UTC)").fill("2100-01-01T00:00")
    page.get_by_role("button", name="Show").click()
    page.get_by_role("table", name=re.compile("Values of moodle")).wait_for()
    event = page.get_by_role("article").first
    event.get_by_text("Circumstances").click()
    assert event.get_by_text("calls to the LMS").is_visible()
    with page.expect_download() as caught:
        page.get_by_role("link", name="CSV").click()
    assert caught.value.suggested_filename.endswith(".csv")
    page.get_by_role("link", name="Prove this line").first.click()
    assert "This event is what was sealed as leaf" in page.get_by_role("main").inner_text()
    with page.expect_download() as caught:
        page.get_by_role("link", name="Download the proof").click()
    assert re.fullmatch(r"matricula-event-\d+\.jsonl", caught.value.suggested_filename)
    page.get_by_role("button", name="Sign out").click()
    assert page.url.endswith("/console/sign-in")
    page.go_back()
    page.goto(f"{site}/events")
    assert "/sign-in" in page.url


def test_paging_by_links(page: Page, site: str) -> None:
    sign_in(page, site)
    page.goto(f"{site}/events?operation=create")
    # Not its text, which is read otherwise as long as the page has no style yet.
    newest = page.get_by_role("article").first.get_attribute("id")
    page.get_by_role("link", name="Older").click()
    page.wait_for_url("**page=2")
    assert page.get_by_role("article").first.get_attribute("id") != newest
    page.get_by_role("link", name="Newer").click()
    page.wait_for_url("**page=1")
    assert page.get_by_role("article").first.get_attribute("id") == newest


# What follows looks into pages, for which the browser must be allowed scripts: the tests' own.


@pytest.fixture
def looker(browser: Browser, site: str) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1200, "height": 800})
    context.set_default_timeout(20_000)
    opened = context.new_page()
    sign_in(opened, site)
    yield opened
    context.close()


def test_the_keyboard_reaches_everything_and_shows_where_it_is(looker: Page, site: str) -> None:
    looker.goto(f"{site}/timeline?login=ann")
    looker.keyboard.press("Tab")
    assert looker.evaluate("document.activeElement.textContent") == "Skip to the content"
    assert looker.evaluate("document.activeElement.getBoundingClientRect().top") >= -64
    seen = []
    for _ in range(40):
        looker.keyboard.press("Tab")
        seen.append(looker.evaluate(FOCUS))
    unseen = [entry for entry in seen if entry[1] < 2 or entry[2] != "solid"]
    assert unseen == []
    reached = " ".join(name for name, _, _ in seen)
    for wanted in ("Matricula", "Accounts", "Sign out", "operation", "as_of", "Show"):
        assert wanted in reached, wanted
    looker.goto(f"{site}/timeline?login=ann")
    looker.keyboard.press("Tab")
    looker.keyboard.press("Enter")
    assert looker.evaluate("document.activeElement.id") == "main"


FOCUS = """() => {
  const at = document.activeElement, style = getComputedStyle(at);
  return [at.id || at.textContent.trim(), parseFloat(style.outlineWidth), style.outlineStyle];
}"""

CHECK = """() => {
  const problems = [], shown = (e) => e.getClientRects().length > 0;
  const text = (e) => (e.textContent || '').trim();
  for (const e of document.querySelectorAll('a, button'))
    if (!text(e) && !e.getAttribute('aria-label')) problems.push('no name: ' + e.outerHTML);
  for (const e of document.querySelectorAll('input:not([type=hidden]), select'))
    if (!e.labels.length || !text(e.labels[0])) problems.push('no label: ' + e.outerHTML);
  let level = 0;
  for (const e of document.querySelectorAll('h1, h2, h3, h4, h5, h6')) {
    const found = Number(e.tagName[1]);
    if (found > level + 1) problems.push('heading skips a level: ' + text(e));
    level = found;
  }
  if (document.querySelectorAll('h1').length !== 1) problems.push('not one h1');
  for (const e of document.querySelectorAll('table'))
    if (!e.querySelector('thead th[scope=col]') || !e.querySelector('tbody th[scope=row]'))
      problems.push('table without scopes');
  for (const e of document.querySelectorAll('button, nav a, input:not([type=hidden]), select'))
    if (shown(e) && e.getBoundingClientRect().height < 24) problems.push('small: ' + e.outerHTML);
  if (document.scripts.length) problems.push('a script');
  if (document.querySelectorAll('[style]').length) problems.push('an inline style');
  const width = document.documentElement;
  if (width.scrollWidth > width.clientWidth + 1)
    problems.push('wider than the window: ' + width.scrollWidth);
  return problems;
}"""

CONTRAST = """() => {
  const rgb = (c) => c.match(/[\\d.]+/g).map(Number);
  const light = (c) => {
    const [r, g, b] = c.slice(0, 3).map((v) => v / 255)
      .map((v) => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (e) => {
    for (; e; e = e.parentElement) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length < 4 || c[3] > 0) return c;
    }
    return [255, 255, 255];
  };
  const problems = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !e.getClientRects().length) continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) problems.push(ratio.toFixed(2) + ' ' + walker.currentNode.data.trim());
  }
  return problems;
}"""


@pytest.mark.parametrize(
    ("look", "options"),
    [
        ("light", {"color_scheme": "light"}),
        ("dark", {"color_scheme": "dark"}),
        ("print", {"media": "print"}),
    ],
)
def test_pages_can_be_read(looker: Page, site: str, look: str, options: dict[str, Any]) -> None:
    looker.emulate_media(**options)
    for path in PATHS:
        looker.goto(site + path)
        assert looker.evaluate(CHECK) == [], path
        assert looker.evaluate(CONTRAST) == [], path
        shot(looker, f"{look}{re.sub(r'[^a-z0-9]+', '-', path)}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, site: str, scheme: Any) -> None:
    axe = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    ).Axe()
    # The checker is a script in the page, which the pages' own policy forbids.
    context = browser.new_context(bypass_csp=True, color_scheme=scheme)
    context.set_default_timeout(20_000)
    opened = context.new_page()
    opened.goto(f"{site}/sign-in")
    pages = [("/sign-in", axe.run(opened, options=AXE[scheme]))]
    sign_in(opened, site)
    # The dark colours are the same on all pages: every second one tells.
    for path in PATHS if scheme == "light" else PATHS[::2]:
        opened.goto(site + path)
        for closed in opened.locator("summary").all()[:1]:
            closed.click()
        pages.append((path, axe.run(opened, options=AXE[scheme])))
    context.close()
    found = [
        (path, problem["id"], node["html"])
        for path, results in pages
        for problem in results.response["violations"]
        for node in problem["nodes"]
    ]
    assert found == []
    least = 10 if scheme == "light" else 0
    assert all(len(results.response["passes"]) > least for _, results in pages)


def test_pages_fit_a_telephone(looker: Page, site: str) -> None:
    looker.set_viewport_size({"width": WIDTH, "height": 640})
    for path in PATHS:
        looker.goto(site + path)
        assert looker.evaluate(CHECK) == [], path
        shot(looker, f"narrow{re.sub(r'[^a-z0-9]+', '-', path)}")


def test_paper_shows_the_events_and_no_forms(looker: Page, site: str) -> None:
    looker.goto(f"{site}/timeline?login=ann")
    looker.emulate_media(media="print")
    assert looker.get_by_role("article").first.is_visible()
    for hidden in ("nav", "form.chooser", ".download"):
        assert not looker.locator(hidden).first.is_visible(), hidden
    assert "Shown to tester" in looker.locator("footer").inner_text()
    if SHOTS:
        looker.pdf(path=f"{SHOTS}/timeline.pdf")


def test_the_sign_in_tells_what_went_wrong(page: Page, site: str) -> None:
    page.goto(f"{site}/")
    shot(page, "light-sign-in")
    page.get_by_label("Token").fill("a-wrong-token")
    page.get_by_role("button", name="Sign in").click()
    assert "unknown" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Token").get_attribute("aria-invalid") == "true"
    shot(page, "light-sign-in-refused")

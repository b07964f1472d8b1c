"""The attribute table of a target as a file: written, put in place, reset, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from connectors.base import Options
from connectors.mapping import Mapping
from connectors.moodle.fields import user_mapping
from connectors.moodle.simulator import create_simulator
from connectors.overrides import overrides_of
from gateway import attribute_tables
from gateway.app import create_app
from gateway.attribute_tables import as_json
from gateway.cli import main
from gateway.database import Database
from gateway.references import ConfigurationError
from gateway.settings import load
from gateway.targets import CONNECTORS, make_targets
from gateway.tokens import Tokens
from schemas.attributes import ENTERPRISE
from tests.gateway.service import TOKEN, InProcess, Scim, Service, put_migrated

COUNTRY = 'addresses[type eq "work"].country'
MOODLE = {
    "studentId": "profile_field_nr",
    "nickName": "alternatename",
    "address.country": {"default": "NO"},
    "job.company": "",
    "department": "institution",
}
TABLES: dict[str, dict[str, Any]] = {
    "memory": {},
    "moodle": MOODLE,
    "canvas": {
        "externalId": "login.integration_id",
        "displayName": "",
        "locale": {"default": "nb"},
    },
    "brightspace": {
        "studentId": "OrgDefinedId",
        "externalId": "",
        "name.middle": {"native": "MiddleName", "default": "-"},
        "title": "profile.JobTitle",
    },
    "blackboard": {
        "externalId": "studentId",
        "studentId": "externalId",
        "gender": {"default": "Unknown"},
        "calendar": "",
        "active": {"default": False},
    },
}
"""For each connector what makes its mapping another one: moved, new, dropped, with defaults."""


class Project:
    """A folder with a configuration: two targets of one kind, with tables in files."""

    def __init__(self, folder: Path, kind: str = "moodle", token: str = "token") -> None:
        self.folder = folder
        self.config = folder / "matricula.toml"
        text = "allow_clear_secrets = true\n"
        for name in ("one", "two"):
            text += (
                f'[targets.{name}]\nconnector = "{kind}"\nurl = "http://{kind}.test"\n'
                f'allow_private_network = true\ntoken = "{token}"\nclient_id = "-"\n'
                f'client_secret = "-"\nattributes = "{name}.json"\n'
            )
            self.put(name, {})
        if kind in ("moodle", "canvas", "memory"):
            text = text.replace('client_id = "-"\nclient_secret = "-"\n', "")
        self.config.write_text(text, encoding="utf-8")
        put_migrated(folder / "matricula.db")

    def put(self, name: str, table: dict[str, Any]) -> Path:
        """Write a table as a person does, and return its file."""
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps(table), encoding="utf-8")
        return file

    def table(self, name: str) -> dict[str, Any]:
        """Return the table in the file of a target."""
        held: dict[str, Any] = json.loads((self.folder / f"{name}.json").read_bytes())
        return held

    def run(self, *arguments: str) -> Result:
        result = CliRunner().invoke(main, [*arguments, "--config", str(self.config)])
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    def ok(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """Return the one line that a command says before it fails."""
        result = self.run(*arguments)
        assert result.exit_code != 0
        line = result.stderr.strip().splitlines()[-1]
        assert line.startswith("Error: ")
        return line

    def events(self) -> list[dict[str, Any]]:
        """Return the events about tables, newest first."""
        found: list[dict[str, Any]] = json.loads(
            self.ok("audit", "search", 'resourceType eq "Mapping"', "--json")
        )
        return found

    def mapping(self, name: str) -> Mapping:
        """Return the mapping of users of a target, as the gateway has it."""
        connector = make_targets(load(self.config))[name].connector
        connector.close()
        return connector.collections["User"].mapping


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def rows(mapping: Mapping) -> list[tuple[Any, ...]]:
    """Return all that two mappings of one connector can differ in, row by row."""
    return [
        (
            *(str(row.path), row.field.native, row.field.default, row.field.required),
            *(row.field.readable, row.field.at_create, row.field.modifiable, row.field.empty),
            *(row.field.canonical, tuple(row.field.push)),
        )
        for row in mapping.rows
    ]


@pytest.mark.parametrize("kind", CONNECTORS)
def test_what_is_exported_makes_the_same_mapping_elsewhere(tmp_path: Path, kind: str) -> None:
    project = Project(tmp_path, kind)
    usual = rows(project.mapping("one"))
    project.put("one", TABLES[kind])
    wanted = rows(project.mapping("one"))
    assert (wanted == usual) == (kind == "memory")
    project.ok("mapping", "export", "one", "--out", str(tmp_path / "out.json"))
    project.ok("mapping", "import", "two", str(tmp_path / "out.json"))
    assert rows(project.mapping("two")) == wanted
    assert project.table("two") == json.loads(project.ok("mapping", "export", "one"))


PATHS = (
    *("externalId", "nickName", "title", "studentId", "department", "organization"),
    *("streetAddress2", "description", "address.city", "address.street1"),
)
NATIVES = (
    *("", "", "idnumber", "department", "institution", "address", "city", "description"),
    *("alternatename", "profile_field_a", "profile_field_b"),
)


@given(st.permutations(NATIVES), st.sets(st.sampled_from(PATHS)))
def test_any_table_survives_the_way_through_a_file(natives: list[str], filled: set[str]) -> None:
    table: dict[str, Any] = dict(zip(PATHS, natives, strict=False))
    for path in filled:
        if table[path]:
            table[path] = {"native": table[path], "default": f"of {path}"}
    usual = user_mapping(Options("x"))
    held = user_mapping(Options("x", attributes=table))
    exported = overrides_of(usual, held)
    again = user_mapping(Options("x", attributes=json.loads(as_json(exported))))
    assert rows(again) == rows(held)
    assert overrides_of(usual, again) == exported


def test_an_export_names_what_can_be_mapped_and_what_is_dropped(project: Project) -> None:
    project.put("one", {"job.company": "", COUNTRY: {"default": "NO"}, "title": "alternatename"})
    table = json.loads(project.ok("mapping", "export", "one"))
    assert table["userName"] == "username"
    assert table["active"] == {"native": "suspended", "default": True}
    assert table[f"{ENTERPRISE}:organization"] == ""
    assert table[COUNTRY] == {"native": "country", "default": "NO"}
    assert table["title"] == "alternatename"
    assert not table.keys() & {"id", "groups", "nickName"}


def test_what_include_leaves_out_is_no_part_of_the_table(project: Project) -> None:
    before = project.ok("mapping", "export", "one")
    text = project.config.read_text(encoding="utf-8")
    project.config.write_text(
        text.replace("[targets.one]", '[targets.one]\ninclude = ["userName"]'), encoding="utf-8"
    )
    assert project.ok("mapping", "export", "one") == before


def test_an_edited_table_takes_effect_on_reads_and_writes(tmp_path: Path) -> None:
    simulator = create_simulator(users=1)
    project = Project(tmp_path, token=simulator.site.token)
    table = json.loads(project.ok("mapping", "export", "one"))
    table |= {"title": "department", f"{ENTERPRISE}:department": ""}
    table[COUNTRY] = {"native": "country", "default": "NO"}
    edited = tmp_path / "edited.json"
    edited.write_text(json.dumps(table), encoding="utf-8")
    project.ok("mapping", "import", "one", str(edited))

    settings = load(project.config)
    entry = settings.targets["one"]
    options = replace(entry.options, transport=InProcess(app=simulator))
    app = create_app(replace(settings, targets={"one": replace(entry, options=options)}))
    Tokens(app.extensions["matricula"]["database"]).add(
        TOKEN, name="tester", targets=["all"], scopes=["admin"]
    )
    client = app.test_client()
    client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {TOKEN}"
    service = Service(app, client, {"moodle": simulator}, tmp_path)
    scim = Scim(service, "one")
    id = scim.add("ann", title="Dr", **{ENTERPRISE: {"department": "Physics"}})
    held = simulator.site.users[int(id)]
    assert (held.department, held.country) == ("Dr", "NO")
    read = scim.get(f"/Users/{id}").json
    assert (read["title"], ENTERPRISE in read) == ("Dr", False)
    assert scim.event["configuration"] == settings.version
    service.close()


XML = """<?xml version="1.0" encoding="{}"?>
<!-- as another product wrote it -->
<attributes>
  <attribute path="studentId" native="profile_field_nr"/>
  <attribute path="address.country" default="NO" />
  <attribute path='addresses[type eq "work"].locality' native="city" default="Tromsø"/>
  <attribute path="active" default="false"/>
  <attribute path="job.company" native=""></attribute>
</attributes>
"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_xml_is_read_and_json_is_kept(project: Project, encoding: str) -> None:
    file = project.folder / "table.xml"
    file.write_bytes(XML.format(encoding).encode(encoding))
    project.ok("mapping", "import", "one", str(file))
    assert project.table("one") == {
        "studentId": "profile_field_nr",
        "address.country": {"default": "NO"},
        'addresses[type eq "work"].locality': {"native": "city", "default": "Tromsø"},
        "active": {"default": False},
        "job.company": "",
    }


def test_a_table_with_a_byte_order_mark_is_read(project: Project) -> None:
    file = project.folder / "table.json"
    file.write_text('{"job.company": ""}', encoding="utf-8-sig")
    project.ok("mapping", "import", "one", str(file))
    assert project.table("one") == {"job.company": ""}


def test_a_kept_table_is_in_the_order_of_the_connectors_own(project: Project) -> None:
    table = {"title": "", "studentId": "profile_field_a", "department": "", "userName": "username"}
    project.ok("mapping", "import", "one", str(project.put("table", table)))
    assert list(project.table("one")) == ["userName", "department", "studentId", "title"]


def test_a_reset_leads_back_to_the_connectors_own_table(project: Project) -> None:
    project.put("one", MOODLE)
    said = project.ok("mapping", "reset", "one")
    assert "next start" in said
    assert (project.folder / "one.json").read_text(encoding="utf-8") == "{}\n"
    assert rows(project.mapping("one")) == rows(user_mapping(Options("one")))


def test_a_table_that_cannot_be_used_can_be_reset(project: Project) -> None:
    broken = {"title": "nothing", "nonsense": {"default": "x"}, "password": {"default": "hush"}}
    project.put("one", broken)
    assert "title: the LMS has no field 'nothing'" in project.refused("mapping", "export", "one")
    project.ok("mapping", "reset", "one")
    assert project.table("one") == {}
    (event,) = project.events()
    assert {change["path"] for change in event["changes"]} == broken.keys()
    assert "hush" not in json.dumps(event)


DEEP = "[" * 200_000
LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"nonsense": "idnumber"}', "nonsense"),
        ('{"title": "nonsense"}', "title: the LMS has no field 'nonsense'"),
        ('{"userName": ""}', "userName cannot be dropped"),
        ('{"id": "idnumber"}', "id cannot be mapped"),
        ('{"groups": ""}', "groups holds more than one value"),
        ('{"studentId": "idnumber"}', "idnumber cannot hold externalId and"),
        ('{"address.country": {"default": "Norway"}}', "country: the default is not one"),
        ('{"active": {"default": "false"}}', "active: the default is of the wrong type"),
        ('{"active": {"default": 0}}', "active: the default is of the wrong type"),
        ('{"department": {"default": ["x"]}}', "department: the default is of the wrong type"),
        ('{"department": {"default": ""}}', "department: the default is empty"),
        ('{"department": {"native": "", "default": "x"}}', "department would not be as"),
        ('{"job.company": "", "organization": "institution"}', "job.company would not be as"),
        ('{"department": {"native": "department", "defualt": "x"}}', "unknown setting defualt"),
        ('{"department": {"default": null}}', "'department': say the native field"),
        ('{"department": {}}', "'department': say the native field"),
        ('{"department": null}', "'department': say the native field"),
        ('{"department": 5}', "'department': say the native field"),
        ('{"department": ["department"]}', "'department': say the native field"),
        ('{"": "department"}', "the path of an attribute is missing"),
        ('{"title": "profile_field_\\ud800"}', "'title': NUL and half surrogate pairs"),
        ('{"title": "profile_field_a", "title": ""}', "'title' stands twice"),
        ('{"department": {"default": NaN}}', "NaN is no JSON"),
        ('{\n  "title": "x",\n}', "line 3"),
        ("[]", "no JSON object"),
        ("", "line 1"),
        (b'{"title": "\xe9"}', "table: 'utf-8' codec can't decode"),
        (DEEP, "nested too deeply"),
        ("<attributes><attribute", "line 1, column"),
        (LAUGHS, "a DOCTYPE is refused"),
        ("<!DOCTYPE attributes><attributes/>", "a DOCTYPE is refused"),
        ('<?xml version="1.0" encoding="x"?><a/>', "table: unknown encoding"),
        ("<a>title = x</a>", "the text 'title = x' belongs to no attribute"),
        ('<a><b native="x"/></a>', "element 1: the path of an attribute is missing"),
        ('<a><b path="title"/></a>', "'title': say the native field"),
        ('<a><b path="title" native="x" type="y"/></a>', "'title': unknown setting type"),
        ('<a><b path="title" native=""/><b path="title"/></a>', "'title' stands twice"),
        ('<a><b path="title" native=""><c/></b></a>', "'title' holds further elements"),
        ('<a><b path="nonsense" default="x"/></a>', "'nonsense' is not an attribute"),
        ('<a><b path="active" default="no"/></a>', "'active': the default 'no' is no boolean"),
        ('<a><b path="active" default="1"/></a>', "active: the default is of the wrong type"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_leaves_everything_as_it_was(
    project: Project, content: str | bytes, said: str
) -> None:
    project.put("one", {"job.company": ""})
    file = project.folder / "table"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    before = (project.folder / "one.json").read_bytes()
    assert said in project.refused("mapping", "import", "one", str(file))
    assert (project.folder / "one.json").read_bytes() == before
    assert {path.name for path in project.folder.glob("*.json")} == {"one.json", "two.json"}


def test_a_refused_table_is_no_event(project: Project) -> None:
    project.refused("mapping", "import", "one", str(project.put("table", {"userName": ""})))
    assert project.events() == []


def test_memory_takes_no_table_that_changes_anything(tmp_path: Path) -> None:
    project = Project(tmp_path, "memory")
    table = project.put("table", {"title": "nickName"})
    assert "title would not be as" in project.refused("mapping", "import", "one", str(table))


def test_a_missing_file_or_target_is_named(project: Project) -> None:
    nowhere = str(project.folder / "nowhere.json")
    assert "nowhere.json" in project.refused("mapping", "import", "one", nowhere)
    table = str(project.put("table", {}))
    for words in (("export", "three"), ("import", "three", table), ("reset", "three")):
        assert "No such target: three. Known: one, two." in project.refused("mapping", *words)
    out = str(project.folder / "nowhere" / "out.json")
    assert "No such file" in project.refused("mapping", "export", "one", "--out", out)


@pytest.mark.parametrize("section", ["", "[targets.one.attributes]\n'job.company' = ''\n"])
def test_who_has_no_file_is_told_how_to_get_one(project: Project, section: str) -> None:
    text = project.config.read_text(encoding="utf-8").replace('attributes = "one.json"\n', section)
    project.config.write_text(text, encoding="utf-8")
    table = str(project.put("table", {}))
    wanted = rows(project.mapping("one"))
    for words in (("import", "one", table), ("reset", "one")):
        said = project.refused("mapping", *words)
        assert 'attributes = "one-attributes.json" in [targets.one]' in said
    out = project.folder / "one-attributes.json"
    assert f"matricula mapping export one --out {out}`" in said
    project.ok("mapping", "export", "one", "--out", str(out))
    text = text.replace(section, "") if section else text
    text = text.replace("[targets.one]", '[targets.one]\nattributes = "one-attributes.json"')
    project.config.write_text(text, encoding="utf-8")
    assert rows(project.mapping("one")) == wanted
    project.ok("mapping", "reset", "one")


def test_an_export_never_changes_what_is_in_use(project: Project) -> None:
    (project.folder / "link.json").symlink_to("two.json")
    (project.folder / "one.json").rename(project.folder / "real.json")
    (project.folder / "one.json").symlink_to("real.json")
    for name in ("one.json", "real.json", "two.json", "link.json"):
        out = str(project.folder / name)
        assert "in use" in project.refused("mapping", "export", "one", "--out", out)
    assert project.table("one") == project.table("two") == {}


def test_an_event_says_what_has_changed(project: Project) -> None:
    project.put("one", {COUNTRY: {"default": "NO"}, "job.company": "", "title": "alternatename"})
    version = load(project.config).version
    table = {COUNTRY: {"default": "SE"}, "title": "profile_field_t", "department": ""}
    project.ok("mapping", "import", "one", str(project.put("table", table)))
    (event,) = project.events()
    assert event["target"] == "one"
    assert (event["operation"], event["outcome"]) == ("configure", "success")
    assert event["actor"]
    assert event["configuration"] == version != load(project.config).version
    native = '{{"default":"{}","native":"country"}}'
    assert event["changes"] == [
        {"path": COUNTRY, "native": "country", "op": "replace",
         "old": native.format("NO"), "new": native.format("SE")},
        {"path": f"{ENTERPRISE}:department", "native": "department", "op": "remove",
         "old": "department"},
        {"path": f"{ENTERPRISE}:organization", "native": "institution", "op": "add",
         "new": "institution"},
        {"path": "title", "native": "profile_field_t", "op": "replace",
         "old": "alternatename", "new": "profile_field_t"},
    ]  # fmt: skip
    project.ok("mapping", "reset", "one")
    again = project.events()[0]
    assert (again["operation"], len(again["changes"])) == ("configure", 3)


def test_an_import_that_changes_nothing_says_so(project: Project) -> None:
    project.put("one", {"job.company": ""})
    out = project.folder / "out.json"
    project.ok("mapping", "export", "one", "--out", str(out))
    assert "No attribute changes" in project.ok("mapping", "import", "one", str(out))
    (event,) = project.events()
    assert (event["outcome"], event.get("changes")) == ("noChange", None)


def test_a_secret_default_is_no_part_of_the_log(project: Project) -> None:
    table = project.put("table", {"password": {"default": "hush-4711"}})
    project.ok("mapping", "import", "one", str(table))
    (event,) = project.events()
    assert event["changes"][0]["path"] == "password"
    assert "hush" not in json.dumps(event)


def test_the_version_is_that_of_the_tables_too(project: Project) -> None:
    version = load(project.config).version
    project.put("one", {"job.company": ""})
    other = load(project.config).version
    assert other != version
    project.put("two", {"job.company": ""})
    assert load(project.config).version not in (version, other)
    project.put("one", {})
    project.put("two", {})
    assert load(project.config).version == version


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ('{\n"title": }', "one.json, line 2"),
        ("[]", "one.json: no JSON object"),
        ('{"title": 5}', "one.json, 'title': say the native field"),
        ("<attributes/>", "one.json, line 1"),
        ("", "one.json, line 1"),
    ],
)
def test_a_table_that_cannot_be_read_is_no_default(
    project: Project, content: str | None, said: str
) -> None:
    file = project.folder / "one.json"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(project.config)
    assert str(caught.value).startswith("targets.one.attributes: ")
    assert said in str(caught.value)
    assert str(file) in str(caught.value)


def test_a_file_keeps_its_mode_and_its_place(project: Project) -> None:
    real = project.folder / "real.json"
    (project.folder / "one.json").rename(real)
    real.chmod(0o640)
    (project.folder / "one.json").symlink_to(real)
    project.ok("mapping", "import", "one", str(project.put("table", {"job.company": ""})))
    assert (project.folder / "one.json").is_symlink()
    assert json.loads(real.read_bytes()) == {"job.company": ""}
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_file_that_cannot_be_written_is_an_event_too(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    table = str(project.put("table", {"job.company": ""}))
    with monkeypatch.context() as patch:
        patch.setattr("gateway.attribute_tables.os.replace", full)
        assert "No space left" in project.refused("mapping", "import", "one", table)
    assert project.table("one") == {}
    (event,) = project.events()
    assert event["outcome"] == "failed"
    assert "No space left" in event["detail"]
    assert sorted(path.name for path in project.folder.glob("tmp*")) == []


def test_no_change_without_a_record(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OperationalError("INSERT", {}, Exception("database or disk is full"))

    table = str(project.put("table", {"job.company": ""}))
    with monkeypatch.context() as patch:
        patch.setattr(Database, "commit", full)
        assert "cannot be written" in project.refused("mapping", "import", "one", table)
    assert project.table("one") == {}


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    ("when", "then", "outcome"),
    [
        ("before", None, "failed"),
        ("after", None, "success"),
        ("after", {"title": "alternatename"}, "unknown"),
    ],
)
def test_what_a_crash_leaves_open_is_judged_by_the_file(
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
    when: str,
    then: dict[str, Any] | None,
    outcome: str,
) -> None:
    write = attribute_tables.write

    def killed(*arguments: Any) -> None:
        if when == "after":
            write(*arguments)
        raise Killed

    table = str(project.put("table", {"job.company": ""}))
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(attribute_tables, "write", killed)
        words = ["mapping", "import", "one", table, "--config", str(project.config)]
        CliRunner().invoke(main, words, catch_exceptions=False)
    assert [event["outcome"] for event in project.events()] == ["open"]
    if then is not None:
        project.put("one", then)
    assert project.ok("audit", "recover") == "Settled: nothing was open.\n"
    project.ok("mapping", "reset", "one")
    last, crashed = project.events()
    assert (last["operation"], crashed["outcome"]) == ("configure", outcome)
    assert "crash" in crashed["detail"]


def test_two_changes_of_one_table_do_not_meet(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.mapping_commands._LOCK_SECONDS", 0.05)
    database = Database(f"sqlite:///{project.folder / 'matricula.db'}")
    with database.lock(["one/Mapping"], 1):
        assert "Another" in project.refused("mapping", "reset", "one")
        project.ok("mapping", "reset", "two")
    database.close()

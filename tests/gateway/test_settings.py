"""The configuration: every rule, and that no secret is ever repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.references import ConfigurationError
from gateway.settings import Settings, load, parse

SECRET = "hush-4711-hush"


def write(folder: Path, text: str) -> Path:
    path = folder / "matricula.toml"
    path.write_text(text, encoding="utf-8")
    return path


def loaded(folder: Path, text: str) -> Settings:
    return load(write(folder, text))


def refused(folder: Path, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        loaded(folder, text)
    message = str(caught.value)
    assert SECRET not in message
    assert "\n" not in message
    return message


def target(*lines: str, name: str = "moodle") -> str:
    return "\n".join([f"[targets.{name}]", 'connector = "moodle"', *lines])


def test_an_empty_file_has_the_defaults(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "")
    assert settings.database == f"sqlite:///{tmp_path.resolve() / 'matricula.db'}"
    assert settings.targets == {}
    assert settings.public_url == ""


def test_a_target_has_the_defaults(tmp_path: Path) -> None:
    one = loaded(tmp_path, target('url = "https://moodle.example.edu"')).targets["moodle"]
    assert (one.connector, one.delete, one.strict, one.max_scan) == (
        *("moodle", "disable", False, 20_000),
    )
    assert one.options.name == "moodle"
    assert one.options.url == "https://moodle.example.edu"
    assert one.options.timeout == 30
    assert one.options.connections == 16
    assert one.options.allow_private_network is False


def test_a_target_has_what_is_written(tmp_path: Path) -> None:
    text = target(
        *("timeout = 2.5", "connections = 3", "allow_private_network = true", "verify = true"),
        *('delete = "refuse"', "strict = true", "max_scan = 7", 'languages = ["en", "de"]'),
        "[targets.moodle.attributes]",
        *('studentId = "profile_field_student"', '"job.title" = ""'),
    )
    one = loaded(tmp_path, text).targets["moodle"]
    assert (one.delete, one.strict, one.max_scan) == ("refuse", True, 7)
    assert (one.options.timeout, one.options.connections) == (2.5, 3)
    assert one.options.allow_private_network is True
    assert one.options.verify is True
    assert one.options.more == {"languages": ["en", "de"]}
    assert one.options.attributes == {"studentId": "profile_field_student", "job.title": ""}


def test_an_environment_variable_gives_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    monkeypatch.setenv("A_HOST", "moodle.example.edu")
    text = target('token = "${A_TOKEN}"', 'url = "https://${A_HOST}/lms"')
    options = loaded(tmp_path, text).targets["moodle"].options
    assert options.token == SECRET
    assert options.url == "https://moodle.example.edu/lms"


def test_an_unset_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NOT_SET_ANYWHERE", raising=False)
    said = refused(tmp_path, target('token = "${NOT_SET_ANYWHERE}"'))
    assert "targets.moodle.token" in said
    assert "NOT_SET_ANYWHERE" in said


def test_a_file_gives_a_secret(tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "token").write_text(f"{SECRET}\n", encoding="utf-8")
    text = target('token = "file:secrets/token"')
    assert loaded(tmp_path, text).targets["moodle"].options.token == SECRET


def test_a_file_may_stand_anywhere(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(SECRET, encoding="utf-8")
    folder = tmp_path / "configuration"
    folder.mkdir()
    text = target(f'token = "file:{elsewhere}"')
    assert loaded(folder, text).targets["moodle"].options.token == SECRET


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    said = refused(tmp_path, target('token = "file:nowhere"'))
    assert "targets.moodle.token" in said
    assert "nowhere" in said


@pytest.mark.parametrize("key", ["token", "client_secret", "refresh_token", "key", "password"])
def test_a_clear_secret_is_refused_with_a_hint(tmp_path: Path, key: str) -> None:
    said = refused(tmp_path, target(f'{key} = "{SECRET}"'))
    assert f"targets.moodle.{key}" in said
    assert "${NAME}" in said
    assert "file:PATH" in said
    assert "allow_clear_secrets" in said


def test_a_clear_secret_can_be_allowed(tmp_path: Path) -> None:
    text = "allow_clear_secrets = true\n" + target(f'token = "{SECRET}"')
    assert loaded(tmp_path, text).targets["moodle"].options.token == SECRET


def test_a_secret_beside_a_reference_is_no_reference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", "x")
    assert "in clear" in refused(tmp_path, target(f'token = "{SECRET}${{A_TOKEN}}"'))


def test_nothing_secret_is_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", SECRET)
    monkeypatch.setenv("A_DATABASE", f"postgresql+psycopg://matricula:{SECRET}@db/matricula")
    text = '[database]\nurl = "${A_DATABASE}"\n' + target(
        *('token = "${A_TOKEN}"', 'client_secret = "${A_TOKEN}"')
    )
    settings = loaded(tmp_path, text)
    assert settings.targets["moodle"].options.token == SECRET
    assert settings.database.count(SECRET) == 1
    assert SECRET not in repr(settings)
    assert SECRET not in str(settings.targets["moodle"])


def test_a_password_of_the_database_is_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = "postgresql+psycopg://matricula:{}@db/matricula"
    said = refused(tmp_path, f'[database]\nurl = "{url.format(SECRET)}"')
    assert "database.url" in said
    assert "${NAME}" in said
    monkeypatch.setenv("A_PASSWORD", SECRET)
    settings = loaded(tmp_path, f'[database]\nurl = "{url.format("${A_PASSWORD}")}"')
    assert settings.database == url.format(SECRET)
    allowed = f'allow_clear_secrets = true\n[database]\nurl = "{url.format(SECRET)}"'
    assert loaded(tmp_path, allowed).database == url.format(SECRET)


def test_a_secret_of_the_wrong_type_is_not_repeated(tmp_path: Path) -> None:
    assert "targets.moodle.token" in refused(tmp_path, target(f'token = ["{SECRET}"]'))


def test_the_version_is_that_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = target('token = "${A_TOKEN}"')
    monkeypatch.setenv("A_TOKEN", "one")
    first = loaded(tmp_path, text).version
    monkeypatch.setenv("A_TOKEN", "two")
    assert loaded(tmp_path, text).version == first
    assert loaded(tmp_path, text + "\nstrict = true").version != first
    assert len(first) == 16


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server", "matricula.toml"),
        ("\x00", "matricula.toml"),
        ("[databases]", "'databases'"),
        ("colour = 1", "'colour'"),
        ("targets = 1", "targets"),
        ("[targets]\nmoodle = 1", "targets.moodle"),
        ("database = 1", "database"),
        ("[database]\nurl = 1", "database.url"),
        ("[database]\nurl = 'mysql://host/name'", "database.url"),
        ("[database]\nurl = 'sqlite://'", "database.url"),
        ("[database]\nurl = 'sqlite:///:memory:'", "database.url"),
        ("[database]\nfile = 'x'", "database.file"),
        ("server = 1", "server"),
        ("[server]\npublic_url = 1", "server.public_url"),
        ("allow_clear_secrets = 'yes'", "allow_clear_secrets"),
        ("security = 1", "security"),
        ("[security]\nkeys = 1", "security.keys"),
        ("[targets.moodle]", "targets.moodle needs a connector"),
        ("[targets.Moodle]\nconnector = 'moodle'", "targets.Moodle"),
        ("[targets.'a b']\nconnector = 'moodle'", "targets.a b"),
        ("[targets.-a]\nconnector = 'moodle'", "targets.-a"),
        ("[targets." + "a" * 64 + "]\nconnector = 'moodle'", "targets.aaa"),
        ("[targets.moodle]\nconnector = 1", "targets.moodle.connector"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    assert named in refused(tmp_path, text)


@pytest.mark.parametrize("name", ["health", "ready", "metrics", "console", "scim"])
def test_paths_of_the_gateway_are_no_target_names(tmp_path: Path, name: str) -> None:
    assert f"targets.{name}" in refused(tmp_path, target(name=name))


@pytest.mark.parametrize("name", ["a", "moodle", "moodle-2", "m_2", "2nd", "a" * 63])
def test_other_names_are_target_names(tmp_path: Path, name: str) -> None:
    assert name in loaded(tmp_path, target(name=name)).targets


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("url", "1"),
        ("token", "1"),
        ("timeout", '"30"'),
        ("timeout", "true"),
        ("timeout", "0"),
        ("timeout", "-1"),
        ("connections", "1.5"),
        ("connections", "0"),
        ("connections", "true"),
        ("max_scan", "-5"),
        ("max_scan", '"many"'),
        ("strict", '"yes"'),
        ("strict", "1"),
        ("verify", "0"),
        ("allow_private_network", '"true"'),
        ("delete", '"remove"'),
        ("delete", "true"),
        ("attributes", '"none"'),
    ],
)
def test_wrong_values_are_refused_by_name(tmp_path: Path, key: str, value: str) -> None:
    assert f"targets.moodle.{key}" in refused(tmp_path, target(f"{key} = {value}"))


@pytest.mark.parametrize("policy", ["disable", "delete", "refuse"])
def test_policies(tmp_path: Path, policy: str) -> None:
    text = target(f'delete = "{policy}"')
    assert loaded(tmp_path, text).targets["moodle"].delete == policy


def test_a_relative_database_stands_beside_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "configuration"
    folder.mkdir()
    path = write(folder, '[database]\nurl = "sqlite:///data/own.db"')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    assert load(path).database == f"sqlite:///{folder.resolve() / 'data' / 'own.db'}"
    monkeypatch.chdir(folder)
    assert load(Path("matricula.toml")).database == load(path).database


def test_other_databases_stay_as_they_are(tmp_path: Path) -> None:
    for url in ("sqlite:////var/lib/own.db", "postgresql+psycopg://matricula@db/matricula"):
        assert loaded(tmp_path, f'[database]\nurl = "{url}"').database == url


def test_the_public_url_has_no_slash_at_its_end(tmp_path: Path) -> None:
    settings = loaded(tmp_path, '[server]\npublic_url = "https://scim.example.edu/"')
    assert settings.public_url == "https://scim.example.edu"


def test_security(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATRICULA_KEY", "a key")
    text = """
    [security]
    keys = ["${MATRICULA_KEY}"]
    failed_authentications = 5
    requests_per_minute = 600
    [security.issuers.entra]
    issuer = "https://login.example.org/tenant"
    audience = "api://matricula"
    jwks = "file:keys.json"
    algorithms = ["RS256", "ES256"]
    scope_claim = "roles"
    scopes = { "SCIM.Write" = ["users:write", "groups:write"] }
    grant = "users:read"
    targets = ["moodle"]
    actor_claim = "appid"
    leeway = 5
    """
    security = loaded(tmp_path, text).security
    assert security.keys == ("a key",)
    assert "a key" not in repr(security)
    assert (security.failed_authentications, security.requests_per_minute) == (5, 600)
    (issuer,) = security.issuers
    assert issuer.name == "entra"
    assert issuer.audience == ("api://matricula",)
    assert issuer.jwks == f"file:{tmp_path / 'keys.json'}"
    assert issuer.scopes == {"SCIM.Write": ("users:write", "groups:write")}
    assert issuer.grant == ("users:read",)
    assert issuer.leeway == 5


ISSUER = """
[security.issuers.x]
issuer = "https://login.example.org"
audience = "a"
jwks = "https://login.example.org/keys"
"""


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("algorithms = ['none']", "algorithms"),
        ("algorithms = ['RS256', 'HS256']", "HS256"),
        ("grant = ['everything']", "everything"),
        ("scopes = { a = ['users'] }", "scopes.a"),
        ("scopes = 5", "scopes"),
        ("leeway = -1", "leeway"),
        ("targets = [5]", "targets"),
        ("allow_private_network = 1", "allow_private_network"),
        ("jwk = 'x'", "jwk"),
    ],
)
def test_issuers_that_cannot_be_trusted(tmp_path: Path, line: str, named: str) -> None:
    assert named in refused(tmp_path, ISSUER + line)


@pytest.mark.parametrize("missing", ["issuer", "audience", "jwks"])
def test_an_issuer_needs_three_things(tmp_path: Path, missing: str) -> None:
    lines = [line for line in ISSUER.splitlines() if not line.startswith(missing)]
    assert f"needs {missing}" in refused(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("failed_authentications = -1", "failed_authentications"),
        ("requests_per_minute = true", "requests_per_minute"),
        ("keys = [5]", "keys"),
        ("keys = ['in clear']", "stands in clear"),
        ("issuers = 5", "issuers"),
        ("issuers = { x = 5 }", "issuers.x"),
        ("unknown = 1", "unknown"),
    ],
)
def test_security_that_cannot_be_used(tmp_path: Path, line: str, named: str) -> None:
    assert named in refused(tmp_path, f"[security]\n{line}")


def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        load(tmp_path / "nowhere.toml")


def test_parsed_tables_are_taken_too(tmp_path: Path) -> None:
    settings = parse({"targets": {"memory": {"connector": "memory"}}}, tmp_path)
    assert settings.targets["memory"].connector == "memory"

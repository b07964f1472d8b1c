"""The URL of an LMS: forty forms and more, each with its one form or with why it is refused."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.urls import LONGEST, base_behind, base_url, refuse_address

HOME = "https://lms.example.edu"


@pytest.fixture(autouse=True)
def no_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let names lead to where their own text says; nobody is asked."""
    monkeypatch.setattr("connectors.urls.socket.getaddrinfo", looked_up)


LED = {
    "open.example": ["93.184.215.14", "2606:2800:21f:cb07::1"],
    "inside.example": ["10.0.0.7"],
    "mixed.example": ["93.184.215.14", "10.0.0.7"],
    "here.example": ["127.0.0.1"],
    "metadata.example": ["169.254.169.254"],
    "local.example": ["fe80::1%eth0"],
}


def looked_up(host: str, port: int, **more: Any) -> list[Any]:
    if host not in LED:
        raise socket.gaierror(-2, "Name or service not known")
    return [(0, 0, 0, "", (address, port)) for address in LED[host]]


FORMS = [
    (HOME, HOME),
    ("https://lms.example.edu/", HOME),
    ("https://lms.example.edu//", HOME),
    ("https://lms.example.edu/./", HOME),
    ("  https://lms.example.edu/ \r\n", HOME),
    ("\u00a0https://lms.example.edu\t", HOME),
    ("HTTPS://LMS.Example.EDU", HOME),
    ("https://lms.example.edu:443", HOME),
    ("https://lms.example.edu:0443/", HOME),
    ("https://lms.example.edu:", HOME),
    ("https://lms.example.edu.", HOME),
    ("https://lms.example.edu.:443/", HOME),
    ("https://ｌｍｓ.example。edu", HOME),
    ("https://lms.example.edu/moodle/", f"{HOME}/moodle"),
    ("https://lms.example.edu//moodle/.//", f"{HOME}/moodle"),
    ("https://lms.example.edu/m%6Fodle", f"{HOME}/moodle"),
    ("https://lms.example.edu/Moodle", f"{HOME}/Moodle"),
    ("https://lms.example.edu/schön", f"{HOME}/sch%C3%B6n"),
    ("https://lms.example.edu/scho\u0308n", f"{HOME}/sch%C3%B6n"),
    ("https://lms.example.edu/sch%c3%b6n", f"{HOME}/sch%C3%B6n"),
    ("https://lms.example.edu:8443/", f"{HOME}:8443"),
    ("https://lms.example.edu/learn/", f"{HOME}/learn"),
    ("https://bücher.example", "https://xn--bcher-kva.example"),
    ("https://BÜCHER.example/", "https://xn--bcher-kva.example"),
    ("https://XN--Bcher-KVA.example", "https://xn--bcher-kva.example"),
    ("https://lms_test.example", "https://lms_test.example"),
    ("https://134744072/", "https://8.8.8.8"),
    ("https://0x8.8.8.010", "https://8.8.8.8"),
    ("https://[2606:4700:4700:0:0:0:0:1111]/", "https://[2606:4700:4700::1111]"),
    ("https://[2606:4700:4700::1111]:8443", "https://[2606:4700:4700::1111]:8443"),
    ("https://[::ffff:8.8.8.8]/", "https://8.8.8.8"),
    ("https://[64:ff9b::8.8.8.8]/", "https://[64:ff9b::808:808]"),
    ("https://open.example", "https://open.example"),
]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(("written", "expected"), FORMS)
def test_a_url_has_one_form(written: str, expected: str, allowed: bool) -> None:
    assert base_url(written, allow_private_network=allowed) == expected
    assert base_url(expected, allow_private_network=allowed) == expected


WITH_LEAVE = [
    ("http://lms.example.edu", "http://lms.example.edu"),
    ("http://lms.example.edu:80/", "http://lms.example.edu"),
    ("http://localhost:8080/", "http://localhost:8080"),
    ("http://127.0.0.1/moodle", "http://127.0.0.1/moodle"),
    ("https://2130706433", "https://127.0.0.1"),
    ("https://0x7f.1", "https://127.0.0.1"),
    ("https://0177.0.0.1", "https://127.0.0.1"),
    ("https://127.1", "https://127.0.0.1"),
    ("https://127.0.0.1.", "https://127.0.0.1"),
    ("https://①②⑦.0.0.1", "https://127.0.0.1"),
    ("http://[::1]:8080/", "http://[::1]:8080"),
    ("https://[0:0::1]", "https://[::1]"),
    ("https://[::ffff:127.0.0.1]", "https://127.0.0.1"),
    ("https://[::ffff:7f00:1]", "https://127.0.0.1"),
    ("https://[::127.0.0.1]", "https://[::7f00:1]"),
    ("https://[64:ff9b::10.0.0.1]", "https://[64:ff9b::a00:1]"),
    ("https://[64:ff9b:1::1]", "https://[64:ff9b:1::1]"),
    ("https://[2002:7f00:1::]", "https://[2002:7f00:1::]"),
    ("https://[fc00::1]", "https://[fc00::1]"),
    ("https://[fec0::1]", "https://[fec0::1]"),
    ("https://10.0.0.1", "https://10.0.0.1"),
    ("https://172.16.0.1", "https://172.16.0.1"),
    ("https://192.168.1.1", "https://192.168.1.1"),
    ("https://100.64.0.1", "https://100.64.0.1"),
    ("https://192.0.2.1", "https://192.0.2.1"),
    ("https://255.1.1.1", "https://255.1.1.1"),
    ("https://lms.localhost", "https://lms.localhost"),
    ("https://inside.example", "https://inside.example"),
    ("https://mixed.example", "https://mixed.example"),
    ("https://here.example", "https://here.example"),
]


@pytest.mark.parametrize(("written", "expected"), WITH_LEAVE)
def test_a_private_network_needs_leave(written: str, expected: str) -> None:
    with pytest.raises(ValueError, match="allow_private_network"):
        base_url(written, allow_private_network=False)
    assert base_url(written, allow_private_network=True) == expected
    assert base_url(expected, allow_private_network=True) == expected


REFUSED = [
    ("", "not an https URL"),
    (" ", "not an https URL"),
    ("lms.example.edu", "not an https URL"),
    ("lms.example.edu:443", "not an https URL"),
    ("//lms.example.edu", "not an https URL"),
    ("/moodle", "not an https URL"),
    ("https:lms.example.edu", "not an https URL"),
    ("https:/lms.example.edu", "not an https URL"),
    ("ftp://lms.example.edu", "not an https URL"),
    ("file:///etc/passwd", "not an https URL"),
    ("javascript:alert(1)", "not an https URL"),
    ("https://", "not an https URL"),
    ("https:///path", "not an https URL"),
    ("https://:443", "no name"),
    ("https://.", "no name"),
    ("https://lms..example.edu", "no name"),
    ("https://lms.example.edu..", "no name"),
    ("https://-lms.example.edu", "no name"),
    ("https://lms%2eexample.edu", "no name"),
    ("https://lms,example.edu", "no name"),
    (f"https://{'a' * 64}.example", "no name"),
    (f"https://{'a.' * 127}example", "no name"),
    ("https://\u0661\u2014.example", "no name"),
    ("https://256.1.1.1", "no IPv4"),
    ("https://1.2.3.4.5", "no IPv4"),
    ("https://08.1.1.1", "no IPv4"),
    ("https://lms.1", "no IPv4"),
    ("https://lms.example.edu:0", "1 to 65535"),
    ("https://lms.example.edu:65536", "host and port"),
    ("https://lms.example.edu:-1", "host and port"),
    ("https://lms.example.edu:https", "host and port"),
    ("https://[::1", "host and port"),
    ("https://[::g]", "host and port|no IPv6"),
    ("https://::1/", "host and port"),
    ("https://[fe80::1%25eth0]", "zone"),
    ("https://user@lms.example.edu", "user information"),
    ("https://user:secret@lms.example.edu", "user information"),
    ("https://@lms.example.edu", "user information"),
    ("https://lms.example.edu\\@evil.example", "backslash"),
    ("https:\\\\lms.example.edu", "backslash"),
    ("https://lms.example .edu", "blank"),
    ("https://lms.\texample.edu", "blank"),
    ("https://lms.example.edu/\nmoodle", "blank"),
    ("https://lms.\u200bexample.edu", "invisible"),
    ("https://lms.example.edu/\x00", "invisible"),
    ("https://lms.example.edu/a/../b", r"\.\."),
    ("https://lms.example.edu/%2e%2E/b", r"\.\."),
    ("https://lms.example.edu/a%2Fb", "slash"),
    ("https://lms.example.edu/a%5cb", "slash"),
    ("https://lms.example.edu/a%00", "control"),
    ("https://lms.example.edu/%ff", "UTF-8"),
    (f"https://lms.example.edu/{'a' * LONGEST}", "longer"),
    ("https://169.254.169.254/latest", "metadata"),
    ("https://2852039166", "metadata"),
    ("https://[::ffff:169.254.169.254]", "metadata"),
    ("https://[64:ff9b::a9fe:a9fe]", "metadata"),
    ("https://[2002:a9fe:a9fe::]", "metadata"),
    ("https://169.254.1.1", "link-local"),
    ("https://[fe80::1]", "link-local"),
    ("https://[fd00:ec2::254]", "metadata"),
    ("https://[fd20:ce::254]", "metadata"),
    ("https://100.100.100.200", "metadata"),
    ("https://168.63.129.16", "metadata"),
    ("https://metadata.google.internal", "metadata"),
    ("https://METADATA.google.internal./computeMetadata", "metadata"),
    ("https://metadata", "metadata"),
    ("https://instance-data.ec2.internal", "metadata"),
    ("https://0.0.0.0", "one machine"),
    ("https://0", "one machine"),
    ("https://[::]", "one machine"),
    ("https://224.0.0.1", "one machine"),
    ("https://[ff02::1]", "one machine"),
    ("https://255.255.255.255", "one machine"),
]


@pytest.mark.parametrize("allowed", [True, False])
@pytest.mark.parametrize(("written", "why"), REFUSED)
def test_what_is_no_url_of_an_lms_is_refused(written: str, why: str, allowed: bool) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        base_url(written, allow_private_network=allowed)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("name", ["metadata.example", "local.example"])
def test_a_name_that_leads_to_metadata_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="even with allow_private_network"):
        base_url(f"https://{name}", allow_private_network=False)


PAGES = [
    ("https://lms.example.edu/login/index.php", HOME),
    ("https://lms.example.edu/my/", HOME),
    ("https://lms.example.edu/MY/courses.php?id=2", HOME),
    ("https://lms.example.edu/moodle/my/", f"{HOME}/moodle"),
    ("https://lms.example.edu/moodle/webservice/rest/server.php", f"{HOME}/moodle"),
    ("https://lms.example.edu/index.php", HOME),
    ("https://lms.example.edu/login/canvas", HOME),
    ("https://lms.example.edu/login", HOME),
    ("https://lms.example.edu/api/v1/", HOME),
    ("https://lms.example.edu/d2l/home", HOME),
    ("https://lms.example.edu/d2l/api/lp/1.62/users/", HOME),
    ("https://lms.example.edu/ultra/stream", HOME),
    ("https://lms.example.edu/webapps/login/", HOME),
    ("https://lms.example.edu/learn/api/public/v1", HOME),
    ("https://lms.example.edu?x=secret", HOME),
    ("https://lms.example.edu/moodle/?token=secret", f"{HOME}/moodle"),
    ("https://lms.example.edu/#secret", HOME),
    ("https://lms.example.edu:8443/my", f"{HOME}:8443"),
]


@pytest.mark.parametrize(("written", "base"), PAGES)
def test_a_page_that_was_copied_is_refused_with_what_to_write(written: str, base: str) -> None:
    with pytest.raises(ValueError, match="page") as refused:
        base_url(written, allow_private_network=False)
    assert str(refused.value).endswith(f'write url = "{base}"')
    assert base_url(base, allow_private_network=False) == base


hosts = st.sampled_from(["lms.example.edu", "bücher.example", "8.8.8.8", "[2606:4700::1111]"])
segments = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="/\\?#%"))
paths = st.lists(segments.filter(lambda text: text != ".."), max_size=4).map("/".join)
anything = st.one_of(
    st.text(max_size=40),
    st.builds("{}://{}/{}".format, st.sampled_from(["https", "http", "HTTPS"]), hosts, paths),
    st.builds("https://{}".format, st.text(max_size=30)),
)


@given(anything, st.booleans())
def test_the_one_form_is_that_of_itself(written: str, allowed: bool) -> None:
    try:
        once = base_url(written, allow_private_network=allowed)
    except ValueError:
        return
    assert once.isascii()
    assert base_url(once, allow_private_network=allowed) == once


def spelled(draw: st.DrawFn, scheme: str, host: str, path: str) -> str:
    """Return another spelling of `scheme://host/path`."""
    host = "".join(draw(st.sampled_from([c, c.upper()])) for c in host)
    dot = draw(st.sampled_from(["", "."])) if not host.endswith("]") else ""
    port = draw(st.sampled_from(["", ":", ":443"]))
    parts = [
        "".join(draw(st.sampled_from([c, f"%{ord(c):02x}", f"%{ord(c):02X}"])) for c in part)
        for part in path.split("/")
    ]
    slashes = [draw(st.sampled_from(["/", "//", "/./"])) for _ in range(len(parts) + 1)]
    written = "".join(map("".join, zip(slashes, [*parts, ""], strict=True)))
    blanks = draw(st.sampled_from(["", " ", "\n", "\t "]))
    scheme = draw(st.sampled_from([scheme, scheme.upper()]))
    return f"{blanks}{scheme}://{host}{dot}{port}{written}{blanks}"


@given(st.data(), st.text("abcXYZ09-_~", max_size=12).filter(lambda text: text != "my"))
def test_all_spellings_of_a_url_have_one_form(data: st.DataObject, path: str) -> None:
    host = data.draw(st.sampled_from(["lms.example.edu", "8.8.8.8", "[2606:4700::1111]"]))
    written = data.draw(st.composite(spelled)("https", host, path))
    expected = f"https://{host}/{path}".rstrip("/")
    assert base_url(written, allow_private_network=False) == expected


@given(st.ip_addresses())
def test_an_address_is_allowed_as_itself_and_as_what_carries_it(address: Any) -> None:
    def judged(text: str) -> bool:
        try:
            refuse_address(text, "it", allow_private_network=False)
        except ValueError:
            return False
        return True

    if address.version == 4:
        number = int(address)
        for carrier in (f"::ffff:{address}", f"64:ff9b::{address}",
                        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::1"):  # fmt: skip
            assert judged(carrier) == judged(str(address))
    elif judged(str(address)):
        assert address.is_global


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("https://b.example/x", "https://b.example"),
        ("https://b.example/lms/x?y", "https://b.example/lms"),
        ("https://b.example:443/login/index.php", "https://b.example"),
        ("//b.example/x", "http://b.example"),
        ("/moodle/x", "http://a.example/moodle"),
        ("mailto:a@b.example", ""),
        ("https://169.254.169.254/x", ""),
    ],
)
def test_what_a_redirection_points_to(location: str, expected: str) -> None:
    found = base_behind("http://a.example", "http://a.example/x", location)
    assert found == expected

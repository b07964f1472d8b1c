"""The URL of an LMS in its one form, and what is refused as one.

Names are looked at twice: `base_url` asks where they lead when the gateway starts, and whoever has
connected asks `refuse_address` of the address that was reached, for names may lead elsewhere later.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from unicodedata import category, normalize
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

import idna

LONGEST = 2000
"""Characters of a URL; longer ones are no base of anything."""

Address = IPv4Address | IPv6Address

_PORTS = {"http": 80, "https": 443}
_LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_NUMERIC = re.compile(r"(?:.*\.)?(?:[0-9]+|0[xX][0-9a-fA-F]*)")
"""A host whose last label is a number is an IPv4 address, however it is written (WHATWG URL)."""
_HIDDEN = {"Cc", "Cf", "Cs", "Zs", "Zl", "Zp"}
_SEGMENT = "!$&'()*+,;=:@~"
_PAGE = re.compile(
    r"(?i)/(?:[^/]*\.(?:php|aspx?|jsp|html?|d2l)|my|login|ultra|webapps|d2l|webservice"
    r"|api/v\d+|learn/api)(?:/.*)?$"
)
"""The part of a path that belongs to an LMS: its pages and its API, with what follows."""

_METADATA_NAMES = re.compile(
    r"metadata|metadata\.goog|instance-data|(?:.+\.)?(?:metadata|instance-data)(?:\..+)?\.internal"
)
_METADATA = tuple(
    ip_network(network)
    for network in (
        *("169.254.0.0/16", "fe80::/10", "fd00:ec2::/32", "fd20:ce::254/128"),
        *("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
    )
)
"""Link-local addresses, and those at which clouds tell a machine its own credentials."""
_GLOBAL = ip_network("2000::/3")
_HOLDING_IPV4 = tuple(map(ip_network, ("::/96", "::ffff:0:0/96", "64:ff9b::/96")))
"""IPv4-compatible, IPv4-mapped and NAT64 addresses: the last 32 bits are what is reached."""


def base_url(url: str, *, allow_private_network: bool) -> str:
    """Return a base URL in its one form: no default port, no trailing slash, names in ASCII.

    `https` only, and nothing that leads to loopback or private addresses, unless they are allowed;
    never to a link-local one or to a cloud's metadata. A name that cannot be resolved is taken.
    Raises ValueError that says what to write instead; no part of the URL that may be a secret is
    in it.
    """
    parts, port = _split(url.strip())
    host = _host(parts.hostname or "")
    shown = f"[{host}]" if ":" in host else host
    if port != _PORTS[parts.scheme]:
        shown += f":{port}"
    base, path = f"{parts.scheme}://{shown}", _path(parts.path)
    if page := _PAGE.search(path):
        path = path[: page.start()]
    if page or parts.query or parts.fragment:
        raise ValueError(f'the URL is that of a page, not of the LMS: write url = "{base}{path}"')
    if not allow_private_network and parts.scheme != "https":
        raise ValueError(f'write url = "https://{shown}{path}" (or set allow_private_network)')
    _refuse_host(host, port, allow_private_network=allow_private_network)
    if len(base + path) > LONGEST:
        raise ValueError(f"the URL is longer than {LONGEST} characters")
    return base + path


def refuse_address(address: str, shown: str, *, allow_private_network: bool) -> None:
    """Raise ValueError for an address that is not to be reached; `shown` is what led there.

    An IPv6 address that carries an IPv4 address is what that one is.
    """
    found = ip_address(address.partition("%")[0])
    for each in (found, *_inner(found)):
        if any(each in network for network in _METADATA):
            raise ValueError(
                f"{shown} is a link-local address or a cloud's metadata, where no LMS is: "
                "it is refused even with allow_private_network"
            )
        if each.is_multicast or each.is_unspecified or each == IPv4Address("255.255.255.255"):
            raise ValueError(f"{shown} is not the address of one machine")
    reached = _inner(found) or [found]
    if not allow_private_network and not all(map(_is_global, reached)):
        raise ValueError(
            f"{shown} is an address of a private network (or set allow_private_network)"
        )


def origin(url: str) -> tuple[str, str | None, int | None]:
    """Return scheme, host and port of a URL: what a token may be sent to."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or _PORTS.get(parts.scheme)


def base_behind(base: str, asked: str, location: str) -> str:
    """Return the base URL that a redirection of the asked URL points to, "" for none.

    >>> base_behind("http://a.example", "http://a.example/x", "https://b.example/lms/x")
    'https://b.example/lms'
    """
    called = urlsplit(asked).path.removeprefix(urlsplit(base).path)
    try:
        parts = urlsplit(urljoin(asked, location))
        found = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if parts.path.endswith(called):
            found += parts.path.removesuffix(called)
        elif origin(found) == origin(base):
            return ""
        return base_url(found, allow_private_network=True)
    except ValueError:
        return ""


def _split(text: str) -> tuple[SplitResult, int]:
    """Return the parts of a URL, and its port."""
    if any(category(letter) in _HIDDEN for letter in text) or "\\" in text:
        raise ValueError("the URL holds a blank, a backslash or an invisible character")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("the URL cannot be read: look at its host and port") from None
    if parts.scheme not in _PORTS or not parts.netloc:
        raise ValueError("not an https URL such as https://lms.example.edu")
    if "@" in parts.netloc:
        raise ValueError("the URL must not hold user information: credentials have their entries")
    if port == 0:
        raise ValueError("the URL's port must be from 1 to 65535")
    return parts, port or _PORTS[parts.scheme]


def _host(written: str) -> str:
    """Return a host as it is looked up: an ASCII name, or an address in its usual form."""
    if ":" in written:
        try:
            address = IPv6Address(written)
        except ValueError:
            raise ValueError("the URL's host is no IPv6 address") from None
        if address.scope_id is not None:
            raise ValueError("the URL's host is an IPv6 address with a zone")
        return str(address.ipv4_mapped or address)
    try:
        ascii_only = written.lower() if written.isascii() else _punycode(written)
    except UnicodeError:
        raise ValueError("the URL's host is no name that can be looked up") from None
    host = ascii_only.removesuffix(".")
    if _NUMERIC.fullmatch(host):
        try:
            return socket.inet_ntoa(socket.inet_aton(host))
        except OSError:
            raise ValueError("the URL's host is no IPv4 address") from None
    if not _NAME.fullmatch(host) or len(host) > 253:
        raise ValueError("the URL's host is no name that can be looked up")
    return host


def _punycode(name: str) -> str:
    return idna.encode(name, uts46=True, std3_rules=True).decode()


def _path(written: str) -> str:
    """Return a path in its one form: only what must be is encoded, no empty parts."""
    try:
        parts = [normalize("NFC", unquote(part, errors="strict")) for part in written.split("/")]
    except UnicodeError:
        raise ValueError("the URL's path is no UTF-8") from None
    for part in parts:
        if part == ".." or "/" in part or "\\" in part or any(category(c) == "Cc" for c in part):
            raise ValueError("the URL's path holds .., an encoded slash or a control character")
    return "".join(f"/{quote(part, safe=_SEGMENT)}" for part in parts if part not in ("", "."))


def _refuse_host(host: str, port: int, *, allow_private_network: bool) -> None:
    if _METADATA_NAMES.fullmatch(host):
        refuse_address("169.254.169.254", host, allow_private_network=allow_private_network)
    if host == "localhost" or host.endswith(".localhost"):
        refuse_address("127.0.0.1", host, allow_private_network=allow_private_network)
    # Where private networks are allowed, what a name leads to is seen when it is connected to.
    literal = ":" in host or _NUMERIC.fullmatch(host)
    found = {host} if literal else set() if allow_private_network else _resolved(host, port)
    for address in found:
        refuse_address(address, host, allow_private_network=allow_private_network)


def _resolved(host: str, port: int) -> set[str]:
    """Return the addresses of a name, none when it cannot be looked up at the moment."""
    try:
        return {str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    except (OSError, UnicodeError):
        return set()


def _inner(address: Address) -> list[Address]:
    """Return the IPv4 address that an IPv6 address carries, if any (RFC 4291, 6052, 3056)."""
    if isinstance(address, IPv4Address):
        return []
    if any(address in network for network in _HOLDING_IPV4) and int(address) > 1:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address.sixtofour] if address.sixtofour else []


def _is_global(address: Address) -> bool:
    """Tell whether an address is one of the internet; the library knows too many IPv6 ones."""
    return address.is_global and (isinstance(address, IPv4Address) or address in _GLOBAL)

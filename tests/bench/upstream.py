"""A small upstream that answers like Moodle, quickly: the same answers after a set delay.

python -m tests.bench.upstream PORT DELAY_MS USERS
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections import Counter
from urllib.parse import parse_qsl, unquote_plus

_FUNCTION = re.compile(rb"wsfunction=([a-z_]+)")
_VALUE = re.compile(rb"values(?:\[|%5B)\d+(?:\]|%5D)=([^&]*)")


def user(number: int) -> dict[str, object]:
    """Return an account as core_user_get_users_by_field gives it."""
    return {
        "id": number,
        "username": f"user{number}",
        "firstname": "Ann",
        "lastname": f"Lee{number}",
        "fullname": f"Ann Lee{number}",
        "email": f"user{number}@example.edu",
        "department": "Physics",
        "institution": "Example University",
        "idnumber": f"SIS-{number}",
        "firstaccess": 0,
        "lastaccess": 1760000000,
        "auth": "manual",
        "suspended": False,
        "confirmed": True,
        "lang": "en",
        "theme": "",
        "timezone": "99",
        "mailformat": 1,
        "trackforums": 0,
        "city": "Oslo",
        "country": "NO",
        "profileimageurlsmall": "https://moodle.example.edu/f2",
        "profileimageurl": "https://moodle.example.edu/f1",
    }


class Upstream:
    """The answers; `calls` counts them by function."""

    def __init__(self, users: int) -> None:
        self.users = {number: json.dumps(user(number)).encode() for number in range(2, users + 2)}
        self.names = {f"user{number}": number for number in self.users}
        self.everybody = b'{"users":[' + b",".join(self.users.values()) + b'],"warnings":[]}'
        self.suspended: set[int] = set()
        self.made = users + 2
        self.calls: Counter[str] = Counter()

    def answer(self, body: bytes) -> bytes:
        """Return the JSON answer to a call's form body."""
        found = _FUNCTION.search(body)
        function = found[1].decode() if found else ""
        self.calls[function] += 1
        match function:
            case "core_user_get_users_by_field":
                return b"[" + b",".join(self._rows(body)) + b"]"
            case "core_user_get_users":
                return self.everybody
            case "core_user_update_users":
                self._rename(body)
                return b'{"warnings":[]}'
            case "core_user_create_users":
                self.made += 1
                self.users[self.made] = json.dumps(user(self.made)).encode()
                return b'[{"id":%d,"username":"new"}]' % self.made
            case _:
                return b"null"

    def _rename(self, body: bytes) -> None:
        """Keep a first name, so that only another one is a change."""
        if b"firstname" not in body:
            return
        sent = {name.rpartition("[")[2]: value for name, value in parse_qsl(body.decode())}
        held = json.loads(self.users[int(sent["id]"])])
        held["firstname"] = sent["firstname]"]
        held["fullname"] = f"{held['firstname']} {held['lastname']}"
        self.users[held["id"]] = json.dumps(held).encode()

    def _rows(self, body: bytes) -> list[bytes]:
        values = [unquote_plus(value.decode()) for value in _VALUE.findall(body)]
        by_id = b"field=id" in body
        ids = (int(v) if by_id else self.names.get(v, 0) for v in values)
        return [self.users[id] for id in ids if id in self.users]


async def main(port: int, delay: float, users: int) -> None:
    """Serve until terminated."""
    upstream = Upstream(users)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: (\d+)", head.lower())
                body = await reader.readexactly(int(length[1])) if length else b""
                if head.startswith(b"GET /calls"):
                    answer = json.dumps(upstream.calls).encode()
                    upstream.calls.clear()
                else:
                    if delay:
                        await asyncio.sleep(delay)
                    answer = upstream.answer(body)
                writer.write(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d"
                    b"\r\n\r\n" % len(answer) + answer
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", port)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]) / 1000, int(sys.argv[3])))

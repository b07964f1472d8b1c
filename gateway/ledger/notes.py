"""Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint), with Ed25519 alone."""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.ledger.encoding import decode, encode
from gateway.ledger.merkle import HASH_LENGTH

MAX_SIGNATURES = 100
"""How many signature lines a note may have; the format demands that 16 are read."""

_ED25519 = b"\x01"
_KEY_LENGTH = 32
_ID_LENGTH = 4
_DASH = "\N{EM DASH}"
_SIZE = re.compile(r"0|[1-9][0-9]{0,17}")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""Control characters, and halves of surrogate pairs, which UTF-8 cannot hold."""


@dataclass(frozen=True, slots=True)
class Verifier:
    """A public key and the name that it signs under; as text `name+id+base64`.

    Raises ValueError when the name is none or the key has not 32 bytes.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if not _is_name(self.name):
            raise ValueError("A key's name is not empty and has no blank and no plus sign.")
        if len(self.public) != _KEY_LENGTH:
            raise ValueError(f"An Ed25519 public key has {_KEY_LENGTH} bytes.")

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Read the text form; raise ValueError when it is none, or its id is another key's."""
        name, _, rest = text.partition("+")
        id, _, key = rest.partition("+")
        try:
            data = decode(key)
        except ValueError as error:
            raise ValueError("The verifier key is not of the form name+id+base64.") from error
        if data[:1] != _ED25519:
            raise ValueError("The verifier key is not one of Ed25519.")
        verifier = cls(name, data[1:])
        if verifier.id.hex() != id:
            raise ValueError("The verifier key's id does not belong to its name and key.")
        return verifier

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encode(_ED25519 + self.public)}"

    @property
    def id(self) -> bytes:
        """The four bytes that tell this key from others of the same name."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:_ID_LENGTH]

    def verifies(self, signature: bytes, text: str) -> bool:
        """Tell whether the signature is this key's over the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key and the name that it signs under; the name of a log's key is its origin."""

    name: str
    private: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """The public half, to be given to whoever verifies."""
        return Verifier(self.name, self.private.public_key().public_bytes_raw())


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of its tree: whose it is, how many leaves it has, and its root."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text; extension lines are left aside. Raises ValueError when it is none."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines) or not _SIZE.fullmatch(lines[1]):
            raise ValueError("The note is not a checkpoint: an origin, a size and a root, by line.")
        try:
            root = decode(lines[2], HASH_LENGTH)
        except ValueError as error:
            raise ValueError("The checkpoint's root is not a hash in base64.") from error
        return cls(lines[0], int(lines[1]), root)

    def __str__(self) -> str:
        return f"{self.origin}\n{self.size}\n{encode(self.root)}\n"


def sign(text: str, *signers: Signer) -> str:
    """Return the signed note of a text, such as that of a checkpoint.

    Raises ValueError when it does not end with a line's end, or holds what no note may.
    """
    _expect_text(text)
    lines = [
        f"{_DASH} {signer.name} {encode(signer.verifier.id + signer.private.sign(text.encode()))}\n"
        for signer in signers
    ]
    return f"{text}\n{''.join(lines)}"


def open_note(note: str, verifier: Verifier) -> str:
    """Return the text of a note that the verifier's key has signed; raise ValueError for others.

    Signatures of other keys are ignored; a false one of this key spoils the note.
    """
    text, blank, signatures = note.rpartition("\n\n")
    text += "\n"
    _expect_text(text)
    lines = signatures.split("\n")
    if not blank or lines.pop() or not lines:
        raise ValueError("The note has no blank line with signature lines behind it.")
    if len(lines) > MAX_SIGNATURES:
        raise ValueError(f"The note has more than {MAX_SIGNATURES} signatures.")
    known = (verifier.name, verifier.id)
    own = [signature for *key, signature in map(_signature, lines) if tuple(key) == known]
    if not own:
        raise ValueError(f"The note has no signature of {verifier}.")
    if not all(verifier.verifies(signature, text) for signature in own):
        raise ValueError(f"The note's signature of {verifier.name} is false.")
    return text


def open_checkpoint(note: str, verifier: Verifier) -> Checkpoint:
    """Return the checkpoint that is in a signed note; raise ValueError as `open_note` does."""
    return Checkpoint.parse(open_note(note, verifier))


def _signature(line: str) -> tuple[str, bytes, bytes]:
    """Return the key name, key id and signature that a signature line holds."""
    dash, _, rest = line.partition(" ")
    name, _, text = rest.partition(" ")
    try:
        data = decode(text)
    except ValueError:
        data = b""
    if dash != _DASH or not _is_name(name) or len(data) <= _ID_LENGTH:
        raise ValueError("The note has a signature line that is not of the form — name base64.")
    return name, data[:_ID_LENGTH], data[_ID_LENGTH:]


def _is_name(name: str) -> bool:
    return bool(name) and not re.search(r"[\s+\x00-\x1f]", name)


def _expect_text(text: str) -> None:
    if not text.endswith("\n") or _FORBIDDEN.search(text):
        raise ValueError("A note's text ends with a line's end and has no control characters.")

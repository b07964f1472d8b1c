"""Signed notes: what opens, what never does; with notes that other programs signed."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import assume, given
from hypothesis import strategies as st

from gateway.ledger.encoding import decode, encode
from gateway.ledger.notes import (
    MAX_SIGNATURES,
    Checkpoint,
    Signer,
    Verifier,
    open_checkpoint,
    open_note,
    sign,
)

FOREIGN = [
    (  # The example in the documentation of golang.org/x/mod/sumdb/note.
        "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "If you think cryptography is the answer to your problem,\n"
        "then you don't know what your problem is.\n",
        "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
        "pRZb6KE6RyyBwJnAM=\n",
    ),
    (  # The example of the Elixir package signed_note.
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "This is an example message.\n",
        "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXm"
        "RKuwHjG1Yu72IneyaQM=\n",
    ),
]
NAMES = st.text(st.characters(codec="utf-8", exclude_characters="+"), min_size=1).filter(
    lambda name: not any(c.isspace() or c < " " for c in name)
)
TEXTS = st.text(st.characters(codec="utf-8", min_codepoint=32) | st.just("\n")).map(
    lambda text: text + "\n"
)
SIGNERS = st.builds(
    Signer, NAMES, st.binary(min_size=32, max_size=32).map(Ed25519PrivateKey.from_private_bytes)
)
OURS = Signer("log.example", Ed25519PrivateKey.from_private_bytes(bytes(32)))
OTHERS = [
    Signer("log.example", Ed25519PrivateKey.from_private_bytes(b"1" * 32)),
    Signer("other.example", OURS.private),
]


@pytest.mark.parametrize(("key", "text", "signature"), FOREIGN)
def test_what_others_signed_opens(key: str, text: str, signature: str) -> None:
    verifier = Verifier.parse(key)
    assert str(verifier) == key
    assert open_note(f"{text}\n{signature}", verifier) == text


def test_the_example_of_a_checkpoint_is_read() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = Checkpoint.parse(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert str(checkpoint) == text


@given(SIGNERS, TEXTS)
def test_a_signed_note_opens(signer: Signer, text: str) -> None:
    verifier = Verifier.parse(str(signer.verifier))
    assert verifier == signer.verifier
    assert open_note(sign(text, signer), verifier) == text


@given(TEXTS, st.data())
def test_a_tampered_note_never_opens(text: str, data: st.DataObject) -> None:
    note = sign(text, OURS)
    at = data.draw(st.integers(0, len(note) - 1))
    until = data.draw(st.integers(at, min(at + 2, len(note))))
    tampered = note[:at] + data.draw(st.text(max_size=2)) + note[until:]
    assume(tampered != note)
    with pytest.raises(ValueError):
        open_note(tampered, OURS.verifier)


@given(st.text())
def test_what_was_not_signed_never_opens(text: str) -> None:
    with pytest.raises(ValueError):
        open_note(text, OURS.verifier)


def test_signatures_of_other_keys_are_ignored() -> None:
    note = sign("text\n", OTHERS[0], OURS, OTHERS[1])
    assert open_note(note, OURS.verifier) == "text\n"
    for other in OTHERS:
        with pytest.raises(ValueError, match="no signature of"):
            open_note(sign("text\n", other), OURS.verifier)
    unknown = "— witness.example AAAAAAE=\n"
    assert open_note(note + unknown, OURS.verifier) == "text\n"


def test_a_false_signature_of_the_key_spoils_the_note() -> None:
    false = sign("other\n", OURS).rpartition("\n\n")[2]
    for note in (f"text\n\n{false}", sign("text\n", OURS) + false):
        with pytest.raises(ValueError, match="false"):
            open_note(note, OURS.verifier)


def test_the_text_ends_at_the_last_blank_line() -> None:
    text = "one\n\n— not a signature\n\n"
    assert open_note(sign(text, OURS), OURS.verifier) == text


def test_a_note_has_not_too_many_signatures() -> None:
    full = sign("text\n", *[OURS] * MAX_SIGNATURES)
    assert open_note(full, OURS.verifier) == "text\n"
    with pytest.raises(ValueError, match="more than"):
        open_note(full + full.splitlines(keepends=True)[-1], OURS.verifier)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "—",
        "— ",
        "— log.example",
        "— log.example ",
        "- log.example AAAAAAE=",
        "—  AAAAAAE=",
        "— log.example  AAAAAAE=",
        "— log.example AAAAAAE= ",
        "— log.example AAAAAAE",
        "— log.example AAAAAAF=",
        "— log.example AAAAAA==",
        "— log.example AAAA-_E=",
        "— log+example AAAAAAE=",
        "— log\u00a0example AAAAAAE=",
        "— log.example AAAAAAE=\r",
    ],
)
def test_a_line_that_is_no_signature_spoils_the_note(line: str) -> None:
    with pytest.raises(ValueError):
        open_note(f"{sign('text' + chr(10), OURS)}{line}\n", OURS.verifier)


@pytest.mark.parametrize("text", ["", "text", "te\0xt\n", "te\txt\n", "text\r\n", "\ud800\n"])
def test_what_no_note_may_hold_is_not_signed(text: str) -> None:
    with pytest.raises(ValueError, match="text"):
        sign(text, OURS)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\nb", "a\u2003b", "a\x00"])
def test_such_names_no_key_has(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        Verifier(name, bytes(32))


@pytest.mark.parametrize(
    "key",
    [
        "",
        "log.example",
        "log.example+00000000",
        "log.example+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k\n",
    ],
)
def test_such_keys_are_refused(key: str) -> None:
    with pytest.raises(ValueError):
        Verifier.parse(key)


@given(NAMES, st.integers(0, 10**17), st.binary(min_size=32, max_size=32))
def test_checkpoints_come_back(origin: str, size: int, root: bytes) -> None:
    checkpoint = Checkpoint(origin, size, root)
    assert open_checkpoint(sign(str(checkpoint), OURS), OURS.verifier) == checkpoint


def test_extension_lines_are_left_aside() -> None:
    checkpoint = Checkpoint("log.example", 3, bytes(32))
    assert Checkpoint.parse(f"{checkpoint}more\n") == checkpoint


@pytest.mark.parametrize("size", ["", "01", "-1", "+1", "1 ", "1.0", "x", "٣", "9" * 30])
def test_such_sizes_no_checkpoint_has(size: str) -> None:
    with pytest.raises(ValueError, match="not a checkpoint"):
        Checkpoint.parse(f"log.example\n{size}\n{encode(bytes(32))}\n")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "log.example\n3\n",
        f"\n3\n{encode(bytes(32))}\n",
        f"log.example\n3\n{encode(bytes(32))}",
        f"log.example\n3\n{encode(bytes(32))}\n\n",
        f"log.example\n3\n{encode(bytes(32))}\n\nmore\n",
        f"log.example\n3\n{encode(bytes(31))}\n",
        "log.example\n3\nroot\n",
    ],
)
def test_such_texts_are_no_checkpoints(text: str) -> None:
    with pytest.raises(ValueError, match="checkpoint"):
        Checkpoint.parse(text)


@given(st.binary())
def test_base64_has_one_form(data: bytes) -> None:
    text = encode(data)
    assert decode(text) == data
    assert decode(text, len(data)) == data
    with pytest.raises(ValueError):
        decode(text, len(data) + 1)


@given(st.text("AQgw9+/=-_ \n", max_size=9))
def test_no_other_base64_is_read(text: str) -> None:
    try:
        data = decode(text)
    except ValueError:
        return
    assert encode(data) == text

"""Sealed addresses and ETags: the same text each time, and nothing opens but what was sealed here for that purpose."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import string
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.fetch.seal import KEY_BYTES, MAC_BYTES, Seal, Stamp

KEY = bytes(range(KEY_BYTES))
SEAL = Seal(KEY)
OTHER = Seal(bytes(KEY_BYTES))
URL = "http://example.org/a.png?b=c"
STAMP = Stamp("j" * 64, "a" * 64, '"v1"', "Mon, 01 Jan 2024 00:00:00 GMT")
ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

urls = st.text(st.characters(codec="ascii"), max_size=300)
stamps = st.builds(Stamp, st.text(), st.text(), st.none() | st.text(), st.none() | st.text())


@given(urls)
def test_a_token_gives_its_address_back(url: str) -> None:
    assert SEAL.url(SEAL.token(url)) == url
    assert set(SEAL.token(url)) <= set(ALPHABET)


@given(urls, stamps)
def test_an_etag_gives_its_stamp_back(url: str, stamp: Stamp) -> None:
    assert SEAL.stamp(url, SEAL.etag(url, stamp)) == stamp


def test_a_token_never_changes() -> None:
    """pict-rs files proxied media under this very text; another one, and it fetches all of them anew."""
    assert SEAL.token(URL) == "9PPogafZ0H4ESK_YL6kVdmh0dHA6Ly9leGFtcGxlLm9yZy9hLnBuZz9iPWM"
    assert SEAL.token(URL) == Seal(bytes(KEY)).token(URL)
    assert OTHER.token(URL) != SEAL.token(URL)


def test_the_name_of_a_filter_is_public_and_its_own() -> None:
    assert len(SEAL.instance) == 2 * MAC_BYTES
    assert set(SEAL.instance) <= set(string.hexdigits)
    assert SEAL.instance == Seal(bytes(KEY)).instance != OTHER.instance
    assert SEAL.instance not in KEY.hex()


@pytest.mark.parametrize("length", [0, KEY_BYTES - 1, KEY_BYTES + 1])
def test_a_key_has_one_length(length: int) -> None:
    with pytest.raises(ValueError, match=f"a key of {length} bytes"):
        Seal(bytes(length))


# What is not opened


def test_a_token_of_another_key_is_not_opened() -> None:
    assert SEAL.url(OTHER.token(URL)) is None
    assert SEAL.stamp(URL, OTHER.etag(URL, STAMP)) is None


def test_no_character_of_a_token_can_be_changed_left_out_or_added() -> None:
    token = SEAL.token(URL)
    for place in range(len(token)):
        for character in ALPHABET:
            changed = token[:place] + character + token[place + 1 :]
            assert (SEAL.url(changed) == URL) is (changed == token)
        assert SEAL.url(token[:place]) is None
        assert SEAL.url(token[:place] + token[place + 1 :]) is None
        assert SEAL.url(token[:place] + "A" + token[place:]) is None
    assert SEAL.url(token + "A") is None


def test_a_forged_address_is_not_opened() -> None:
    content = base64.urlsafe_b64decode(SEAL.token(URL) + "=" * (-len(SEAL.token(URL)) % 4))[MAC_BYTES:]
    for mac in (bytes(MAC_BYTES), hmac.digest(KEY, content, hashlib.sha256)[:MAC_BYTES], b""):
        assert SEAL.url(base64.urlsafe_b64encode(mac + content).rstrip(b"=").decode()) is None


@pytest.mark.parametrize("url", [URL, URL + "x", URL + "xy"], ids=["0", "1", "2"])
def test_other_spellings_of_the_same_bytes_are_not_opened(url: str) -> None:
    """Each would be an address of its own for pict-rs: base64 leaves bits unused, and has padding and two alphabets."""
    token = SEAL.token(url)
    same = [
        token[:-1] + character
        for character in ALPHABET
        if character != token[-1] and decoded(token[:-1] + character) == decoded(token)
    ]
    assert len(same) == {0: 0, 2: 15, 3: 3}[len(token) % 4]
    padded = token + "=" * (-len(token) % 4 or 4)
    for spelled in (*same, padded, token + "=", token + "\n", token + " ", " " + token, token[:4] + "." + token[4:]):
        assert SEAL.url(spelled) is None
    standard = token.replace("-", "+").replace("_", "/")
    assert standard == token or SEAL.url(standard) is None


def decoded(token: str) -> bytes:
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


@given(st.text(max_size=60) | st.text(ALPHABET, max_size=60))
def test_any_text_is_no_token(text: str) -> None:
    assert SEAL.url(text) is None
    assert SEAL.stamp(URL, text) is None
    assert SEAL.stamp(URL, f'"{text}"') is None


@pytest.mark.parametrize("length", [0, 1, 21, 22, 23, 16384, 16385])
def test_texts_of_any_length_are_read(length: int) -> None:
    assert SEAL.url("A" * length) is None


def test_the_longest_address_fits() -> None:
    """fetch.address takes 8,192 bytes."""
    assert SEAL.url(SEAL.token("x" * 8192)) == "x" * 8192


# One purpose is not another


def test_a_stamp_is_no_token_and_a_token_no_stamp() -> None:
    etag = SEAL.etag(URL, STAMP)
    assert SEAL.url(etag[1:-1]) is None
    assert SEAL.stamp(URL, f'"{SEAL.token(URL)}"') is None
    written = json.dumps({"judging": "j", "sha256": "a", "etag": None, "last_modified": None})
    assert SEAL.stamp("", f'"{SEAL.token(written)}"') is None  # an address that reads like a stamp


def test_a_stamp_of_one_address_is_none_for_another() -> None:
    etag = SEAL.etag(URL, STAMP)
    for other in (URL + "x", URL[:-1], ""):
        assert SEAL.stamp(other, etag) is None


def test_address_and_stamp_are_told_apart() -> None:
    """The end of an address cannot be moved into what is said of it."""
    content = b"{}"
    assert SEAL._mac(b"stamp", b"http://h/a", content) != SEAL._mac(b"stamp", b"http://h/", b"a" + content)
    assert SEAL._mac(b"stamp", b"", b"x") != SEAL._mac(b"stam", b"p", b"x")


def test_only_the_whole_etag_is_one() -> None:
    etag = SEAL.etag(URL, STAMP)
    assert etag[0] == etag[-1] == '"'
    for other in (
        etag[1:-1],
        etag[1:],
        etag[:-1],
        f"W/{etag}",
        f"{etag}, {etag}",
        f"{etag} ",
        f"'{etag[1:-1]}'",
        "*",
        '"',
        '""',
        "",
    ):
        assert SEAL.stamp(URL, other) is None


def test_every_field_of_a_stamp_is_in_its_etag() -> None:
    others = [replace(STAMP, **{name: "x"}) for name in ("judging", "sha256", "etag", "last_modified")]
    etags = {SEAL.etag(URL, stamp) for stamp in (STAMP, *others)}
    assert len(etags) == 5


def test_a_stamp_with_other_fields_is_none() -> None:
    """Sealed with this key by another release."""
    for written in (b'{"judging":"j"}', b'{"more":1,"judging":"j","sha256":"a","etag":null,"last_modified":null}'):
        assert SEAL.stamp(URL, f'"{SEAL._seal(b"stamp", URL.encode(), written)}"') is None

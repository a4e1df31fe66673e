"""Digest: the RFCs' examples, both sides against each other, and texts that are no digest."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.sip.digest import (
    BEST_FIRST,
    MD5_FIRST,
    Algorithm,
    Credentials,
    answer_challenge,
    digest_response,
    find_algorithm,
    is_right_response,
    parse_credentials,
    parse_digest_fields,
    write_challenges,
)

TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)


def mufasa(algorithm: str) -> Credentials:
    """RFC 7616 §3.9.1."""
    return Credentials(
        username="Mufasa",
        realm="http-auth@example.org",
        nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        uri="/dir/index.html",
        response="",
        algorithm=algorithm,
        qop="auth",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        nc="00000001",
    )


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        (Algorithm.MD5, "8ca523f5e9506fed4657c9700eebdbec"),
        (
            Algorithm.SHA256,
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        ),
    ],
)
def test_computes_the_examples_of_rfc_7616(algorithm: Algorithm, response: str) -> None:
    assert digest_response(algorithm, mufasa(algorithm), "Circle of Life", "GET") == response


def test_computes_the_older_form_without_qop() -> None:
    """RFC 2617 §3.2.2.1, without qop."""
    credentials = Credentials(
        username="Mufasa",
        realm="testrealm@host.com",
        nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
        uri="/dir/index.html",
        response="670fd8c2df070c60b045671b8b24ff02",
    )
    assert is_right_response(credentials, "Circle Of Life", "GET")
    assert not is_right_response(credentials, "Circle Of Life", "PUT")


def test_the_answer_may_be_upper_case() -> None:
    credentials = parse_credentials(
        'Digest username="Mufasa", realm="testrealm@host.com", uri="/dir/index.html", '
        'nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", response="670FD8C2DF070C60B045671B8B24FF02"'
    )
    assert credentials is not None
    assert is_right_response(credentials, "Circle Of Life", "GET")


@given(
    username=TEXTS, secret=st.text(max_size=30), realm=TEXTS, algorithm=st.sampled_from(Algorithm)
)
@settings(max_examples=150, deadline=None)
def test_client_and_server_agree(
    username: str, secret: str, realm: str, algorithm: Algorithm
) -> None:
    values = write_challenges(realm, "nonce", [algorithm], is_stale=False)
    header = answer_challenge(
        values, username=username, secret=secret, method="REGISTER", uri="sip:h", cnonce="c"
    )
    assert header is not None
    credentials = parse_credentials(header)
    assert credentials is not None
    assert (credentials.username, credentials.realm) == (username, realm)
    assert is_right_response(credentials, secret, "REGISTER")
    assert not is_right_response(credentials, secret + "x", "REGISTER")


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_text_gives_credentials_or_none(text: str) -> None:
    for value in (text, f"Digest {text}", f'Digest username="a", {text}'):
        found = parse_credentials(value)
        assert found is None or isinstance(found, Credentials)


def test_fields_are_read_as_phones_write_them() -> None:
    value = (
        'digest  Username = "a\\"b" ,realm="x, y",NC=00000001, uri="sip:h;a=1,b", '
        'algorithm="MD5",opaque="", qop=AUTH'
    )
    assert parse_digest_fields(value) == {
        "username": 'a"b',
        "realm": "x, y",
        "nc": "00000001",
        "uri": "sip:h;a=1,b",
        "algorithm": "MD5",
        "opaque": "",
        "qop": "AUTH",
    }


WHOLE = 'Digest username="a", realm="r", nonce="n", uri="sip:h", response="0"'


@pytest.mark.parametrize(
    "value",
    [
        "Basic YTpi",
        WHOLE.replace(', response="0"', ""),
        WHOLE + ', realm="again"',
        WHOLE + ", qop=auth-int, nc=00000001",
        WHOLE + ", qop=auth",
        WHOLE + ", qop=auth, nc=g",
        WHOLE + ", qop=auth, nc=000000001",
        WHOLE + ', opaque="never closed',
        WHOLE + ', opaque="' + "x" * 4096 + '"',
    ],
)
def test_unusable_credentials_are_none(value: str) -> None:
    assert parse_credentials(value) is None


def test_whole_credentials_are_read() -> None:
    assert parse_credentials(WHOLE) is not None


def test_algorithms_are_found_in_any_case() -> None:
    assert find_algorithm("sha-256") is Algorithm.SHA256
    assert find_algorithm("MD5-sess") is None


def test_an_unknown_algorithm_is_never_right() -> None:
    assert not is_right_response(mufasa("SHA-512"), "Circle of Life", "GET")


def test_challenges_come_in_the_order_given() -> None:
    best = write_challenges("r", "n", BEST_FIRST, is_stale=False)
    assert ["SHA-256" in value for value in best] == [True, False]
    old = write_challenges("r", "n", MD5_FIRST, is_stale=True)
    assert ["algorithm=MD5" in value for value in old] == [True, False]
    assert all("stale=true" in value for value in old)


def answer(*values: str) -> Credentials | None:
    header = answer_challenge(
        values, username="u", secret="s", method="NOTIFY", uri="sip:h", cnonce="c"
    )
    return parse_credentials(header) if header else None


def test_the_first_known_challenge_is_answered() -> None:
    credentials = answer(
        'Digest realm="a", nonce="1", algorithm=SHA-512-256, qop="auth"',
        'Digest realm="b", nonce="2", algorithm=SHA-256, qop="auth-int,auth", opaque="o"',
    )
    assert credentials is not None
    assert (credentials.realm, credentials.algorithm, credentials.qop) == ("b", "SHA-256", "auth")


def test_two_challenges_in_one_header_are_told_apart() -> None:
    credentials = answer('Basic realm="x, y", Digest realm="d, e", nonce="1"')
    assert credentials is not None
    assert (credentials.realm, credentials.qop, credentials.nc) == ("d, e", "", "")


@pytest.mark.parametrize(
    "value",
    [
        'Basic realm="x"',
        'Digest realm="x"',
        'Digest realm="x", nonce="1", qop="auth-int"',
        'Digest realm="x", nonce="1", algorithm=SHA-512',
        'Digest realm="x\x00", nonce="1"',
    ],
)
def test_a_challenge_we_cannot_answer_gives_none(value: str) -> None:
    assert answer(value) is None

"""Who is asking: challenges, replays, guesses, and what a stranger can learn."""

from __future__ import annotations

import pytest

from offhook.sip import digest
from offhook.sip.bindings import Source
from offhook.sip.digest import BEST_FIRST, MD5_ONLY
from offhook.sip.message import Headers, Response, read_headers
from tests.unit.sip.build import OTHER, PHONE, Pbx, register


def is_stale(response: Response) -> bool:
    values = response.headers.all("www-authenticate")
    return response.status == 401 and all("stale=true" in value for value in values)


@pytest.mark.parametrize("algorithms", [BEST_FIRST, MD5_ONLY, BEST_FIRST[:1]])
def test_a_right_digest_registers(algorithms: tuple[object, ...]) -> None:
    assert Pbx(algorithms=algorithms).register().status == 200  # type: ignore[arg-type] # sliced


def test_a_digest_without_qop_registers_once_per_nonce() -> None:
    pbx = Pbx()
    challenge = pbx.ask(register())
    text = "\r\n".join(challenge.headers.lines).replace(', qop="auth"', "")
    headers = read_headers(text.split("\r\n"))
    assert isinstance(headers, Headers)
    old = Response(status=401, reason="", headers=headers)
    assert pbx.ask(pbx.signed(register(), old)).status == 200
    assert is_stale(pbx.ask(pbx.signed(register(cseq=2), old)))


def test_a_nonce_serves_several_requests_with_rising_counts() -> None:
    pbx = Pbx()
    challenge = pbx.ask(register())
    answers = [pbx.ask(pbx.signed(register(cseq=n), challenge, nc=n)).status for n in range(1, 4)]
    assert answers == [200, 200, 200]


def test_a_replayed_count_is_stale_and_no_failure() -> None:
    pbx = Pbx()
    challenge = pbx.ask(register())
    pbx.receive(pbx.signed(register(), challenge))
    reaction = pbx.receive(pbx.signed(register(cseq=2), challenge))
    assert reaction.status == 401
    assert reaction.effects == ()


def test_an_old_nonce_is_stale_and_no_failure() -> None:
    pbx = Pbx()
    data = pbx.sign(register())
    pbx.now += 301
    reaction = pbx.receive(data)
    assert reaction.effects == ()
    assert is_stale(pbx.ask(data))


def test_a_nonce_of_another_host_is_stale() -> None:
    pbx = Pbx()
    assert is_stale(pbx.ask(pbx.sign(register()), OTHER))


def test_an_old_nonce_tells_nothing_about_the_password() -> None:
    pbx = Pbx()
    right, wrong = pbx.sign(register()), pbx.sign(register(), secret="guess")
    pbx.now += 301
    assert is_stale(pbx.ask(right))
    assert is_stale(pbx.ask(wrong))


def test_a_wrong_password_is_told_once_per_request() -> None:
    pbx = Pbx()
    data = pbx.sign(register(), secret="wrong")
    reaction = pbx.receive(data)
    assert [effect.reason for effect in reaction.effects] == ["wrong_digest"]  # type: ignore[union-attr] # Refused
    assert pbx.receive(data).effects == ()  # the same answer again


def test_unknown_and_known_users_get_the_same_answer() -> None:
    pbx = Pbx()
    known = pbx.ask(pbx.sign(register(), secret="wrong"))
    unknown = pbx.ask(pbx.sign(register(user="9999"), user="9999"))
    assert (known.status, known.reason) == (unknown.status, unknown.reason)
    assert sorted(known.headers.index) == sorted(unknown.headers.index)
    assert not is_stale(known)
    assert not is_stale(unknown)


def test_an_unknown_user_is_told_as_such() -> None:
    pbx = Pbx()
    reaction = pbx.receive(pbx.sign(register(user="9999"), user="9999"))
    assert [effect.reason for effect in reaction.effects] == ["unknown_user"]  # type: ignore[union-attr] # Refused


@pytest.mark.parametrize(
    "value",
    [
        'Digest username="1001", realm="elsewhere", nonce="n", uri="sip:h", response="0"',
        'Digest username="1001", realm="offhook", nonce="n", uri="sip:h", response="0", '
        "algorithm=MD5-sess",
        "Digest nothing",
        "Basic YTpi",
    ],
)
def test_credentials_that_are_not_for_us_are_a_plain_challenge(value: str) -> None:
    answer = Pbx().ask(register(f"Authorization: {value}"))
    assert answer.status == 401
    assert not is_stale(answer)


def test_our_realm_is_found_among_several() -> None:
    pbx = Pbx()
    foreign = 'Authorization: Digest username="a", realm="b", nonce="n", uri="u", response="0"'
    assert pbx.receive(pbx.sign(register(foreign))).status == 200


def signed_for(pbx: Pbx, uri: bytes) -> bytes:
    """Credentials made for another Request-URI than the one sent."""
    data = register().replace(b"REGISTER sip:pbx.example ", b"REGISTER " + uri + b" ")
    return pbx.sign(data).replace(uri, b"sip:1001@pbx.example", 1)


@pytest.mark.parametrize("uri", [b"sip:192.0.2.1:5060", b"sips:pbx.example;lr", b"sip:1001@h"])
def test_hosts_of_the_digest_uri_may_differ(uri: bytes) -> None:
    pbx = Pbx()
    assert pbx.ask(signed_for(pbx, uri)).status == 200


@pytest.mark.parametrize("uri", [b"sip:1002@pbx.example", b"tel:+1"])
def test_credentials_for_another_user_of_the_uri_are_400(uri: bytes) -> None:
    pbx = Pbx()
    challenge = pbx.ask(register())
    data = pbx.signed(register(), challenge)
    data = data.replace(b'uri="sip:pbx.example"', b'uri="' + uri + b'"')
    data = data.replace(b"REGISTER sip:pbx.example", b"REGISTER sip:1001@pbx.example", 1)
    assert pbx.ask(data).status == 400


def fail(pbx: Pbx, times: int, source: Source, user: str = "1001") -> list[int]:
    statuses = []
    for n in range(times):
        data = register(user=user, call_id=f"guess-{user}-{n}")
        answer = pbx.ask(pbx.sign(data, user=user, secret="guess", source=source), source)
        statuses.append(answer.status)
    return statuses


def test_guessing_is_barred_for_a_minute() -> None:
    pbx = Pbx(failures_a_minute=3)
    assert fail(pbx, 5, OTHER) == [401, 401, 401, 401, 403]
    data = register(call_id="right")
    assert pbx.ask(pbx.sign(data, source=OTHER), OTHER).status == 403
    pbx.now += 61
    assert pbx.ask(pbx.sign(data, source=OTHER), OTHER).status == 200


def test_guessing_elsewhere_does_not_lock_the_phone_out() -> None:
    pbx = Pbx(failures_a_minute=1)
    fail(pbx, 5, OTHER)
    assert pbx.register().status == 200


def test_a_live_phone_is_heard_although_its_address_is_barred() -> None:
    pbx = Pbx(failures_a_minute=1)
    pbx.register()
    neighbour = Source(transport="udp", host=PHONE.host, port=40_000)
    assert fail(pbx, 3, neighbour)[-1] == 403
    assert pbx.register(cseq=2).status == 200
    # A phone on TCP comes back from another port, with the Call-ID only it knows.
    again = Source(transport="tcp", host=PHONE.host, port=41_000)
    assert pbx.register(cseq=3, source=again).status == 200


def test_one_source_trying_many_users_is_barred() -> None:
    pbx = Pbx(failures_a_minute=1)
    statuses = [fail(pbx, 1, OTHER, user=str(5000 + n))[0] for n in range(13)]
    assert statuses == [401] * 11 + [403] * 2


def guesser(number: int) -> Source:
    return Source(transport="udp", host=f"198.51.100.{number}", port=5060)


def test_many_guessing_together_get_one_try_each_a_minute() -> None:
    pbx = Pbx(failures_a_minute=3)
    for number in range(11):
        assert fail(pbx, 3, guesser(number)) == ([401] * 3 if number < 10 else [401, 403, 403])
    assert fail(pbx, 3, guesser(11)) == [401, 403, 403]
    assert fail(pbx, 1, guesser(12), user="1002") == [401]


def test_a_right_password_gets_in_while_many_guess_elsewhere() -> None:
    pbx = Pbx(failures_a_minute=1)
    for number in range(30):
        fail(pbx, 2, guesser(number))
    assert pbx.register().status == 200


def test_guessing_from_one_ipv6_network_is_guessing_from_one_source() -> None:
    pbx = Pbx(failures_a_minute=3)
    neighbours = [Source(transport="udp", host=f"2001:db8::{n}", port=5060) for n in range(1, 7)]
    assert [fail(pbx, 1, source)[0] for source in neighbours] == [401] * 4 + [403] * 2


def test_a_registered_phone_cannot_guess_for_another_without_end() -> None:
    """Its own extension in To, another's name in the credentials."""
    pbx = Pbx(failures_a_minute=3)
    pbx.register()
    statuses = []
    for n in range(6):
        data = register(call_id=f"inside-{n}")
        statuses.append(pbx.ask(pbx.sign(data, user="1002", secret="guess")).status)
    assert statuses == [401] * 4 + [403] * 2
    assert pbx.register(cseq=2).status == 200


def test_a_replay_is_refused_from_everywhere() -> None:
    pbx = Pbx()
    data = pbx.sign(register())
    assert pbx.ask(data).status == 200
    neighbour = Source(transport="udp", host=PHONE.host, port=5999)
    for thief in (OTHER, neighbour):
        reaction = pbx.receive(data, thief)
        assert (reaction.status, reaction.effects) == (401, ())


def test_known_and_unknown_users_cost_the_same_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a clock could tell: the number of hashes, over texts of the same length."""
    hashed: list[int] = []
    plain = digest._hash

    def count(algorithm: digest.Algorithm, text: str) -> str:
        hashed.append(len(text))
        return plain(algorithm, text)

    monkeypatch.setattr(digest, "_hash", count)
    monkeypatch.setattr(digest, "_hash_again", count)
    costs = []
    for user in ("1001", "9999"):
        pbx = Pbx()
        data = pbx.sign(register(user=user), user=user, secret="guess")
        hashed.clear()
        assert pbx.receive(data).status == 401
        costs.append(tuple(hashed))
    known, unknown = costs
    assert len(known) == len(unknown) == 3
    # The dummy secret is not as long as this one; within a block of 64 octets that costs the same.
    assert [size // 64 for size in known] == [size // 64 for size in unknown]

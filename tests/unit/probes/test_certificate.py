"""What a certificate and OpenSSL's verdict on it mean."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID

from offhook.core.tls_ports import HTTPS
from offhook.diagnosis.probe_facts import Trust
from offhook.probes.certificate import certificate_fact, trust_of
from tests.integration.certificates import Authority

NOW = datetime(2026, 1, 5, tzinfo=UTC)


def issued(*, tells_issuer: bool = False, names: tuple[str, ...] = ()) -> x509.Certificate:
    authority = Authority()
    builder = authority._builder("pbx", authority.key)
    if tells_issuer:
        place = x509.UniformResourceIdentifier("http://ca.example/ca.der")
        entry = x509.AccessDescription(AuthorityInformationAccessOID.CA_ISSUERS, place)
        builder = builder.add_extension(x509.AuthorityInformationAccess([entry]), critical=False)
    if names:
        held = [x509.DNSName(name) for name in names]
        builder = builder.add_extension(x509.SubjectAlternativeName(held), critical=False)
    return builder.sign(authority.key, hashes.SHA256())


@pytest.mark.parametrize(
    ("verdict", "tells_issuer", "trust"),
    [
        (0, False, Trust.TRUSTED),
        (18, False, Trust.SELF_SIGNED),
        (19, False, Trust.PRIVATE),
        (20, False, Trust.PRIVATE),
        (20, True, Trust.INCOMPLETE),
        (21, True, Trust.INCOMPLETE),
        (10, True, Trust.UNKNOWN),
    ],
)
def test_verdict_is_put_into_a_word(verdict: int, tells_issuer: bool, trust: Trust) -> None:
    assert trust_of(verdict, issued(tells_issuer=tells_issuer)) is trust


@pytest.mark.parametrize(
    ("names", "wanted", "is_right"),
    [
        (("pbx.example.org",), "PBX.example.org.", True),
        (("*.example.org",), "pbx.example.org", True),
        (("*.example.org",), "a.pbx.example.org", False),
        (("*.example.org",), "example.org", False),
        (("other.example.org",), "pbx.example.org", False),
        (("pbx.example.org",), "192.0.2.1", False),
        ((), "pbx", True),
    ],
)
def test_name_in_the_files_is_compared(names: tuple[str, ...], wanted: str, is_right: bool) -> None:
    fact = certificate_fact(
        issued(names=names),
        0,
        service=HTTPS,
        place="x:5061",
        wanted=wanted,
        disk_problem="",
        at=NOW,
    )
    assert fact.is_name_right is is_right
    assert fact.names == (names or ("pbx",))

"""Look at the certificate of a TLS listener as a client with the usual authorities does."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from datetime import UTC, datetime

from cryptography import x509
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from offhook.core.tls_ports import TlsPort
from offhook.diagnosis.probe_facts import CertificateFact, Trust
from offhook.probes.http_get import trusting

# X509_V_ERR_… of OpenSSL's x509_vfy.h.
_NO_LOCAL_ISSUER, _SELF_SIGNED, _SELF_SIGNED_IN_CHAIN, _NO_LEAF_SIGNATURE = 20, 18, 19, 21


async def shown_certificate(host: str, port: int) -> x509.Certificate:
    """Give the certificate that a listener shows. Raises OSError, ValueError (unreadable)."""
    _, writer = await asyncio.open_connection(host, port, ssl=trusting())
    try:
        opened = writer.get_extra_info("ssl_object")
        return x509.load_der_x509_certificate(opened.getpeercert(binary_form=True))
    finally:
        writer.transport.abort()


async def judged_by_usual_authorities(host: str, port: int) -> int:
    """Give OpenSSL's verdict on the chain, 0 when it is trusted; the name is not looked at."""
    context = ssl.create_default_context()
    context.check_hostname = False
    try:
        _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLCertVerificationError as error:
        return int(error.verify_code)
    writer.transport.abort()
    return 0


def trust_of(verdict: int, certificate: x509.Certificate) -> Trust:
    """Say what a verdict means.

    A chain that ends at an unknown issuer is an authority of one's own, unless the certificate says
    where its issuer's is to be had (RFC 5280 §4.2.2.1), as those of public authorities do: then the
    intermediate was forgotten.
    """
    if verdict == 0:
        return Trust.TRUSTED
    if verdict == _SELF_SIGNED:
        return Trust.SELF_SIGNED
    if verdict == _SELF_SIGNED_IN_CHAIN:
        return Trust.PRIVATE
    if verdict in (_NO_LOCAL_ISSUER, _NO_LEAF_SIGNATURE):
        return Trust.INCOMPLETE if _tells_issuer(certificate) else Trust.PRIVATE
    return Trust.UNKNOWN


def certificate_fact(
    certificate: x509.Certificate,
    verdict: int,
    *,
    service: TlsPort,
    place: str,
    wanted: str,
    disk_problem: str,
    at: datetime,
) -> CertificateFact:
    """Word a certificate as a fact."""
    names = _names(certificate)
    return CertificateFact(
        service=service,
        place=place,
        subject=_common_name(certificate.subject),
        issuer=_common_name(certificate.issuer),
        names=names,
        not_before=certificate.not_valid_before_utc.astimezone(UTC),
        not_after=certificate.not_valid_after_utc.astimezone(UTC),
        wanted=wanted,
        is_name_right=any(_is_match(name, wanted) for name in names),
        trust=trust_of(verdict, certificate),
        disk_problem=disk_problem,
        at=at,
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    """Names and addresses it is for; the common name only without any. RFC 6125 §6.4.4."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        name = _common_name(certificate.subject)
        return (name,) if name else ()
    names = found.get_values_for_type(x509.DNSName)
    return (*names, *(str(address) for address in found.get_values_for_type(x509.IPAddress)))


def _is_match(name: str, wanted: str) -> bool:
    """Compare a name of the certificate; a star stands for one label. RFC 6125 §6.4.3."""
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(wanted)
    except ValueError:
        pass
    name, wanted = name.lower().rstrip("."), wanted.lower().rstrip(".")
    if name.startswith("*."):
        return "." in wanted and name[2:] == wanted.partition(".")[2]
    return name == wanted


def _common_name(name: x509.Name) -> str:
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    text = str(found[0].value) if found else name.rfc4514_string()
    return "".join(char if char.isprintable() else "?" for char in text)[:200]


def _tells_issuer(certificate: x509.Certificate) -> bool:
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
    except (x509.ExtensionNotFound, ValueError):
        return False
    return any(
        item.access_method == AuthorityInformationAccessOID.CA_ISSUERS for item in access.value
    )

"""Certificates made on the spot: an authority, and servers that it vouches for."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _new_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey, password: bytes = b"") -> bytes:
    lock = BestAvailableEncryption(password) if password else NoEncryption()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, lock)


@dataclass
class Authority:
    """Issues certificates for 127.0.0.1."""

    name: str = "authority"
    key: ec.EllipticCurvePrivateKey = field(default_factory=_new_key)

    def issue(self, subject: str = "pbx") -> tuple[bytes, ec.EllipticCurvePrivateKey]:
        """Give a certificate as PEM, and its key."""
        key = _new_key()
        builder = self._builder(subject, key).add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM), key

    def write(self, path: Path, subject: str = "pbx") -> Path:
        """Write certificate and key into one file."""
        certificate, key = self.issue(subject)
        path.write_bytes(certificate + key_pem(key))
        return path

    @property
    def pem(self) -> str:
        """Its own certificate."""
        limits = x509.BasicConstraints(ca=True, path_length=None)
        builder = self._builder(self.name, self.key).add_extension(limits, critical=True)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()

    def trusted(self) -> ssl.SSLContext:
        """Give a client that trusts this authority only."""
        return ssl.create_default_context(cadata=self.pem)

    def _builder(self, subject: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(_name(subject))
            .issuer_name(_name(self.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=30))
        )

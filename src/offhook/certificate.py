"""The certificates of our TLS ports: read, checked, taken anew when their files change."""

from __future__ import annotations

import logging
import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from offhook.core.tls_ports import SIP_TLS, TlsPort

_log = logging.getLogger("offhook.tls")


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateProblem:
    """Why a certificate cannot be used: the setting to mend and what is wrong with it."""

    key: str
    message: str


def load_certificate(
    certificate: Path, key: Path, names: TlsPort = SIP_TLS, *, allows_old: bool = False
) -> ssl.SSLContext | CertificateProblem:
    """Make the context phones are met with: TLS 1.2 or 1.3 (RFC 8996 ended those before).

    `allows_old` lets phones of before 2015 in, with TLS 1.0 and its ciphers.
    """
    problem = _unusable(certificate, names.certificate, b"-----BEGIN CERTIFICATE-----", names)
    problem = problem or _unusable(key, names.key, b"PRIVATE KEY-----", names)
    if problem is not None:
        return problem
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1 if allows_old else ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    # A phone asks for one file after another. With no ticket at all (RFC 8446 §4.6.1) nothing
    # follows its end of the handshake, and it may wait 40 ms for an ACK before it asks.
    context.num_tickets = 1
    if allows_old:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
    try:
        # With a password at hand OpenSSL does not ask for one on the terminal.
        context.load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        return _explained(error, certificate, key, names)
    return context


def _unusable(path: Path, setting: str, mark: bytes, names: TlsPort) -> CertificateProblem | None:
    is_key = setting == names.key
    try:
        content = path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        message = f"cannot read {path}: {reason}; the account Offhook runs as must be able to"
        return CertificateProblem(key=setting, message=message)
    if mark not in content:
        what = "private key" if is_key else "certificate"
        mend = "; name the file with the key here" if is_key else ""
        message = f"{path} holds no {what} in PEM form (text with BEGIN and END lines){mend}"
        return CertificateProblem(key=setting, message=message)
    if is_key and b"ENCRYPTED" in content:
        message = f"{path} is locked by a password; write one without: openssl pkey -in … -out …"
        return CertificateProblem(key=setting, message=message)
    return None


def _explained(
    error: Exception, certificate: Path, key: Path, names: TlsPort
) -> CertificateProblem:
    reason = getattr(error, "reason", None) or ""
    if reason == "KEY_VALUES_MISMATCH":
        message = f"the key in {key} does not belong to the first certificate in {certificate}"
        return CertificateProblem(key=names.key, message=message)
    if reason:
        message = f"OpenSSL refuses {certificate}: {reason.lower().replace('_', ' ')}"
        return CertificateProblem(key=names.certificate, message=message)
    # Without a reason a PEM block is damaged; which one shows when the certificate is read alone.
    try:
        text = certificate.read_text("ascii", "replace")
        ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cadata=text)
    except (OSError, ValueError):
        return CertificateProblem(
            key=names.certificate, message=f"the certificate in {certificate} is damaged"
        )
    return CertificateProblem(key=names.key, message=f"the private key in {key} is damaged")


class Certificate:
    """A certificate on disk; each new connection is met with what the files hold then."""

    def __init__(
        self,
        certificate: Path,
        key: Path | None = None,
        names: TlsPort = SIP_TLS,
        *,
        allows_old: bool = False,
    ) -> None:
        self._names = names
        self._allows_old = allows_old
        self._certificate = certificate
        self._key = key or certificate
        # As text, and each once: each new connection looks at them.
        self._files = tuple(dict.fromkeys((str(certificate), str(self._key))))
        self._context: ssl.SSLContext | None = None
        self._seen: tuple[object, ...] = ()
        self.renewals = 0

    def load(self) -> CertificateProblem | None:
        """Read the files; gives what is wrong with them, and then the former ones stay in use."""
        self._seen = self._state()
        loaded = load_certificate(
            self._certificate, self._key, self._names, allows_old=self._allows_old
        )
        if isinstance(loaded, CertificateProblem):
            return loaded
        self._context = loaded
        return None

    def context(self) -> ssl.SSLContext:
        """Give the context for the next connection. Raises OSError before a load that went well."""
        if self._context is not None and self._state() != self._seen:
            self._renew()
        if self._context is None:
            raise OSError("no certificate was loaded")
        return self._context

    def _renew(self) -> None:
        problem = self.load()
        if problem is None:
            self.renewals += 1
            _log.info(
                "the renewed %s certificate %s is in use", self._names.what, self._certificate
            )
        else:
            _log.warning(
                "the changed %s certificate is not taken, the former one stays in use: %s: %s",
                self._names.what,
                problem.key,
                problem.message,
            )

    def _state(self) -> tuple[object, ...]:
        return tuple([_fingerprint(path) for path in self._files])


def _fingerprint(path: str) -> tuple[int, ...]:
    try:
        found = os.stat(path)  # noqa: PTH116 - a Path made for each connection costs as much
    except OSError:
        return ()
    return found.st_mtime_ns, found.st_size, found.st_ino

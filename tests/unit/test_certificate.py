"""Certificates that cannot be used, and what each is told to mend."""

from __future__ import annotations

import ssl
from pathlib import Path

from offhook.certificate import CertificateProblem, load_certificate
from tests.integration.certificates import Authority, key_pem

CERTIFICATE_PEM, KEY_PEM = "sip.tls_certificate", "sip.tls_key"


def test_each_unusable_file_is_named_with_its_mend(tmp_path: Path) -> None:
    authority = Authority()
    certificate, key = authority.issue()
    _, foreign = authority.issue()
    good, own = tmp_path / "good.pem", tmp_path / "own.key"
    good.write_bytes(certificate)
    own.write_bytes(key_pem(key))
    cases = [
        (tmp_path / "absent", b"", own, None, CERTIFICATE_PEM, "no such file"),
        (tmp_path, b"", own, None, CERTIFICATE_PEM, "is a directory"),
        (tmp_path / "der", b"\x30\x82", own, None, CERTIFICATE_PEM, "no certificate in PEM form"),
        (good, certificate, tmp_path / "absent", None, KEY_PEM, "no such file"),
        (good, certificate, good, None, KEY_PEM, "name the file with the key here"),
        (good, certificate, tmp_path / "f", key_pem(foreign), KEY_PEM, "does not belong"),
        (good, certificate, tmp_path / "l", key_pem(key, b"x"), KEY_PEM, "locked by a password"),
        (good, certificate, tmp_path / "d", damaged(key_pem(key)), KEY_PEM, "is damaged"),
        (tmp_path / "c", damaged(certificate), own, None, CERTIFICATE_PEM, "is damaged"),
    ]
    for path, content, key_path, key_content, setting, message in cases:
        if content and path != good:
            path.write_bytes(content)
        if key_content:
            key_path.write_bytes(key_content)
        found = load_certificate(path, key_path)
        assert isinstance(found, CertificateProblem), (path, key_path)
        assert (found.key, message in found.message) == (setting, True), found
    assert isinstance(load_certificate(good, own), ssl.SSLContext)


def damaged(pem: bytes) -> bytes:
    lines = pem.splitlines()
    return b"\n".join([lines[0], lines[1][:20], *lines[2:]]) + b"\n"

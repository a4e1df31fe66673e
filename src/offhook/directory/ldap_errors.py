"""What went wrong with a directory server, as the fault that a person reads."""

from __future__ import annotations

import re
import socket
import ssl

from offhook.actions.directory_ports import DirectoryError

_BUSY = (51, 52)
"""Result codes busy and unavailable: the same server may answer a moment later (RFC 4511 §A.2)."""
_SUB_CODE = re.compile(r"data ([0-9a-f]+)", re.IGNORECASE)

# Microsoft, "LDAP Wiki: Common Active Directory Bind Errors" and system error codes 1300-1399:
# the hexadecimal number after "data" is the Windows error behind result 49.
_BIND_REASONS = {
    "525": "no such user",
    "52e": "wrong password",
    "52f": "account restricted",
    "530": "not allowed at this time",
    "531": "not allowed from this workstation",
    "532": "password expired",
    "533": "account disabled",
    "568": "account is in too many groups",
    "701": "account expired",
    "773": "password must be changed first",
    "775": "account locked out",
    "80090346": "stronger authentication required (channel binding)",
}
# RFC 4511 §A.2
_BIND_RESULTS = {
    7: "stronger authentication required",
    8: "stronger authentication required",
    13: "stronger authentication required",
    32: "no such user",
    34: "no such user (the name is not a valid DN)",
    48: "this kind of sign-in is not allowed",
    49: "wrong user or password",
    53: "the server is unwilling",
}

# OpenSSL x509_vfy.h, X509_V_ERR_*
_EXPIRED = 10
_NOT_YET_VALID = 9
_WRONG_NAME = (62, 64)
_UNKNOWN_CA = (2, 7, 18, 19, 20, 21, 24, 27)


def unreachable(server: str, problem: str) -> DirectoryError:
    """P501: no answer, or not the whole of it, within the deadlines."""
    return _error("P501", f"directory server {server} cannot be reached", server, problem)


def incomplete(server: str, problem: str, result: int = 0) -> DirectoryError:
    """P507: an answer that must not be taken for the directory."""
    message = f"directory server {server} gave no complete answer"
    return _error("P507", message, server, problem, result=result)


def connect_error(server: str, error: OSError) -> DirectoryError:
    """Name what kept a connection from coming about."""
    return unreachable(server, network_problem(error))


def network_problem(error: OSError) -> str:
    """Say an error of the network in words."""
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError | BrokenPipeError | ssl.SSLEOFError):
        return "connection closed by the server"
    return (error.strerror or type(error).__name__).lower()


def handshake_error(server: str, error: OSError) -> DirectoryError:
    """Name what is wrong with the server's certificate, or with TLS altogether."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _certificate_error(server, error)
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return unreachable(server, "connection closed by the server during the TLS handshake")
    if isinstance(error, ssl.SSLError):
        problem = (error.reason or "unknown").lower().replace("_", " ")
        return _error("P505", f"TLS with {server} failed", server, f"TLS failed: {problem}")
    return connect_error(server, error)


def ca_file_error(server: str, ca_file: str, error: OSError) -> DirectoryError:
    """P504 for a CA file of ours that cannot be used."""
    problem = f"the CA file '{ca_file}' cannot be used: {network_problem(error)}"
    return _error("P504", f"the certificate of {server} cannot be checked", server, problem)


def bind_error(server: str, result: int, diagnostic: str) -> DirectoryError:
    """P506 with the reason in words; busy servers are P507."""
    if result in _BUSY:
        return result_error(server, result, "busy")
    code = _SUB_CODE.search(diagnostic)
    reason = _BIND_REASONS.get(code[1].lower()) if code else None
    reason = reason or _BIND_RESULTS.get(result) or f"refused with result {result}"
    message = f"directory server {server} refused the sign-in: {reason}"
    return DirectoryError("P506", message, {"server": server, "reason": reason})


def result_error(server: str, result: int, description: str) -> DirectoryError:
    """P507 for a result code that is not success. RFC 4511 §4.1.9."""
    return incomplete(server, f"the search ended with {description} ({result})", result)


def can_ask_again(error: DirectoryError) -> bool:
    """Say whether the same server may do better in a moment."""
    return error.code == "P501" or error.values.get("result") in _BUSY


def can_ask_others(error: DirectoryError) -> bool:
    """Say whether another server may do better: never after a refusal, which counts to a lock."""
    return error.code != "P506"


def worst(errors: list[DirectoryError]) -> DirectoryError:
    """Choose what to tell when all servers failed: what names more than "not reachable"."""
    for error in errors:
        if error.code != "P501":
            return error
    return errors[-1]


def _certificate_error(server: str, error: ssl.SSLCertVerificationError) -> DirectoryError:
    code, problem = error.verify_code, error.verify_message
    if code == _EXPIRED:
        return _error("P502", f"the certificate of {server} has expired", server, problem)
    if code in _WRONG_NAME:
        return _error("P503", f"the certificate of {server} is for another name", server, problem)
    if code in _UNKNOWN_CA:
        return _error(
            "P504", f"the certificate of {server} is of an unknown authority", server, problem
        )
    if code == _NOT_YET_VALID:
        return _error("P505", f"the certificate of {server} is not yet valid", server, problem)
    return _error("P505", f"the certificate of {server} is not accepted", server, problem)


def _error(code: str, message: str, server: str, problem: str, **more: object) -> DirectoryError:
    values = {"server": server, "problem": problem, **more}
    return DirectoryError(code, f"{message}: {problem}", values)

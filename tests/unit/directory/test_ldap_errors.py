"""Errors of a directory server, in words."""

from __future__ import annotations

import socket
import ssl

import pytest

from offhook.actions.directory_ports import DirectoryError
from offhook.directory.ldap_errors import (
    bind_error,
    can_ask_again,
    can_ask_others,
    connect_error,
    handshake_error,
    incomplete,
    result_error,
    unreachable,
    worst,
)

SERVER = "ldaps://dc1.example.test"


def windows(code: str) -> str:
    """What a domain controller says with result 49."""
    return (
        "80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, "
        f"data {code}, v1db1"
    )


@pytest.mark.parametrize(
    ("result", "diagnostic", "reason"),
    [
        (49, windows("52e"), "wrong password"),
        (49, windows("52E"), "wrong password"),
        (49, windows("525"), "no such user"),
        (49, windows("530"), "not allowed at this time"),
        (49, windows("531"), "not allowed from this workstation"),
        (49, windows("532"), "password expired"),
        (49, windows("533"), "account disabled"),
        (49, windows("701"), "account expired"),
        (49, windows("773"), "password must be changed first"),
        (49, windows("775"), "account locked out"),
        (49, windows("80090346"), "stronger authentication required (channel binding)"),
        (49, windows("999"), "wrong user or password"),
        (49, "", "wrong user or password"),
        (8, "BindSimple: Transport encryption required.", "stronger authentication required"),
        (34, "", "no such user (the name is not a valid DN)"),
        (80, "", "refused with result 80"),
    ],
)
def test_refused_bind_has_a_reason(result: int, diagnostic: str, reason: str) -> None:
    error = bind_error(SERVER, result, diagnostic)
    assert error.code == "P506"
    assert error.values == {"server": SERVER, "reason": reason}
    assert not can_ask_others(error)


def test_busy_server_is_no_refusal() -> None:
    error = bind_error(SERVER, 51, "")
    assert error.code == "P507"
    assert can_ask_again(error)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (10, "P502"),
        (62, "P503"),
        (64, "P503"),
        (18, "P504"),
        (20, "P504"),
        (9, "P505"),
        (68, "P505"),
    ],
)
def test_certificate_problem_has_its_code(number: int, code: str) -> None:
    cause = ssl.SSLCertVerificationError(1, "verify failed")
    cause.verify_code, cause.verify_message = number, "as OpenSSL says"
    error = handshake_error(SERVER, cause)
    assert error.code == code
    assert error.values == {"server": SERVER, "problem": "as OpenSSL says"}
    assert not can_ask_again(error)
    assert can_ask_others(error)


@pytest.mark.parametrize(
    ("cause", "problem"),
    [
        (TimeoutError(), "no answer in time"),
        (socket.gaierror(-2, "Name or service not known"), "its name cannot be resolved"),
        (ConnectionRefusedError(111, "Connection refused"), "connection refused"),
        (ConnectionResetError(104, "reset"), "connection closed by the server"),
        (OSError(113, "No route to host"), "no route to host"),
        (OSError(), "oserror"),
    ],
)
def test_network_problem_is_unreachable(cause: OSError, problem: str) -> None:
    for error in (connect_error(SERVER, cause), handshake_error(SERVER, cause)):
        assert error.code == "P501"
        assert error.values["problem"] == problem
        assert can_ask_again(error)


def test_end_of_connection_in_the_handshake_is_unreachable() -> None:
    assert handshake_error(SERVER, ssl.SSLEOFError(8, "eof")).code == "P501"


@pytest.mark.parametrize(
    ("result", "is_transient"), [(51, True), (52, True), (10, False), (4, False)]
)
def test_only_busy_servers_are_asked_again(result: int, is_transient: bool) -> None:
    error = result_error(SERVER, result, "words")
    assert (error.code, error.values["result"]) == ("P507", result)
    assert can_ask_again(error) is is_transient
    assert can_ask_others(error)


def test_the_telling_error_is_told() -> None:
    silent: DirectoryError = unreachable(SERVER, "connection refused")
    telling = incomplete(SERVER, "referral")
    assert worst([silent, telling, silent]) is telling
    assert worst([silent]) is silent

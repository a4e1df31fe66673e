"""Settings that cannot work are refused when they are made."""

from __future__ import annotations

from dataclasses import replace

import pytest

from offhook.core.secret import Secret
from offhook.directory.ldap_settings import LdapServer, LdapSettings, parse_server

GOOD = LdapSettings(
    servers=("ldaps://dc1.example.test", "ldaps://dc2.example.test:3269/"),
    bind_dn="svc@example.test",
    bind_password=Secret("hush"),
)


def test_servers_keep_their_order_and_default_ports() -> None:
    assert GOOD.parsed_servers() == (
        LdapServer(
            name="ldaps://dc1.example.test", host="dc1.example.test", port=636, is_ldaps=True
        ),
        LdapServer(
            name="ldaps://dc2.example.test:3269/", host="dc2.example.test", port=3269, is_ldaps=True
        ),
    )


def test_start_tls_allows_the_other_scheme() -> None:
    url = "ldap://[::1]"
    settings = replace(GOOD, servers=(url,), start_tls=True)
    expected = LdapServer(name=url, host="::1", port=389, is_ldaps=False)
    assert settings.parsed_servers() == (expected,)


@pytest.mark.parametrize(
    "url",
    [
        "dc1.example.test",
        "ldap://dc1.example.test",
        "https://dc1.example.test",
        "ldaps://",
        "ldaps://dc1/DC=x",
        "ldaps://dc1?x",
        "ldaps://svc:hush@dc1",
        "ldaps://dc1:99999",
    ],
)
def test_other_urls_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_server(url, can_start_tls=False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"servers": ()}, "no directory server"),
        ({"bind_dn": " "}, "bind_dn is empty"),
        ({"bind_password": Secret("")}, "anonymous"),
        ({"verify": "maybe"}, "neither full nor none"),
        ({"page_size": 0}, "page_size 0"),
        ({"page_size": 1001}, "page_size 1001"),
        ({"attributes": ("cn", "*")}, "'\\*' is not the name"),
        ({"attributes": ("mail)(x=",)}, "is not the name"),
        ({"base_dn": ("",)}, "a base_dn is empty"),
        ({"base_dn": ("OU=A,DC=x", "dc=X")}, "'OU=A,DC=x' lies within"),
        ({"base_dn": ("OU=A,DC=x", "ou=a, dc=x")}, "lies within"),
        ({"user_filter": "(cn=a"}, "is wrong at character"),
    ],
)
def test_what_cannot_work_is_refused(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        replace(GOOD, **changes)


def test_password_is_not_shown() -> None:
    assert "hush" not in repr(GOOD)

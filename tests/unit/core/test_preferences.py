"""Preferences: the neutral settings and their checks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.preferences import (
    PARSERS,
    PreferenceError,
    Preferences,
    merged,
    neutral_names,
    parse_preference,
)


def test_every_preference_has_a_parser() -> None:
    assert set(PARSERS) == set(neutral_names())


@pytest.mark.parametrize("name", neutral_names())
def test_default_is_accepted_by_its_own_parser(name: str) -> None:
    value = getattr(Preferences(), name)
    text = ",".join(value) if isinstance(value, tuple) else str(value)
    assert parse_preference(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("transport", " TCP ", "tcp"),
        ("register_expires_s", "60", 60),
        ("ntp_server", "2001:db8::1", "2001:db8::1"),
        ("time_zone", "Europe/Berlin", "Europe/Berlin"),
        ("codecs", "PCMA, opus,pcma,", ("pcma", "opus")),
        ("dtmf", "INFO", "info"),
        ("voicemail_number", "", ""),
        ("voicemail_number", "*97#", "*97#"),
        ("resync_minutes", "0", 0),
    ],
)
def test_reads(name: str, text: str, value: object) -> None:
    assert parse_preference(name, text) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("transport", "sctp"),
        ("register_expires_s", "59"),
        ("register_expires_s", "86401"),
        ("register_expires_s", "-1"),
        ("register_expires_s", "٣٦٠٠"),
        ("register_expires_s", "1e3"),
        ("ntp_server", ""),
        ("ntp_server", "a b"),
        ("ntp_server", "a\nb"),
        ("time_zone", "Europe/Atlantis"),
        ("time_zone", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("language", "EN"),
        ("language", "english"),
        ("country", "us"),
        ("codecs", ""),
        ("codecs", "pcma,mp3"),
        ("dtmf", "smoke"),
        ("voicemail_number", "97 98"),
        ("voicemail_number", "9" * 33),
        ("resync_minutes", "44641"),
    ],
)
def test_refuses_with_name_and_value(name: str, text: str) -> None:
    with pytest.raises(PreferenceError) as caught:
        parse_preference(name, text)
    assert name in str(caught.value)
    assert repr(text) in str(caught.value)


def test_merges_neutral_settings_and_leaves_the_makers_own() -> None:
    settings = {"transport": "tls", "codecs": "pcmu", "account.1.label": "x", "P47": "y"}
    assert merged(Preferences(), settings) == Preferences(transport="tls", codecs=("pcmu",))
    assert merged(Preferences(dtmf="info"), {"P47": "y"}) == Preferences(dtmf="info")


@given(st.sampled_from(neutral_names()), st.text(max_size=40))
def test_any_text_is_a_value_or_a_preference_error(name: str, text: str) -> None:
    try:
        value = parse_preference(name, text)
    except PreferenceError:
        return
    again = ",".join(value) if isinstance(value, tuple) else str(value)
    assert parse_preference(name, again) == value

"""Texts for people: what is masked by its key, in URLs, and because it is known to be secret."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.actions.masking import scrubbed, shown_value
from offhook.core.maker_keys import MakerKeys

KEYS = MakerKeys(secret=re.compile("P34|P2"))
MASK = "********"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a.password = geheim", f"a.password = {MASK}"),
        ("  a.password=geheim", f"  a.password={MASK}"),
        ("a.label = geheim", "a.label = geheim"),
        ("<P34>geheim</P34>", f"<P34>{MASK}</P34>"),
        ("<P35>geheim</P35>", "<P35>geheim</P35>"),
        ("<P34></P34>", "<P34></P34>"),
        ('<A x="1" a.password="geheim"/>', f'<A x="1" a.password="{MASK}"/>'),
        (
            '<item name="users.admin.password">geheim</item>',
            f'<item name="users.admin.password">{MASK}</item>',
        ),
        ("u = http://ada:geheim@192.0.2.1/", f"u = http://ada:{MASK}@192.0.2.1/"),
        (f"a.password = admin:{MASK} (changed)", f"a.password = admin:{MASK} (changed)"),
    ],
)
def test_masks_by_the_names_of_keys_and_in_urls(text: str, shown: str) -> None:
    assert scrubbed(text, KEYS) == shown


def test_masks_known_secrets_wherever_they_stand_and_however_escaped() -> None:
    text = "x = aa&bb<cc\n<X>aa&amp;bb&lt;cc</X>\n# aa&bb<cc"
    assert "bb" not in scrubbed(text, KEYS, ["aa&bb<cc"])


def test_short_words_are_masked_by_their_key_only() -> None:
    assert scrubbed("a.pin = 12\nb = 12", KEYS, ["12"]) == f"a.pin = {MASK}\nb = 12"


def test_shows_a_value_by_its_key() -> None:
    assert shown_value("P34", "geheim", KEYS, ()) == MASK
    assert shown_value("P34", "", KEYS, ()) == ""
    assert shown_value("P35", None, KEYS, ()) is None
    assert shown_value("P35", "of geheim", KEYS, ["geheim"]) == f"of {MASK}"


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.from_regex(r"[!-~]{6,30}", fullmatch=True))
def test_no_known_secret_is_left_in_any_text(before: str, after: str, secret: str) -> None:
    shown = scrubbed(before + secret + after, KEYS, [secret])
    assert secret not in shown or secret in MASK

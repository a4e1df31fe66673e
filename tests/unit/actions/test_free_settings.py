"""Free settings as people see them."""

from __future__ import annotations

from offhook.actions.free_settings import masked_settings
from offhook.core.secret import MASK


def test_passwords_of_every_maker_are_masked_whatever_their_key_is_called() -> None:
    shown = masked_settings(
        {"P34": "one", "account.1.password": "two", "P3": "Ada", "locale": "de"}
    )
    assert shown == {"P34": MASK, "account.1.password": MASK, "P3": "Ada", "locale": "de"}

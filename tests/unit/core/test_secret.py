"""A secret shows itself to nobody, and is decrypted when it is first used."""

from __future__ import annotations

import pytest

from offhook.core.secret import Secret


@pytest.mark.parametrize("secret", [Secret("pw"), Secret(lambda: "pw")])
def test_only_reveal_gives_the_text(secret: Secret) -> None:
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret.reveal() == "pw"
    assert f"{secret} {secret!r}" == "*** ***"


def test_one_that_is_not_decrypted_yet_is_equal_to_one_that_is() -> None:
    assert Secret(lambda: "pw") == Secret("pw") == Secret(lambda: "pw")
    assert Secret(lambda: "pw") != Secret("other")
    assert Secret("pw") != "pw"
    assert hash(Secret(lambda: "pw")) == hash(Secret("pw"))
    assert (bool(Secret(lambda: "")), bool(Secret(lambda: "pw"))) == (False, True)


def test_is_decrypted_once() -> None:
    texts = iter(["pw"])
    secret = Secret(lambda: next(texts))
    assert [secret.reveal(), secret.reveal(), str(secret == Secret("pw"))] == ["pw", "pw", "True"]

"""Vendor types: spellings of models, what was proven."""

from dataclasses import replace

import pytest

from offhook.core.secret import Secret
from offhook.core.vendor import UNTRIED, Model, first_code, fold, model_codes

T46S = Model(name="t46s", label="SIP-T46S", family="x", lines=16, codes=("y000000000066",))


@pytest.mark.parametrize("text", ["ZIP 33G", "zip33g", "ZIP-33G", "Zip_33.G", "zip/33g"])
def test_fold_drops_separators_and_case(text: str) -> None:
    assert fold(text) == fold(fold(text)) == "zip33g"


def test_codes_are_name_label_and_others() -> None:
    assert model_codes(T46S) == {"t46s", "sipt46s", "y000000000066"}


def test_first_code_is_the_name_without_codes() -> None:
    assert first_code(T46S) == "y000000000066"
    assert first_code(replace(T46S, codes=())) == "t46s"


def test_support_says_what_was_proven() -> None:
    assert T46S.support == UNTRIED
    assert replace(T46S, tried="66.86.0.15").support == "tried on hardware, firmware 66.86.0.15"


def test_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")
    assert (str(secret), repr(secret), f"{secret}") == ("***", "***", "***")
    assert secret.reveal() == "hunter2"
    assert secret
    assert not Secret("")

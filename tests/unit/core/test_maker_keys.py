"""What is known of a maker's keys: classes and generations."""

from __future__ import annotations

import re

import pytest

from offhook.core.maker_keys import KeyClass, MakerKeys

KEYS = MakerKeys(
    network=re.compile(r"net\..+"),
    secret=re.compile(r"P34|net\.key"),
    preference=re.compile(r"ring\..+"),
    firmware_from=1,
)


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("P34", KeyClass.SECRET),
        ("net.password", KeyClass.SECRET),
        ("net.key", KeyClass.SECRET),
        ("net.vlan", KeyClass.NETWORK),
        ("ring.volume", KeyClass.PREFERENCE),
        ("P340", KeyClass.OTHER),
        ("a.net.b", KeyClass.OTHER),
    ],
)
def test_tells_the_class_of_a_key(key: str, kind: KeyClass) -> None:
    assert KEYS.classify(key) is kind


def test_maker_of_whom_nothing_is_known_still_has_secrets() -> None:
    assert MakerKeys().classify("sip.password") is KeyClass.SECRET
    assert MakerKeys().classify("net.vlan") is KeyClass.OTHER


@pytest.mark.parametrize(
    ("text", "generation"),
    [
        ("66.86.0.15", (86, 0, 15)),
        ("66.86.beta", (86,)),
        ("66", ()),
        ("", ()),
        ("5-9-7", (9, 7)),
        ("1.²", ()),
        ("1." + "9" * 500, (999999999,)),
    ],
)
def test_reads_the_generation_of_a_firmware(text: str, generation: tuple[int, ...]) -> None:
    assert KEYS.generation(text) == generation

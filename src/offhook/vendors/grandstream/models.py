"""Grandstream's models, and the numbers behind each account's values.

Value numbers are those of the vendor's own template comments for GXP16xx and HT80x as two
open-source projects carry them; accounts 3 to 6 follow the same steps (P5xx, P6xx, P17xx, P18xx),
their codec and DTMF numbers unverified. Accounts per model are from general knowledge of the data
sheets, unverified.
"""

from __future__ import annotations

from collections.abc import Mapping

from offhook.core.vendor import Model

_Keys = Mapping[str, object]


def _numbered(*numbers: int) -> tuple[str, ...]:
    return tuple(f"P{number}" for number in numbers)


def _account(base: int, dtmf: int) -> _Keys:
    """Value numbers of account 2 and later on a desk phone."""
    return {
        "active": f"P{base + 1}",
        "server": f"P{base + 2}",
        "user": f"P{base + 4}",
        "auth": f"P{base + 5}",
        "password": f"P{base + 6}",
        "display_name": f"P{base + 7}",
        "register": f"P{base + 10}",
        "expires_min": f"P{base + 12}",
        "label": f"P{base + 17}",
        "voicemail": f"P{base + 26}",
        "transport": f"P{base + 48}",
        "codecs": _numbered(*range(base + 51, base + 59)),
        "dtmf": _numbered(dtmf + 1, dtmf + 2, dtmf + 3),
        "dtmf_type": f"P{base + 96}",
    }


_FIRST: _Keys = {
    "active": "P271",
    "server": "P47",
    "user": "P35",
    "auth": "P36",
    "password": "P34",
    "display_name": "P3",
    "register": "P31",
    "expires_min": "P32",
    "label": "P270",
    "voicemail": "P33",
    "transport": "P130",
    "codecs": _numbered(57, 58, 59, 60, 61, 62, 46, 98),
    "dtmf": _numbered(2301, 2302, 2303),
    "dtmf_type": "P79",
}
_DESK = (
    _FIRST,
    _account(400, 2400),
    _account(500, 2500),
    _account(600, 2600),
    _account(1700, 2700),
    _account(1800, 2800),
)
# An adapter orders its DTMF methods instead of switching each on. It shows no label and has no key
# for voicemail; the first port's numbers are written all the same and ignored, the second port has
# none.
_FXS_1: _Keys = {**_FIRST, "dtmf": _numbered(850, 851, 852)}
_FXS_2: _Keys = {
    "active": "P401",
    "server": "P747",
    "user": "P735",
    "auth": "P736",
    "password": "P734",
    "display_name": "P703",
    "register": "P731",
    "expires_min": "P732",
    "label": "",
    "voicemail": "",
    "transport": "P830",
    "codecs": _numbered(757, 758, 759, 760, 761, 762, 814, 815),
    "dtmf": _numbered(860, 861, 862),
    "dtmf_type": "P779",
}

# Our codec to the payload number that names it. GXP16xx lists no Opus, adapters no G.722, and
# their iLBC is 97 instead of 98.
_CODECS_16 = {"g722": 9, "pcma": 8, "pcmu": 0, "g729": 18, "ilbc": 98}
_CODECS = {**_CODECS_16, "opus": 123}
_CODECS_HT = {"pcma": 8, "pcmu": 0, "g729": 18, "ilbc": 97, "opus": 123}


def _phone(label: str, lines: int, keys: int, codecs: Mapping[str, int]) -> Model:
    return Model(
        name=label.lower(),
        label=label,
        family="desk",
        lines=lines,
        line_keys=keys,
        codes=(label.lower(),),
        facts={"accounts": _DESK[:lines], "codecs": codecs},
    )


def _adapter(label: str, ports: int, *, has_profiles: bool) -> Model:
    """Make an adapter; with profiles, ports share the server settings of profile 1."""
    accounts = (_FXS_1,) if has_profiles else (_FXS_1, _FXS_2)[:ports]
    return Model(
        name=label.lower(),
        label=label,
        family="profiles" if has_profiles else "ports",
        lines=ports,
        codes=(label.lower(), f"{label}V2"),
        facts={"accounts": accounts, "codecs": _CODECS_HT},
    )


MODELS = (
    _phone("GXP1610", 1, 2, _CODECS_16),
    _phone("GXP1615", 1, 2, _CODECS_16),
    _phone("GXP1620", 2, 2, _CODECS_16),
    _phone("GXP1625", 2, 2, _CODECS_16),
    _phone("GXP1628", 2, 2, _CODECS_16),
    _phone("GXP1630", 3, 3, _CODECS_16),
    _phone("GXP2130", 3, 3, _CODECS),
    _phone("GXP2135", 4, 8, _CODECS),
    _phone("GXP2140", 4, 4, _CODECS),
    _phone("GXP2160", 6, 6, _CODECS),
    _phone("GXP2170", 6, 12, _CODECS),
    _phone("GRP2601", 2, 2, _CODECS),
    _phone("GRP2602", 2, 2, _CODECS),
    _phone("GRP2603", 3, 3, _CODECS),
    _phone("GRP2604", 3, 3, _CODECS),
    _phone("GRP2612", 2, 2, _CODECS),
    _phone("GRP2613", 3, 3, _CODECS),
    _phone("GRP2614", 4, 4, _CODECS),
    _phone("GRP2615", 5, 10, _CODECS),
    _phone("GRP2616", 6, 6, _CODECS),
    _phone("GRP2624", 4, 8, _CODECS),
    _phone("GRP2634", 4, 8, _CODECS),
    _phone("GRP2636", 6, 12, _CODECS),
    _phone("GRP2650", 6, 14, _CODECS),
    _phone("GRP2670", 6, 12, _CODECS),
    _adapter("HT801", 1, has_profiles=False),
    _adapter("HT802", 2, has_profiles=False),
    _adapter("HT812", 2, has_profiles=True),
    _adapter("HT814", 4, has_profiles=True),
    _adapter("HT818", 8, has_profiles=True),
)

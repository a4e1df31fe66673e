"""Poly's models: registrations each one takes.

Numbers of lines are from general knowledge of the data sheets, unverified; where they were in
doubt the smaller one stands. The spelling with `_` is the phone's own.
"""

from __future__ import annotations

from offhook.core.vendor import Model, fold


def _models(
    family: str, label: str, spelling: str, short: str, lines: dict[str, int]
) -> tuple[Model, ...]:
    """Make models: every prefix gets the number; the API takes the folded spelling."""
    return tuple(
        Model(
            name=fold(spelling + number),
            label=f"{label} {number}",
            family=family,
            lines=count,
            line_keys=count,
            codes=(spelling + number, short + number),
        )
        for number, count in lines.items()
    )


_VVX = {
    "101": 1,
    "150": 2,
    "201": 2,
    "250": 4,
    "300": 6,
    "301": 6,
    "310": 6,
    "311": 6,
    "350": 6,
    "400": 12,
    "401": 12,
    "410": 12,
    "411": 12,
    "450": 12,
    "500": 12,
    "501": 12,
    "600": 16,
    "601": 16,
    "1500": 6,
}
_SOUNDPOINT = {"321": 2, "331": 2, "335": 2, "450": 3, "550": 4, "560": 4, "650": 6, "670": 6}
_SOUNDSTATION = {"5000": 1, "6000": 1, "7000": 1}
_EDGE = {
    "E100": 2,
    "E220": 4,
    "E300": 8,
    "E320": 8,
    "E350": 8,
    "E400": 8,
    "E450": 8,
    "E500": 8,
    "E550": 8,
}

MODELS = (
    *_models("vvx", "VVX", "VVX_", "VVX", _VVX),
    *_models("soundpoint", "SoundPoint IP", "SPIP_", "IP", _SOUNDPOINT),
    *_models("soundstation", "SoundStation IP", "SSIP_", "IP", _SOUNDSTATION),
    *_models("edge", "Edge", "Edge_", "", _EDGE),
)

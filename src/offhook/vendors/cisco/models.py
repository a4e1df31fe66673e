"""Cisco's models with the flat profile: lines, codecs and the name each asks its file by.

Numbers of lines are from general knowledge of the data sheets, unverified.
"""

from __future__ import annotations

from offhook.core.vendor import Model

# Our name to the maker's, as Preferred_Codec_n_ and <codec>_Enable_n_ spell it. The spelling of
# OPUS and iLBC is unverified.
_CODECS_SPA = {"g722": "G722", "pcma": "G711a", "pcmu": "G711u", "g729": "G729a"}
_CODECS_MPP = {**_CODECS_SPA, "opus": "OPUS", "ilbc": "iLBC"}

_SPA = {
    "301": 1,
    "303": 3,
    "501G": 8,
    "502G": 1,
    "504G": 4,
    "508G": 8,
    "509G": 12,
    "512G": 1,
    "514G": 4,
    "525G": 5,
    "525G2": 5,
}
_MPP = {
    "6821": 2,
    "6841": 4,
    "6851": 4,
    "6861": 4,
    "6871": 6,
    "7811": 1,
    "7821": 2,
    "7832": 1,
    "7841": 4,
    "7861": 16,
    "8811": 10,
    "8832": 1,
    "8841": 10,
    "8845": 10,
    "8851": 10,
    "8861": 10,
    "8865": 10,
}


def _spa(number: str, lines: int) -> Model:
    return Model(
        name=f"spa{number}".lower(),
        label=f"SPA{number}",
        family="spa",
        lines=lines,
        line_keys=lines,
        codes=(number,),
        facts={"codecs": _CODECS_SPA, "password_element": "Admin_Passwd"},
    )


def _mpp(number: str, lines: int) -> Model:
    return Model(
        name=f"cp{number}",
        label=f"CP-{number}-3PCC",
        family="mpp",
        lines=lines,
        line_keys=lines,
        codes=(f"{number}-3PCC", number),
        facts={"codecs": _CODECS_MPP, "password_element": "Admin_Password"},
    )


MODELS = (
    *(_spa(number, lines) for number, lines in _SPA.items()),
    *(_mpp(number, lines) for number, lines in _MPP.items()),
)

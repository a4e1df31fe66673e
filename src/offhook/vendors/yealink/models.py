"""Yealink's models: the number of the common file, accounts, line keys and firmware generation.

File numbers, accounts and keys: provisioning templates of two open-source projects that agree with
Yealink's guides, or one of them; what neither tells is marked unverified and errs to the low side.
"""

from __future__ import annotations

from offhook.core.vendor import Model, fold

# Slots of `account.X.codec.N` whose codec is the same on every model (guides V70-V81): number,
# our name, Yealink's name, RTP number. They are also all that a phone has switched on by itself.
_SLOTS = (
    (1, "pcmu", "PCMU", 0),
    (2, "pcma", "PCMA", 8),
    (5, "g729", "G729", 18),
    (6, "g722", "G722", 9),
)
# T19/T21/T23/T27/T40 keep iLBC in slot 3, where the larger models have G.723 (seen in the SDP of
# an OEM phone of the T23 class, firmware 47.80).
_SLOTS_SMALL = (*_SLOTS, (3, "ilbc", "iLBC", 106))

_SLOTS_OF = {"v7x": _SLOTS, "v8x": _SLOTS, "v8x-small": _SLOTS_SMALL, "v86": ()}


def _model(
    number: int,
    label: str,
    generation: str,
    lines: int,
    line_keys: int,
    *also: str,
    first_line: int = 1,
) -> Model:
    """Make a model; `first_line` is what `linekey.N.line` calls the first account."""
    code = f"y{number:012d}"
    is_desk_phone = label.startswith("SIP-")
    with_prefix = [f"sip{name}" for name in also] if is_desk_phone else []
    return Model(
        name=fold(label.removeprefix("SIP-").removeprefix("SIP VP-")),
        label=label,
        family=generation.removesuffix("-small"),
        lines=lines,
        line_keys=line_keys,
        codes=(code, *also, *with_prefix),
        facts={"slots": _SLOTS_OF[generation], "first_line": first_line},
    )


# Models that end with firmware V70-V73 and know only the old names.
_V7X = (
    _model(0, "SIP-T28P", "v7x", 6, 6),
    _model(4, "SIP-T26P", "v7x", 3, 3),
    _model(5, "SIP-T22P", "v7x", 3, 3),
    _model(7, "SIP-T20P", "v7x", 2, 2),
    _model(32, "SIP-T32G", "v7x", 3, 3, first_line=0),  # accounts: unverified
    _model(38, "SIP-T38G", "v7x", 6, 6, first_line=0),
    _model(23, "VP530", "v7x", 4, 0, "vp530p"),  # accounts: unverified
)

# Models in the field with V80 or older as well as V81 and later: old and new names side by side.
_V8X = (
    _model(53, "SIP-T19P_E2", "v8x-small", 1, 0, "t19e2"),
    _model(52, "SIP-T21P_E2", "v8x-small", 2, 2, "t21e2"),
    _model(44, "SIP-T23G", "v8x-small", 3, 3, "t23p"),
    _model(45, "SIP-T27P", "v8x-small", 6, 21),
    _model(69, "SIP-T27G", "v8x-small", 6, 21),
    _model(46, "SIP-T29G", "v8x", 16, 27),
    _model(54, "SIP-T40P", "v8x-small", 3, 3),
    _model(76, "SIP-T40G", "v8x-small", 3, 3),
    _model(36, "SIP-T41P", "v8x", 6, 15),
    _model(29, "SIP-T42G", "v8x", 12, 15),
    _model(28, "SIP-T46G", "v8x", 16, 27),
    _model(35, "SIP-T48G", "v8x", 16, 29),
    _model(51, "SIP VP-T49G", "v8x", 16, 29, "vpt49g"),  # accounts and keys: unverified
    _model(68, "SIP-T41S", "v8x", 6, 15),
    _model(67, "SIP-T42S", "v8x", 12, 15),
    _model(66, "SIP-T46S", "v8x", 16, 27),
    _model(65, "SIP-T48S", "v8x", 16, 29),
    _model(74, "SIP-T52S", "v8x", 12, 21),  # accounts and keys: unverified
    _model(70, "SIP-T54S", "v8x", 16, 27),
    _model(56, "SIP-T56A", "v8x", 16, 27),  # accounts and keys: unverified
    _model(58, "SIP-T58A", "v8x", 16, 27, "t58", "t58v"),
    _model(37, "CP860", "v8x", 1, 0),
    _model(78, "CP920", "v8x", 1, 0),
    _model(73, "CP960", "v8x", 1, 0),
    _model(25, "W52P", "v8x", 5, 0, "w56p", "sipw52p", "sipw56p"),
    _model(77, "W60B", "v8x", 8, 0, "sipw60b"),
)

# Models born with V84 or later: new names only.
_V86 = (
    _model(116, "SIP-T42U", "v86", 12, 15),
    _model(107, "SIP-T43U", "v86", 12, 21),
    _model(108, "SIP-T46U", "v86", 16, 27),
    _model(109, "SIP-T48U", "v86", 16, 29),
    _model(174, "SIP-T44W", "v86", 12, 24),
    # T30 and T31 without letters ask for the T31G's file (unverified); a T30 has one account and
    # no line keys, and skips the rest.
    _model(123, "SIP-T31G", "v86", 2, 2, "t30", "t30p", "t31", "t31p"),
    _model(172, "SIP-T31W", "v86", 2, 2),
    _model(124, "SIP-T33G", "v86", 4, 12, "t33p"),
    _model(171, "SIP-T34W", "v86", 4, 12),
    _model(95, "SIP-T53W", "v86", 12, 21, "t53"),
    _model(96, "SIP-T54W", "v86", 16, 27),
    _model(97, "SIP-T57W", "v86", 16, 29),
    _model(150, "SIP-T58W", "v86", 16, 27),
    # T7x and T8x: only the keys are told; the accounts are unverified.
    _model(186, "SIP-T73U", "v86", 12, 48),
    _model(183, "SIP-T73W", "v86", 12, 48),
    _model(187, "SIP-T74U", "v86", 16, 60),
    _model(184, "SIP-T74W", "v86", 16, 60),
    _model(188, "SIP-T77U", "v86", 16, 95),
    _model(196, "SIP-T85W", "v86", 16, 72),
    _model(197, "SIP-T87W", "v86", 16, 95),
    _model(192, "SIP-T88W", "v86", 16, 16, "t88v"),  # keys: unverified
    _model(148, "CP925", "v86", 1, 0),
    _model(143, "CP965", "v86", 1, 0),
    _model(91, "SIP-VP59", "v86", 16, 27),  # accounts and keys: unverified
    _model(146, "W70B", "v86", 10, 0),
    # One number for all of them; accounts are unverified.
    _model(175, "W80B", "v86", 100, 0, "w75b", "w75dm", "w80dm"),
    _model(180, "AX83H", "v86", 1, 0),  # accounts: unverified
    _model(182, "AX86R", "v86", 1, 0),  # accounts: unverified
)

MODELS: tuple[Model, ...] = tuple(sorted((*_V7X, *_V8X, *_V86), key=lambda model: model.name))

"""A display name from whatever text a directory holds: one line, showable, cut between letters."""

from __future__ import annotations

import unicodedata

from offhook.core.check import FieldError, check_name

NAME_CUT = 64
# More than any directory allows in a name (Active Directory: displayName 256): bounds the work.
_READ_MAX = 4096

_JOINERS = frozenset("\u200c\u200d")
_ZWJ = "\u200d"
# White space among the controls: a break between words stays one. Unicode, PropList White_Space.
_BLANK_CONTROLS = frozenset("\t\n\v\f\r\x85")
_BLANK_CATEGORIES = frozenset({"Zs", "Zl", "Zp"})
# What `check_name` refuses, and formats: marks of order, soft hyphens, tags, invisible operators.
_DROPPED = frozenset({"Cc", "Cf", "Cs", "Cn", "Co"})

# Blocks whose spelling needs ZWJ and ZWNJ between letters: cursive joining or half forms.
# Unicode Standard 15.0, chapters 9 (Arabic, Syriac, Mandaic), 12 and 13 (scripts of India),
# 13.4 (Mongolian), 16 (Myanmar, Khmer), 19.4 (N'Ko); RFC 5892 appendix A.1 and A.2.
_JOINING_BLOCKS = (
    (0x0600, 0x08FF),
    (0x0900, 0x0DFF),
    (0x1000, 0x109F),
    (0x1780, 0x18AF),
    (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC),
)
_VARIATION_SELECTOR = "\ufe0f"
_SKIN_TONES = (0x1F3FB, 0x1F3FF)
# Arrows of category Sm in joined emoji (head shaking). Unicode, emoji-zwj-sequences.txt 15.1.
_EMOJI_ARROWS = frozenset("\u2194\u2195")
_REGIONAL = (0x1F1E6, 0x1F1FF)


def clean_name(raw: str, limit: int = NAME_CUT) -> str:
    """Make a display name of at most `limit` characters; empty when nothing can be shown.

    NFC; controls, formats and unassigned characters dropped, joiners kept where emoji and scripts
    need them; every kind of blank, line breaks too, becomes one space. The result passes
    `check_name`, and cleaning it again changes nothing.
    """
    if raw.isascii() and raw.isprintable():  # most names: only blanks and length to look at
        return " ".join(raw[:_READ_MAX].split())[:limit].rstrip()
    name = _cleaned(raw[:_READ_MAX], limit)
    # What one pass drops may bring together what the next one composes or drops; each shortens.
    while (again := _cleaned(name, limit)) != name:
        name = again
    try:
        return check_name(name)
    except FieldError:
        return ""


def _cleaned(raw: str, limit: int) -> str:
    text = unicodedata.normalize("NFC", raw)
    kept = _without_odd_joiners("".join(map(_kept, text)))
    name = _cut(unicodedata.normalize("NFC", " ".join(kept.split(" ")).strip()), limit)
    return " ".join(name.split())


def _kept(character: str) -> str:
    category = unicodedata.category(character)
    if character in _BLANK_CONTROLS or category in _BLANK_CATEGORIES:
        return " "
    if category in _DROPPED and character not in _JOINERS:
        return ""
    return character


def _without_odd_joiners(text: str) -> str:
    """Drop the joiners that join nothing: those could make two equal-looking names differ."""
    kept: list[str] = []
    for index, character in enumerate(text):
        if character in _JOINERS:
            before = kept[-1] if kept else ""
            after = text[index + 1 : index + 2]
            if not _can_join(character, before, after):
                continue
        kept.append(character)
    return "".join(kept)


def _can_join(joiner: str, before: str, after: str) -> bool:
    if not before or not after:
        return False
    if _needs_joiners(before) and _needs_joiners(after):
        return True
    return joiner == _ZWJ and _is_emoji(before) and _is_emoji(after)


def _needs_joiners(character: str) -> bool:
    code = ord(character)
    return unicodedata.category(character)[0] in "LM" and any(
        low <= code <= high for low, high in _JOINING_BLOCKS
    )


def _is_emoji(character: str) -> bool:
    return (
        unicodedata.category(character) == "So"
        or character == _VARIATION_SELECTOR
        or character in _EMOJI_ARROWS
        or _is_skin_tone(character)
    )


def _is_skin_tone(character: str) -> bool:
    return _SKIN_TONES[0] <= ord(character) <= _SKIN_TONES[1]


def _cut(text: str, limit: int) -> str:
    """Shorten to at most `limit` code points where a reader sees a border between letters.

    A single letter with more marks than that is cut among its marks.
    """
    if len(text) <= limit:
        return text
    end = next((place for place in range(limit, 0, -1) if _is_border(text, place)), limit)
    return text[:end].rstrip("".join(_JOINERS))


def _is_border(text: str, place: int) -> bool:
    """Say whether two letters as seen meet here: Unicode TR 29 §3.1, in the parts names use."""
    before, after = text[place - 1], text[place]
    if unicodedata.category(after)[0] == "M" or after in _JOINERS or _is_skin_tone(after):
        return False
    if before == _ZWJ:
        return not _is_emoji(after)
    if _is_regional(before) and _is_regional(after):
        start = place
        while start and _is_regional(text[start - 1]):
            start -= 1
        return (place - start) % 2 == 0
    return not _is_hangul_syllable_inside(before, after)


def _is_regional(character: str) -> bool:
    return _REGIONAL[0] <= ord(character) <= _REGIONAL[1]


def _is_hangul_syllable_inside(before: str, after: str) -> bool:
    """Old Hangul has no composed form: its parts follow each other (TR 29 rules GB6 to GB8)."""
    return "\u1160" <= after <= "\u11ff" and (
        "\u1100" <= before <= "\u11ff" or "\uac00" <= before <= "\ud7a3"
    )

"""The flat profile: one element for each parameter, the last occurrence wins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from offhook.core.dialect import DialectError
from offhook.vendors._dialects.xml_text import (
    NAME,
    Element,
    elements,
    encoded,
    escaped,
    inserted_last,
    limits_of,
    replaced_content,
    spliced,
    written,
)

_PROFILE = "flat-profile"


class XmlElements:
    """`flat-profile` holds one element for each parameter, alone or inside a `device` element.

    The last occurrence wins, an empty element clears, a missing one leaves the value. Truth values
    are Yes and No. SPA and MPP provisioning guides, "Configuration profile formats".
    """

    name = "xml-elements"
    content_type = "text/xml"
    is_xml = True

    def escape(self, value: object) -> str:
        """Check a template expression's value; truth values become Yes and No."""
        return written(value, "Yes", "No")

    def parse(self, text: str) -> dict[str, str]:
        """Read parameter to value, the last occurrence winning."""
        found = elements(encoded(text))
        profile = _profile(found)
        return {element.name: element.text for element in _parameters(found, profile)}

    def apply(self, text: str, settings: Mapping[str, str]) -> str:
        """Replace the winning occurrence of a parameter, or add one behind all others."""
        for key in settings:
            if not NAME.fullmatch(key):
                raise DialectError(f"key {key!r} is no element name")
        if not settings:
            return text
        data = encoded(text)
        found = elements(data)
        profile = _profile(found)
        winners = {element.name: element for element in _parameters(found, profile)}
        edits, added = [], []
        for key, value in sorted(settings.items()):
            if key in winners:
                edits.append(replaced_content(data, winners[key], escaped(key, value)))
            else:
                added.append(f"<{key}>{escaped(key, value)}</{key}>")
        if added:
            edits.append(inserted_last(data, found[profile], added))
        return spliced(data, edits)

    def limits(
        self, text: str, marks: Sequence[str]
    ) -> Mapping[str, re.Pattern[str] | None] | None:
        """Take any value in a parameter, and in a comment what may stand there."""
        data = encoded(text)
        found = elements(data)
        return limits_of(data, marks, [it.text for it in _parameters(found, _profile(found))])


def _profile(found: Sequence[Element]) -> int:
    """The place of the flat profile: the root, or the last one right inside a `device` root."""
    if found[0].name == _PROFILE:
        return 0
    if found[0].name == "device":
        for index in range(len(found) - 1, 0, -1):
            if found[index].name == _PROFILE and found[index].parent == 0:
                return index
    raise DialectError(f"no {_PROFILE} in this file")


def _parameters(found: Sequence[Element], profile: int) -> list[Element]:
    return [element for element in found if element.parent == profile and element.is_leaf]

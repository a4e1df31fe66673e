"""The syntax whose parameters are attributes of any element: the first definition wins."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from offhook.core.dialect import DialectError
from offhook.vendors._dialects.xml_text import (
    NAME,
    Attribute,
    Edit,
    elements,
    encoded,
    escaped,
    limits_of,
    spliced,
    written,
)


class XmlAttributes:
    """Parameters are attributes of any element, however nested; a malformed file is dropped whole.

    Element names carry no meaning. Truth values are 1 and 0. Administrator guides, SIP 2 to UCS 6.
    """

    name = "xml-attributes"
    content_type = "text/xml"
    is_xml = True

    def escape(self, value: object) -> str:
        """Check a template expression's value; truth values become 1 and 0."""
        return written(value, "1", "0")

    def parse(self, text: str) -> dict[str, str]:
        """Read parameter to value, the first definition winning."""
        return {name: found.value for name, found in _winners(encoded(text)).items()}

    def apply(self, text: str, settings: Mapping[str, str]) -> str:
        """Replace the winning definition of a parameter, or add one before all others."""
        for key in settings:
            if not NAME.fullmatch(key):
                raise DialectError(f"key {key!r} is no attribute name")
        if not settings:
            return text
        data = encoded(text)
        winners = _winners(data)
        edits, added = [], []
        for key, value in sorted(settings.items()):
            quoted = f'"{escaped(key, value)}"'
            if key in winners:
                edits.append(Edit(winners[key].start, winners[key].end, quoted))
            else:
                added.append(f"<SETTING {key}={quoted}/>")
        if added:
            edits.append(_first(data, added))
        return spliced(data, edits)

    def limits(
        self, text: str, marks: Sequence[str]
    ) -> Mapping[str, re.Pattern[str] | None] | None:
        """Take any value in an attribute, and in a comment what may stand there."""
        data = encoded(text)
        values = [item.value for element in elements(data) for item in element.attributes]
        return limits_of(data, marks, values)


def _winners(data: bytes) -> dict[str, Attribute]:
    winners: dict[str, Attribute] = {}
    for element in elements(data):
        for attribute in element.attributes:
            winners.setdefault(attribute.name, attribute)
    return winners


def _first(data: bytes, lines: list[str]) -> Edit:
    """Put elements right after the root's start tag, each on its line.

    The root's own attributes come earlier still, but a parameter among them is replaced, not added.
    """
    root = elements(data)[0]
    block = "".join(f"\n  {line}" for line in lines)
    if root.is_empty_tag:
        slash = data.rindex(b"/>", root.start, root.end)
        return Edit(slash, root.end, f">{block}\n</{root.name}>")
    return Edit(root.content, root.content, block)

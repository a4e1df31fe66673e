"""The `gs_provision` file: numbered values (`P271`) in version 1, named items in version 2."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from offhook.core.dialect import DialectError
from offhook.vendors._dialects.xml_text import (
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

_NUMBER = re.compile(r"P[0-9]{1,6}")
_ALIAS = re.compile(r"[A-Za-z][A-Za-z0-9_\-]*(?:\.[A-Za-z0-9_\-]+)+")
_DIGITS = re.compile(r"[0-9A-Fa-f]{12}")


class XmlPValues:
    """`gs_provision` with a `config` of version 1 (`<P35>1001</P35>`) or 2 (`<item name="…">`).

    The last occurrence wins (unverified), an empty element clears (one source), unknown values are
    ignored. Truth values are 1 and 0. A `part` of an item is read as `item.part` (unverified). A
    `mac` element that is no MAC address makes the phone reject the file. XML Provisioning Guide
    2011; SIP Device Provisioning Guide 2023.
    """

    name = "xml-pvalues"
    content_type = "text/xml"
    is_xml = True

    def escape(self, value: object) -> str:
        """Check a template expression's value; truth values become 1 and 0."""
        return written(value, "1", "0")

    def parse(self, text: str) -> dict[str, str]:
        """Read value number or item name to value, the last occurrence winning."""
        found = elements(encoded(text))
        values = {key: element.text for key, element in _values(found)}
        for element in _macs(found):
            if not _DIGITS.fullmatch(element.text):
                raise DialectError("the mac element is not twelve hexadecimal digits")
        return values

    def apply(self, text: str, settings: Mapping[str, str]) -> str:
        """Replace the winning occurrence of a value, or add one behind all others."""
        if not settings:
            return text
        data = encoded(text)
        found = elements(data)
        winners = dict(_values(found))
        edits = []
        added: dict[str, list[str]] = {}
        for key, value in sorted(settings.items()):
            version, start_tag, end_tag = _tags(key)
            inner = escaped(key, value)
            if key in winners:
                edits.append(replaced_content(data, winners[key], inner))
            else:
                added.setdefault(version, []).append(f"{start_tag}{inner}{end_tag}")
        for version, lines in added.items():
            edits.append(inserted_last(data, _last_config(found, version), lines))
        return spliced(data, edits)

    def limits(
        self, text: str, marks: Sequence[str]
    ) -> Mapping[str, re.Pattern[str] | None] | None:
        """Take any value in a value, twelve digits in `mac`, in a comment what may stand there."""
        data = encoded(text)
        found = elements(data)
        macs = {element.text for element in _macs(found)}.intersection(marks)
        values = [element.text for _, element in _values(found)]
        limits = limits_of(data, marks, [*values, *macs])
        return limits and {**limits, **dict.fromkeys(macs, _DIGITS)}


def _tags(key: str) -> tuple[str, str, str]:
    """The version of `config` a key belongs in, and the tags around its value."""
    if _NUMBER.fullmatch(key):
        return "1", f"<{key}>", f"</{key}>"
    if _ALIAS.fullmatch(key):
        return "2", f'<item name="{key}">', "</item>"
    raise DialectError(f"key {key!r} is neither a P value nor an alias")


def _values(found: Sequence[Element]) -> list[tuple[str, Element]]:
    if found[0].name != "gs_provision":
        raise DialectError(f"root element {found[0].name} instead of gs_provision")
    values = []
    for element in found[1:]:
        key = _key(found, element)
        if key and element.is_leaf:
            values.append((key, element))
    return values


def _key(found: Sequence[Element], element: Element) -> str:
    parent = found[element.parent]
    if parent.name == "item" and element.name == "part" and _version(found, parent) == "2":
        return f"{parent.attribute('name')}.{element.attribute('name')}"
    version = _version(found, element)
    if version == "2" and element.name == "item":
        return element.attribute("name")
    return element.name if version == "1" and _NUMBER.fullmatch(element.name) else ""


def _version(found: Sequence[Element], element: Element) -> str:
    """The version of the `config` an element stands right inside, empty when in none."""
    parent = found[element.parent]
    return parent.attribute("version") if parent.name == "config" and parent.parent == 0 else ""


def _last_config(found: Sequence[Element], version: str) -> Element:
    for element in reversed(found):
        inside_root = element.name == "config" and element.parent == 0
        if inside_root and element.attribute("version") == version:
            return element
    kind = "P values" if version == "1" else "aliases"
    raise DialectError(f"this file has no config of version {version}, so it takes no {kind}")


def _macs(found: Sequence[Element]) -> list[Element]:
    return [element for element in found if element.name == "mac" and element.parent == 0]

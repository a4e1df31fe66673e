"""What the XML dialects share: the characters they carry, and where each value stands."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from xml.parsers import expat

from jinja2 import Undefined
from markupsafe import Markup, escape

from offhook.core.dialect import DialectError, EncodingError

# XML 1.0 §2.2 forbids most of these; tabs and line breaks are normalised away in attributes
# (§3.3.3), and no telephone has a use for C1 controls or U+2028 and U+2029 in a value.
_UNCARRIABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_UNCARRIABLE_MARKUP = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_START_TAG = re.compile(rb"<[^\s/>]+(?:\s+[^\s=]+\s*=\s*(?:\"[^\"]*\"|'[^']*'))*\s*(/?)>")
_ATTRIBUTE = re.compile(rb"\s[^\s=]+\s*=\s*(\"[^\"]*\"|'[^']*')")
# XML 1.0 §2.5: no two hyphens in a row inside, none at the end; what stands around may have one.
_IN_COMMENT = re.compile(r"(?!-)(?:(?!--).)+(?<!-)")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.\-]*")
"""A name for an element or attribute: XML 1.0 §2.3, ASCII only, without colons."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """One attribute; `start` and `end` enclose its value with the quotes, in bytes."""

    name: str
    value: str
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """One element; positions are bytes of the UTF-8 text.

    `parent` is its parent's place in the list, -1 for the root. `start` is its `<`, `content` comes
    after its start tag, `close` is its end tag's `<` (equal to `end` for `<a/>`), `end` comes after
    it. `text` is the character data directly inside; `is_leaf` means no element is inside.
    """

    name: str
    parent: int
    attributes: tuple[Attribute, ...]
    text: str
    is_leaf: bool
    start: int
    content: int
    close: int
    end: int

    @property
    def is_empty_tag(self) -> bool:
        """True for `<a/>`."""
        return self.close == self.end

    def attribute(self, name: str) -> str:
        """The value of an attribute, or an empty string."""
        return next((item.value for item in self.attributes if item.name == name), "")


@dataclass(frozen=True, slots=True)
class Edit:
    """Bytes `start` to `end` of a file become `text`."""

    start: int
    end: int
    text: str


def written(value: object, yes: str, no: str) -> str:
    """Write a template expression's value; the template engine escapes markup afterwards.

    Raises DialectError for what XML cannot carry and for anything that is no text, number or truth
    value (a Secret, a list); a strict undefined value raises its own error, which names it. No
    message holds the value.
    """
    if isinstance(value, Undefined):
        str(value)
        raise DialectError("a value is undefined")
    if isinstance(value, Markup):  # made by a macro or the template itself: escaped already
        _refuse(_UNCARRIABLE_MARKUP, value)
        return value
    if isinstance(value, bool):
        return yes if value else no
    if not isinstance(value, str | int):
        raise DialectError(f"a {type(value).__name__} cannot be written")
    text = str(value)
    _refuse(_UNCARRIABLE, text)
    return text


def escaped(key: str, value: str) -> str:
    """Escape the value of a setting. Raises DialectError naming the key."""
    try:
        _refuse(_UNCARRIABLE, value)
    except DialectError as error:
        raise DialectError(f"value of {key}: {error}") from None
    return str(escape(value))


def encoded(text: str) -> bytes:
    """Encode as UTF-8. Raises DialectError for lone surrogates."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        raise DialectError("text holds a lone surrogate") from None


def limits_of(
    data: bytes, marks: Iterable[str], values: Iterable[str]
) -> dict[str, re.Pattern[str] | None] | None:
    """Say what may stand for marks that are in the values given, or in comments; None for others.

    Values are attributes or the character data of elements: no escaped text can end them, and the
    phone reads it as it was. Only a `]]` may not come before a `>` (XML 1.0 §2.4).
    """
    if any(re.search(rf"{mark}\]*>", data.decode()) for mark in marks):
        return None
    remarks: list[str] = []
    parser = expat.ParserCreate("UTF-8")
    parser.CommentHandler = remarks.append
    parser.Parse(data, True)
    free, narrow = "".join(values), "".join(remarks)
    limits = {mark: None if mark in free else _IN_COMMENT for mark in marks}
    return limits if all(mark in free or mark in narrow for mark in marks) else None


def elements(data: bytes) -> list[Element]:
    """Read a file into its elements in document order, the root first.

    Raises DialectError when it is not well-formed, not UTF-8, or has a document type: no phone
    needs one, and entities that expand into each other need one.
    """
    scan = _Scan(data)
    try:
        scan.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise DialectError(f"not well-formed XML: {error}") from None
    return scan.found


def spliced(data: bytes, edits: Iterable[Edit]) -> str:
    """Make the edits, which do not overlap; every other byte stays."""
    pieces, done = [], 0
    for edit in sorted(edits, key=lambda edit: edit.start):
        pieces += [data[done : edit.start], encoded(edit.text)]
        done = edit.end
    return (b"".join(pieces) + data[done:]).decode()


def inserted_last(data: bytes, parent: Element, lines: list[str]) -> Edit:
    """Put lines before the end tag of an element, each on a line of its own, two deeper."""
    line_start = data.rfind(b"\n", 0, parent.start) + 1
    outer = data[line_start : parent.start].decode()
    indent = outer if not outer.strip() else ""
    block = "".join(f"{indent}  {line}\n" for line in lines)
    if parent.is_empty_tag:
        tag = data[parent.start : parent.end].decode().removesuffix("/>").rstrip()
        text = f"{tag}>\n{block}{indent}</{parent.name}>"
        return Edit(parent.start, parent.end, text)
    last_line = data.rfind(b"\n", parent.content, parent.close) + 1
    if last_line and not data[last_line : parent.close].strip():
        return Edit(last_line, last_line, block)
    return Edit(parent.close, parent.close, f"\n{block}{indent}")


def replaced_content(data: bytes, element: Element, text: str) -> Edit:
    """Give an element other character data; its start tag stays."""
    if not element.is_empty_tag:
        return Edit(element.content, element.close, text)
    tag = data[element.start : element.end].decode().removesuffix("/>").rstrip()
    return Edit(element.start, element.end, f"{tag}>{text}</{element.name}>")


def _refuse(pattern: re.Pattern[str], text: str) -> None:
    found = pattern.search(text)
    if found:
        raise DialectError(f"character U+{ord(found.group()):04X} cannot be written")


class _Scan:
    """The handlers of one run of expat."""

    def __init__(self, data: bytes) -> None:
        self.found: list[Element] = []
        self._data = data
        self._open: list[int] = []
        self._text: list[list[str]] = []
        self.parser = expat.ParserCreate("UTF-8")
        self.parser.ordered_attributes = True
        self.parser.XmlDeclHandler = self._declaration
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _declaration(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if encoding and encoding.lower() != "utf-8":
            raise EncodingError(f"encoding {encoding} instead of UTF-8")

    def _doctype(self, *_: object) -> None:
        raise DialectError("a document type is not accepted")

    def _start(self, name: str, attributes: list[str]) -> None:
        start = self.parser.CurrentByteIndex
        tag = next(_START_TAG.finditer(self._data, start))
        parent = self._open[-1] if self._open else -1
        if parent >= 0 and self.found[parent].is_leaf:
            self._change(parent, is_leaf=False)
        spans = [found.span(1) for found in _ATTRIBUTE.finditer(tag.group())]
        self._open.append(len(self.found))
        self._text.append([])
        self.found.append(
            Element(
                name=name,
                parent=parent,
                attributes=tuple(
                    Attribute(name=key, value=value, start=start + first, end=start + last)
                    for key, value, (first, last) in zip(
                        attributes[::2], attributes[1::2], spans, strict=True
                    )
                ),
                text="",
                is_leaf=True,
                start=start,
                content=tag.end(),
                close=tag.end() if tag[1] else -1,
                end=tag.end() if tag[1] else -1,
            )
        )

    def _end(self, _name: str) -> None:
        index = self._open.pop()
        text = "".join(self._text.pop())
        if self.found[index].is_empty_tag and self.found[index].end >= 0:
            return
        close = self.parser.CurrentByteIndex
        self._change(index, text=text, close=close, end=self._data.index(b">", close) + 1)

    def _characters(self, text: str) -> None:
        self._text[-1].append(text)

    def _change(self, index: int, **values: object) -> None:
        self.found[index] = replace(self.found[index], **values)  # type: ignore[arg-type]  # fields

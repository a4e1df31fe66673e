"""What a change would do to one phone's files: key by key and line by line, secrets masked."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from offhook.actions.files import Made, make
from offhook.actions.masking import (
    ADMIN,
    masked_picture,
    scrubbed,
    secrets_of,
    shown_value,
)
from offhook.core.inventory import FileSource, expected_files
from offhook.core.lint import TEMPLATE, LintProblem, ReadFiles, read_files, vanished
from offhook.core.maker_keys import KeyClass
from offhook.core.model import Device
from offhook.core.render import RenderError

LINES_MAX = 300
KEYS_MAX = 300
_CONTEXT = 2
_NAMED = ("P711", "P712", "P713")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """A key with its value before and after, None where it is not; `kind` is what it touches."""

    key: str
    kind: KeyClass
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file: a unified diff from now to what would be, and the keys that change.

    `is_cut` when there is more than is shown.
    """

    file: str
    diff: tuple[str, ...]
    keys: tuple[KeyChange, ...]
    is_cut: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One phone before and after: its files that change, and its files' state at both times.

    `lint` are mistakes that only the change itself shows.
    """

    device: Device
    was: Made
    will: Made
    files: tuple[FileChange, ...] = ()
    lint: tuple[LintProblem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """A device at one time: what its files are made from, as made, as read, as shown."""

    source: FileSource
    device: Device | None
    made: Made
    read: ReadFiles | None = None
    texts: Mapping[str, str] = field(default_factory=dict)

    def values(self, file: str) -> Mapping[str, str]:
        return self.read.values.get(file, {}) if self.read else {}


def difference(
    before: FileSource, old: Device | None, after: FileSource, new: Device
) -> Difference:
    """Compare one phone's files; `old` is None for a device that is not registered yet."""
    marks = _changed_secrets(before, old, after, new)
    was, will = _side(before, old, ()), _side(after, new, marks)
    names = [name for name in sorted({*was.texts, *will.texts}) if _differs(name, was, will)]
    if will.read is None:  # none of its files could be made: nothing would be sent
        names = []
    files = tuple(_file(name, was, will) for name in names)
    found = tuple(_odd_changes(was, will, names)) if will.read else ()
    return Difference(device=new, was=was.made, will=will.made, files=files, lint=found)


def _side(source: FileSource, device: Device | None, marks: tuple[str, ...]) -> _Side:
    if device is None:
        return _Side(source=source, device=None, made=Made(digests={}))
    made = make(source, device)
    if not made.files:
        return _Side(source=source, device=device, made=made)
    try:
        masked = expected_files(*masked_picture(source, device, marks))
        texts = {name: file.body.decode() for name, file in masked.items()}
    except RenderError:  # a template that takes no mask: nothing of its text can be shown
        texts = dict.fromkeys(made.files, "")
    read = read_files(source, device, made.files)
    return _Side(source=source, device=device, made=made, read=read, texts=texts)


def _differs(name: str, was: _Side, will: _Side) -> bool:
    old, new = was.made.files.get(name), will.made.files.get(name)
    return old is None or new is None or old.digest != new.digest


def _changed_secrets(
    before: FileSource, old: Device | None, after: FileSource, new: Device
) -> tuple[str, ...]:
    if old is None:
        return ()
    numbers = {line.extension for line in new.lines}
    changed = [
        number
        for number in sorted(numbers)
        if (was := before.extensions.get(number)) is not None
        and (will := after.extensions.get(number)) is not None
        and was.secret != will.secret
    ]
    own = [ADMIN] if old.admin_password != new.admin_password else []
    return (*changed, *own)


def _file(name: str, was: _Side, will: _Side) -> FileChange:
    keys = (will.read or was.read).profile.keys if will.read or was.read else None  # type: ignore[union-attr]  # one is there
    if keys is None:
        return FileChange(file=name, diff=(), keys=())
    hidden: set[str] = set()
    for side in (was, will):
        if side.device is not None:
            hidden |= secrets_of(side.source, side.device, side.values(name))
    old, new = (scrubbed(side.texts.get(name, ""), keys, hidden) for side in (was, will))
    lines = list(
        difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"{name} now", f"{name} then", "", "", _CONTEXT, ""
        )
    )
    before, after = was.values(name), will.values(name)
    changed = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    changes = tuple(
        KeyChange(
            key=key,
            kind=keys.classify(key),
            before=shown_value(key, before.get(key), keys, hidden),
            after=shown_value(key, after.get(key), keys, hidden),
        )
        for key in changed[:KEYS_MAX]
    )
    is_cut = len(lines) > LINES_MAX or len(changed) > KEYS_MAX
    return FileChange(file=name, diff=tuple(lines[:LINES_MAX]), keys=changes, is_cut=is_cut)


def _odd_changes(was: _Side, will: _Side, names: list[str]) -> Iterator[LintProblem]:
    """Keys that vanish, tastes that are forced, the network touched: seen only by comparing."""
    read, old = will.read, was.device
    if read is None:
        return
    is_own = will.source.templates.is_own(read.profile.name)
    named = {problem.key for problem in will.made.lint if problem.code in _NAMED}
    for name in names:
        before, after = was.values(name), will.values(name)
        if old is not None and _is_alike(old, read.device) and vanished(before, after):
            gone = f"{len(before.keys() - after.keys())} of {len(before)}"
            yield LintProblem(code="P714", file=name, value=gone)
        changed = [key for key in after if before.get(key) != after[key]]
        for key in changed if before else ():
            kind, origin = read.profile.keys.classify(key), read.origin(key)
            is_forced = origin != TEMPLATE or (is_own and key not in before)
            if kind is KeyClass.PREFERENCE and is_forced:
                yield _of_key("P715", read, name, key, after[key])
            elif kind is KeyClass.NETWORK and key not in named:
                yield _of_key("P718", read, name, key, after[key])


def _is_alike(one: Device, other: Device) -> bool:
    return (one.vendor, one.model, len(one.lines)) == (other.vendor, other.model, len(other.lines))


def _of_key(code: str, read: ReadFiles, file: str, key: str, value: str) -> LintProblem:
    return LintProblem(
        code=code, file=file, key=key, value=read.shown(key, value), origin=read.origin(key)
    )

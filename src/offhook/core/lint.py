"""What is wrong with finished files that nevertheless parse: what people wrote into them.

Only free settings in a maker's own keys and a site's own templates can bring such mistakes: our
templates are proven to have none, so files made from nothing else are not looked at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from offhook.core.dialect import DialectError
from offhook.core.inventory import FileSource, file_name, flatten, ground_of, main_file, profile_of
from offhook.core.maker_keys import Firmware, KeyClass, KeyTrap, RenamedKey
from offhook.core.model import Device
from offhook.core.preferences import Preferences
from offhook.core.render import Rendered
from offhook.core.secret import MASK
from offhook.core.vendor import Model, VendorProfile

TEMPLATE = "template"
_SHOWN = 60
_SAME_SHOWN = 5
_TRAPS: Mapping[str, str] = {
    "lldp-disabled-by-template": "P711",
    "static-dns-overrides-dhcp": "P712",
    "fixed-ip-wiped": "P713",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LintProblem:
    """One mistake: the fault's code, where it stands, and what the fault's text needs.

    `value` is safe to be shown. `origin` is the level of the free setting, or `template`. `other`
    is what it should be, or the other file. `since` is the firmware from which on it is a mistake.
    """

    code: str
    file: str
    key: str = ""
    value: str = ""
    origin: str = TEMPLATE
    other: str = ""
    since: Firmware = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFiles:
    """A device's files as its phone reads them: key to value, by file name; `main` has accounts.

    `free` are the maker's own keys of its free settings, `origins` the level of each.
    """

    profile: VendorProfile
    model: Model
    device: Device
    prefs: Preferences
    main: str
    values: Mapping[str, Mapping[str, str]]
    texts: Mapping[str, str]
    free: Mapping[str, str]
    origins: Mapping[str, str] = field(default_factory=dict)

    def origin(self, key: str) -> str:
        """Tell which level a key comes from."""
        return self.origins.get(key, TEMPLATE)

    def shown(self, key: str, value: str) -> str:
        """Give a value as people may see it."""
        if self.profile.keys.classify(key) is KeyClass.SECRET:
            return MASK
        return value if len(value) <= _SHOWN else value[:_SHOWN] + "…"


def lint_files(
    source: FileSource, device: Device, files: Mapping[str, Rendered]
) -> tuple[LintProblem, ...]:
    """Look at a device's files as rendered, in the order of their names."""
    if not is_worth_looking(source, device):
        return ()
    read = read_files(source, device, files)
    renamed = list(_renamed(read, is_own=source.templates.is_own(device.vendor)))
    ignored = {problem.key for problem in renamed if not problem.since}
    found = [
        *_of_another_phone(read),
        *_in_two_files(read),
        *renamed,
        *_too_long(read, source),
        *(problem for problem in _traps(read) if problem.key not in ignored),
        *_too_many(read),
        *_dtmf(read),
    ]
    return tuple(dict.fromkeys(found))


def is_worth_looking(source: FileSource, device: Device) -> bool:
    """Say whether anybody wrote something that can be wrong with this device's files."""
    ground = ground_of(source, device)
    if ground.keys or source.templates.is_own(ground.profile.name):
        return True
    accounts = (source.extensions[line.extension] for line in device.lines)
    most = ground.model.secret_max
    return any(it.is_enabled and len(it.secret.reveal()) > most for it in accounts)


def read_files(source: FileSource, device: Device, files: Mapping[str, Rendered]) -> ReadFiles:
    """Read finished files as the phone does. Raises RenderError for an unknown maker or model."""
    profile, model = profile_of(source, device)
    layers = source.layers(profile.name, model.name, device)
    prefs, free = flatten(source, layers)
    origins = {key: label for label, settings in layers for key in settings}
    texts = {name: file.body.decode() for name, file in files.items()}
    values: dict[str, Mapping[str, str]] = {}
    for rule in profile.rules_for(model):
        name = file_name(rule, device, model)
        if name in texts and rule.dialect is not None:
            try:
                values[name] = rule.dialect.parse(texts[name])
            except DialectError:  # proven to parse when it was made; a masked one may not
                values[name] = {}
    return ReadFiles(
        profile=profile,
        model=model,
        device=device,
        prefs=prefs,
        main=main_file(source, device)[1],
        values=values,
        texts=texts,
        free=free,
        origins={key: label for key, label in origins.items() if key in free},
    )


def _of_another_phone(read: ReadFiles) -> Iterator[LintProblem]:
    pattern = read.profile.keys.own_mac
    for name, text in read.texts.items() if pattern else ():
        for found in pattern.finditer(text) if pattern else ():
            if found[1].lower() != read.device.mac.plain:
                yield LintProblem(code="P706", file=name, value=found[1][:_SHOWN])


def _in_two_files(read: ReadFiles) -> Iterator[LintProblem]:
    names = sorted(read.values)
    pairs = [(one, two) for one in names for two in names if one < two]
    for one, two in pairs:
        first, second = read.values[one], read.values[two]
        both = sorted(key for key in first.keys() & second.keys() if first[key] != second[key])
        for key in both[:_SAME_SHOWN]:
            shown = f"{read.shown(key, first[key])} and {read.shown(key, second[key])}"
            yield LintProblem(
                code="P707", file=one, key=key, value=shown, origin=read.origin(key), other=two
            )


def _renamed(read: ReadFiles, *, is_own: bool) -> Iterator[LintProblem]:
    """Free settings under an old name; and keys of a site's template without the new one."""
    written = read.values.get(read.main, {})
    for key, value in sorted({**(written if is_own else {}), **read.free}.items()):
        beside: Mapping[str, str] = read.free if key in read.free else written
        for rule in read.profile.keys.renamed:
            new = _new_name(rule, read, key)
            if new is not None and new not in (written if rule.is_twin else beside):
                yield LintProblem(
                    code="P709" if rule.is_prefix or rule.is_twin else "P708",
                    file=read.main,
                    key=key,
                    value=read.shown(key, value),
                    origin=read.origin(key),
                    other=new,
                    since=() if _is_sure(rule, read.model) else rule.since,
                )
                break


def _new_name(rule: RenamedKey, read: ReadFiles, key: str) -> str | None:
    """The new name of a key that a rule is about, empty when it has none; None otherwise."""
    found = rule.old.fullmatch(key)
    may_be = rule.since and read.model.family not in read.profile.keys.ended
    if found is None or not (_is_sure(rule, read.model) or may_be):
        return None
    return found.expand(rule.new)


def _is_sure(rule: RenamedKey, model: Model) -> bool:
    return rule.is_always or model.family in rule.families


def _too_long(read: ReadFiles, source: FileSource) -> Iterator[LintProblem]:
    most = read.model.secret_max
    lengths = {
        f"secret of extension {line.number}": len(line.secret)
        for line in source.lines_of(read.device)
    }
    own = read.profile.behaviour.account.secret
    if own in read.free:
        lengths[own] = len(read.free[own])
    for key, length in lengths.items():
        if length > most:
            yield LintProblem(
                code="P710",
                file=read.main,
                key=key,
                value=str(length),
                origin=read.origin(key) if key == own else "extension",
                other=str(most),
            )


def _traps(read: ReadFiles) -> Iterator[LintProblem]:
    for name, values in sorted(read.values.items()):
        for key, value in values.items():
            for trap in read.profile.keys.traps:
                if _is_trap(trap, key, value, values):
                    yield LintProblem(
                        code=_TRAPS[trap.fault],
                        file=name,
                        key=key,
                        value=read.shown(key, value),
                        origin=read.origin(key),
                    )


def _is_trap(trap: KeyTrap, key: str, value: str, values: Mapping[str, str]) -> bool:
    found = trap.key.fullmatch(key)
    if found is None or trap.value.fullmatch(value) is None:
        return False
    return not (trap.without and values.get(found.expand(trap.without)))


def _too_many(read: ReadFiles) -> Iterator[LintProblem]:
    for limit in read.profile.keys.limits:
        if read.model.name in limit.doubtful:
            continue
        most = limit.most or {"lines": read.model.lines}.get(limit.of, read.model.line_keys)
        for key, value in read.values.get(read.main, {}).items():
            found = limit.key.fullmatch(key)
            if found and most and value not in limit.off and int(found["n"]) > most:
                yield LintProblem(
                    code="P716",
                    file=read.main,
                    key=key,
                    value=read.shown(key, value),
                    origin=read.origin(key),
                    other=str(most),
                )


def _dtmf(read: ReadFiles) -> Iterator[LintProblem]:
    for rule in read.profile.keys.dtmf:
        if rule.families and read.model.family not in rule.families:
            continue
        for key, value in read.values.get(read.main, {}).items():
            if rule.key.fullmatch(key) and value not in rule.fits[read.prefs.dtmf]:
                yield LintProblem(
                    code="P717",
                    file=read.main,
                    key=key,
                    value=read.shown(key, value),
                    origin=read.origin(key),
                    other=read.prefs.dtmf,
                )


def vanished(before: Collection[str], after: Collection[str]) -> bool:
    """Say whether so many keys of a file go that somebody should look: half of ten or more."""
    gone = set(before) - set(after)
    return len(before) >= _FEW and len(gone) * 2 >= len(before)


_FEW = 10

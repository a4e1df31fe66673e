"""Finished files: rendered once, kept while nothing they depend on changed."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from offhook.actions.state import State
from offhook.core.inventory import (
    FileSource,
    expected_files,
    render_common_file,
    render_device_file,
)
from offhook.core.lint import LintProblem, lint_files
from offhook.core.mac import Mac
from offhook.core.model import Device
from offhook.core.render import Rendered, RenderError
from offhook.core.secret import Secret
from offhook.core.vendor import FileRule, Model, VendorProfile
from offhook.diagnosis.facts import RenderFault

CACHE_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A device's files at one moment: digests by name, or why there are none; what is odd in them.

    `files` are the files themselves.
    """

    digests: Mapping[str, str] | RenderFault
    lint: tuple[LintProblem, ...] = ()
    files: Mapping[str, Rendered] = field(default_factory=dict, repr=False)


@dataclass(slots=True)
class Files:
    """Renders through a cache bounded in bytes; digests of what each device should have.

    The cache is kept by owner: a device's MAC, or `vendor/model` for common files. `on_rendered` is
    told how many seconds a file took that a phone waited for.
    """

    state: State
    on_rendered: Callable[[float], None] | None = None
    _cache: OrderedDict[str, dict[str, Rendered]] = field(default_factory=OrderedDict)
    _size_bytes: int = 0
    _expected: dict[Mac, Mapping[str, str] | RenderFault] = field(default_factory=dict)
    _lint: dict[Mac, tuple[LintProblem, ...]] = field(default_factory=dict)

    def device_file(self, device: Device, rule: FileRule) -> Rendered:
        """A device's file as it should be now. Raises RenderError."""
        source = self.state.source
        return self._cached(
            device.mac.plain, rule.name, lambda: render_device_file(source, device, rule)
        )

    def common_file(self, profile: VendorProfile, model: Model, rule: FileRule) -> Rendered:
        """A model's common file as it should be now. Raises RenderError."""
        source = self.state.source
        return self._cached(
            f"{profile.name}/{model.name}",
            rule.name,
            lambda: render_common_file(source, profile, model, rule),
        )

    def at_hand(self, owner: str, name: str) -> Rendered | None:
        """A file that is right now and need not be rendered."""
        kept = self._cache.get(owner)
        if kept is None:
            return None
        self._cache.move_to_end(owner)
        return kept.get(name)

    def expected(self, mac: Mac) -> Mapping[str, str] | RenderFault:
        """Digests by file name of what a device should have; a fault when it cannot be made."""
        found = self._expected.get(mac)
        if found is None:
            revision = self.state.revision
            made = make(self.state.source, self.state.devices[mac])
            found = made.digests
            if made.lint:
                self._lint[mac] = made.lint
            # Another thread may have changed something: kept first and looked at afterwards, so
            # that a change between the two is seen here or forgets it there.
            self._expected[mac] = found
            if revision != self.state.revision:
                self._expected.pop(mac, None)
                self._lint.pop(mac, None)
        return found

    def known(self, mac: Mac) -> Mapping[str, str] | RenderFault | None:
        """Give what `expected` would, if that needs no rendering."""
        return self._expected.get(mac)

    def take_in(self, mac: Mac, made: Made, revision: int) -> None:
        """Keep what was made of a device for its change; `revision` is the state's just after.

        Anything else that changed meanwhile may have changed its files: then it is made again.
        """
        self.forget([mac])
        if revision == self.state.revision:
            self._expected[mac] = made.digests
            if made.lint:
                self._lint[mac] = made.lint

    def lint(self, mac: Mac) -> tuple[LintProblem, ...]:
        """What is odd in the files that `expected` has made last; nothing before."""
        return self._lint.get(mac, ())

    def forget(self, macs: Iterable[Mac]) -> None:
        """Drop what was made for some devices; their next request renders again."""
        for mac in macs:
            self._expected.pop(mac, None)
            self._lint.pop(mac, None)
            self._drop(mac.plain)

    def forget_all(self) -> None:
        """Drop everything: a template, a server setting or a wide setting changed."""
        self._cache.clear()
        self._expected.clear()
        self._lint.clear()
        self._size_bytes = 0

    def _cached(self, owner: str, name: str, make: Callable[[], Rendered]) -> Rendered:
        kept = self._cache.setdefault(owner, {})
        self._cache.move_to_end(owner)
        if name not in kept:
            began_s = time.perf_counter()
            try:
                kept[name] = make()
            finally:
                if not kept:
                    del self._cache[owner]
            if self.on_rendered is not None:
                self.on_rendered(time.perf_counter() - began_s)
            self._size_bytes += len(kept[name].body)
            while self._size_bytes > CACHE_BYTES and len(self._cache) > 1:
                self._drop(next(iter(self._cache)))
        return kept[name]

    def _drop(self, owner: str) -> None:
        gone = self._cache.pop(owner, {})
        self._size_bytes -= sum(len(file.body) for file in gone.values())


def digests(source: FileSource, device: Device) -> Mapping[str, str] | RenderFault:
    """Digests of the files a device is expected to fetch, or why they cannot be made."""
    try:
        return {name: file.digest for name, file in expected_files(source, device).items()}
    except RenderError as error:
        return _fault(source, device, error)


def make(source: FileSource, device: Device) -> Made:
    """Make all files a device is expected to fetch, and look at what people wrote into them."""
    try:
        files = expected_files(source, device)
        found = lint_files(source, device, files)
    except RenderError as error:
        return Made(digests=_fault(source, device, error))
    return Made(
        digests={name: file.digest for name, file in files.items()}, lint=found, files=files
    )


def _fault(source: FileSource, device: Device, error: RenderError) -> RenderFault:
    """Name why files cannot be made; P704 when they could with passwords of plain letters."""
    code = "P704" if error.code == "P702" and _is_for_secret(source, device) else error.code
    return RenderFault(code=code, message=str(error))


def _is_for_secret(source: FileSource, device: Device) -> bool:
    plain = Secret("x" * 8)
    own = {line.extension: source.extensions.get(line.extension) for line in device.lines}
    others = {number: replace(it, secret=plain) for number, it in own.items() if it is not None}
    try:
        expected_files(replace(source, extensions=others), replace(device, admin_password=plain))
    except RenderError:
        return False
    return True

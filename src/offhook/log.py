"""The log of the guide: format, rotation, and how an attempt is told."""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from offhook.core.events import (
    AttemptRecorded,
    Event,
    PhoneRegistered,
    PhoneUnregistered,
    RebootAdvanced,
    RegistrationRefused,
)
from offhook.core.model import Attempt, OutcomeKind, Reboot, RebootStep
from offhook.diagnosis.rules import fault

FORMAT = "%(asctime)s - PBX - %(levelname)s - %(message)s"
DATES = "%Y-%m-%d %H:%M:%S"
BLOCKS_A_MINUTE = 60
"""Refusals told in full each minute; the others are counted, so strangers cannot fill the disk."""

_log = logging.getLogger("offhook.phones")


class _OneLine(logging.Formatter):
    """Escapes control characters: what came over the wire can never start a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        if record.exc_info or record.stack_info:
            return text
        return escaped(text)


def escaped(text: str) -> str:
    """Make control characters and line separators visible as `\\x0a`; keep all else."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == " " else char.encode("unicode_escape").decode()
        for char in text
    )


def start_log(
    file: Path, level: str, *, max_mb: int, keep: int, is_on_terminal: bool
) -> Callable[[], None]:
    """Begin to log to the file, and to the terminal when asked; gives the function that ends it.

    A thread writes, so that no disk ever holds up a phone. Raises OSError for an unusable file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    rotating = logging.handlers.RotatingFileHandler(
        file, maxBytes=max_mb * 1_000_000, backupCount=keep, encoding="utf-8"
    )
    handlers: list[logging.Handler] = [rotating]
    if is_on_terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(_OneLine(FORMAT, DATES))
    lines: queue.Queue[logging.LogRecord] = queue.Queue(100_000)
    listener = logging.handlers.QueueListener(lines, *handlers)
    root = logging.getLogger("offhook")
    root.setLevel(level)
    root.propagate = False
    into = _DroppingQueueHandler(lines)
    root.addHandler(into)
    listener.start()

    def stop() -> None:
        root.removeHandler(into)
        listener.stop()
        for handler in handlers:
            handler.close()

    return stop


class _DroppingQueueHandler(logging.handlers.QueueHandler):
    """Drops lines when the disk cannot follow: a phone's answer matters more than its line."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Drop without a word; the record would find no place either."""


@dataclass(slots=True)
class Teller:
    """Tells events in the log, from the finished record alone, with strangers' volume bounded.

    `server` is `address:port` of our SIP side.
    """

    server: str
    monotonic: Callable[[], float]
    _repeats: OrderedDict[tuple[str, str], tuple[float, int]] = field(default_factory=OrderedDict)
    _minute: int = 0
    _told: int = 0
    _untold: int = 0

    def on_event(self, event: Event) -> None:
        """Listen to everything that is worth a line."""
        match event:
            case AttemptRecorded(attempt=attempt):
                self._tell_attempt(attempt)
            case RebootAdvanced(reboot=reboot):
                _tell_reboot(reboot)
            case PhoneRegistered(registration=registration, is_new=True):
                _log.info(
                    "Phone registered: extension %s from %s (%s)",
                    registration.extension,
                    registration.source,
                    registration.user_agent,
                )
            case PhoneUnregistered(registration=registration, reason=reason):
                _log.info(
                    "Phone unregistered: extension %s from %s (%s)",
                    registration.extension,
                    registration.source,
                    reason,
                )
            case RegistrationRefused():
                _tell_refused_register(event)
            case _:
                pass

    def _tell_attempt(self, attempt: Attempt) -> None:
        if attempt.kind is not OutcomeKind.REFUSED:
            for level, line in attempt_lines(attempt, self.server):
                _log.log(level, "%s", line)
            return
        count = self._repeated(attempt)
        if count is None:
            return
        for level, line in attempt_lines(attempt, self.server):
            _log.log(level, "%s", line)
        if count:
            _log.warning("  (the same happened %d more times in the last minute)", count)

    def _repeated(self, attempt: Attempt) -> int | None:
        """None when this refusal was told within the minute, else how many were not told since."""
        now = self.monotonic()
        minute = int(now // 60)
        if minute != self._minute:
            if self._untold:
                _log.warning(
                    "%d refused provisioning requests in the last minute are not shown here; "
                    "see /api/provisioning/requests",
                    self._untold,
                )
            self._minute, self._told, self._untold = minute, 0, 0
        key = (attempt.mac.plain if attempt.mac else attempt.address, attempt.fault)
        since, missed = self._repeats.get(key, (-60.0, 0))
        if now - since < 60:
            self._repeats[key] = (since, missed + 1)
            return None
        if self._told >= BLOCKS_A_MINUTE:
            self._untold += 1
            return None
        self._told += 1
        self._repeats[key] = (now, 0)
        self._repeats.move_to_end(key)
        if len(self._repeats) > 4096:
            self._repeats.popitem(last=False)
        return missed


def attempt_lines(attempt: Attempt, server: str) -> Iterator[tuple[int, str]]:
    """Every line of an attempt with its level, word for word as the guide prints them."""
    match attempt.kind:
        case OutcomeKind.REFUSED:
            yield logging.WARNING, attempt.error
            if attempt.fault != "P301":
                yield logging.WARNING, f"  Request from IP: {attempt.address}, path: {attempt.path}"
                yield logging.WARNING, f"  User-Agent: {attempt.user_agent or 'none'}"
            for line in attempt.hint.split("\n") if attempt.hint else ():
                yield logging.WARNING, line
        case OutcomeKind.OPTIONAL:
            yield (
                logging.DEBUG,
                f"Optional file {attempt.file} asked by {attempt.address}: not served",
            )
        case OutcomeKind.STORED:
            what = f"{attempt.file} ({attempt.size_bytes} bytes) from {attempt.address}"
            if attempt.status == 413:
                yield logging.WARNING, f"Provisioning upload not kept, too large: {what}"
            else:
                yield logging.INFO, f"Provisioning upload kept: {what}"
        case OutcomeKind.SERVED | OutcomeKind.UNCHANGED if attempt.extension:
            yield from _served_lines(attempt, server)
        case _:
            yield (
                logging.INFO,
                f"Provisioning common file {attempt.file} delivered: {attempt.size_bytes} bytes "
                f"to {attempt.address}",
            )


def _served_lines(attempt: Attempt, server: str) -> Iterator[tuple[int, str]]:
    mac = attempt.mac.plain if attempt.mac else attempt.mac_text
    test = " (test download, not counted as the phone's)" if attempt.is_test else ""
    yield logging.INFO, f"Provisioning request received for MAC: {attempt.mac_text}{test}"
    yield logging.INFO, f"  Request from IP: {attempt.address}"
    yield logging.INFO, f"  User-Agent: {attempt.user_agent}"
    yield (
        logging.INFO,
        f"  Found device: vendor={attempt.vendor}, model={attempt.model}, "
        f"extension={attempt.extension}",
    )
    yield logging.INFO, f"  Extension found: {attempt.extension} ({attempt.extension_name})"
    for notice in attempt.notices:
        yield logging.WARNING, f"  {notice}"
    yield logging.INFO, f"  Server config: SIP={server}"
    if attempt.kind is OutcomeKind.UNCHANGED:
        yield logging.INFO, f"✓ Provisioning config unchanged: not sent again to {attempt.address}"
        return
    if attempt.method == "HEAD":
        yield logging.INFO, f"  Only its head was asked: nothing sent to {attempt.address}"
        return
    yield logging.INFO, f"✓ Successfully generated config for device {mac}"
    kind = attempt.content_type.partition(";")[0]
    yield logging.INFO, f"  Config size: {attempt.size_bytes} bytes, Content-Type: {kind}"
    yield (
        logging.INFO,
        f"✓ Provisioning config delivered: {attempt.size_bytes} bytes to {attempt.address}",
    )


def _tell_reboot(reboot: Reboot) -> None:
    phone = reboot.mac.colons if reboot.mac else reboot.contact
    match reboot.step:
        case RebootStep.PENDING:
            _log.info(
                "Phone reboot asked for %s, extension %s: %s",
                phone,
                reboot.extension,
                reboot.reason,
            )
        case RebootStep.NOTIFIED:
            _log.info("  SIP NOTIFY sent to %s: Event: %s", phone, reboot.event)
        case RebootStep.ANSWERED:
            _log.info("  Phone %s answered %d %s", phone, reboot.sip_code, reboot.sip_reason)
        case RebootStep.FETCHED:
            _log.info("✓ Phone %s fetched its provisioning config after the NOTIFY", phone)
        case RebootStep.REGISTERED:
            _log.info("✓ Phone %s is registered again", phone)
        case _:
            _log.warning(
                "Phone reboot of %s ended %s (%s): %s%s",
                phone,
                reboot.step.value,
                reboot.fault,
                f"{reboot.sip_code} {reboot.sip_reason} " if reboot.sip_code else "",
                reboot.detail,
            )


def _tell_refused_register(event: RegistrationRefused) -> None:
    code = "P402" if event.reason == "wrong_digest" else "P403"
    values = {
        "extension": event.extension or event.claimed,
        "claimed": event.claimed,
        "source": event.source,
    }
    finding = fault(code).finding(event.extension or event.claimed, **values)
    _log.warning("%s %s", finding.code, finding.message)
    _log.warning("  User-Agent: %s", event.user_agent or "none")
    for line in finding.lines():
        _log.warning("%s", line)

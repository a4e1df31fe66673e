"""How what happened is told in the log: an attempt's lines as the guide prints them."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from offhook.core.events import (
    AttemptRecorded,
    AttemptsRepeated,
    Event,
    PhoneRegistered,
    PhoneUnregistered,
    RebootAdvanced,
    RegistrationRefused,
)
from offhook.core.model import Attempt, OutcomeKind, Reboot, RebootStep
from offhook.diagnosis.history import is_auth_name_wrong
from offhook.diagnosis.rules import fault

BLOCKS_A_MINUTE = 60
"""Refusals told in full each minute; the others are counted, so strangers cannot fill the disk."""

DELIVERIES_A_MINUTE = 600
"""Files told line by line each minute: of a whole building that starts up the rest is counted."""

REPEATS_KEPT = 4096
"""Refusals remembered, so that a repeated one is told once a minute."""

# Turned away by their address before anybody looked for whom they ask.
_BY_ADDRESS = frozenset({"P101", "P801", "P802"})

_log = logging.getLogger("offhook.phones")


@dataclass(slots=True)
class _Allowance:
    """So many blocks of one kind a minute; the others are counted and told as a number."""

    what: str
    limit: int = BLOCKS_A_MINUTE
    level: int = logging.WARNING
    _told: int = 0
    _untold: int = 0

    def begin(self) -> None:
        """Begin a new minute, and tell what the last one left out."""
        if self._untold:
            _log.log(self.level, "%d more %s", self._untold, self.what)
        self._told, self._untold = 0, 0

    def take(self) -> bool:
        """True when one more may be told in full."""
        if self._told >= self.limit:
            self._untold += 1
            return False
        self._told += 1
        return True

    def take_some(self, wanted: int) -> int:
        """How many of several may be told in full."""
        granted = min(wanted, self.limit - self._told)
        self._told += granted
        self._untold += wanted - granted
        return granted


def _of_requests(whose: str) -> Callable[[], _Allowance]:
    what = f"refused provisioning requests {whose} are not shown here"
    return lambda: _Allowance(f"{what}; see /api/provisioning/requests")


def _of_registers() -> _Allowance:
    return _Allowance("refused registrations are not shown here; see /api/provisioning/diagnostics")


def _of_deliveries() -> _Allowance:
    what = "files for phones are not shown here; see /api/provisioning/requests"
    return _Allowance(what, DELIVERIES_A_MINUTE, logging.INFO)


@dataclass(slots=True)
class Teller:
    """Tells events in the log, from the finished record alone, with strangers' volume bounded.

    `server` is `address:port` of our SIP side. Registered devices have an allowance of their own,
    so that no flood of strangers hides them.
    """

    server: str
    monotonic: Callable[[], float]
    _repeats: OrderedDict[tuple[str, str], tuple[float, int]] = field(default_factory=OrderedDict)
    _devices: _Allowance = field(default_factory=_of_requests("of devices"))
    _strangers: _Allowance = field(default_factory=_of_requests("of strangers"))
    _registers: _Allowance = field(default_factory=_of_registers)
    _deliveries: _Allowance = field(default_factory=_of_deliveries)
    _minute: int = -1

    def on_event(self, event: Event) -> None:
        """Listen to everything that is worth a line."""
        now_s = self.monotonic()
        self._begin_minute(int(now_s // 60))
        match event:
            case AttemptRecorded(attempt=attempt):
                self._tell_attempt(attempt, now_s)
            case AttemptsRepeated(repeats=repeats):
                for again in repeats[: self._deliveries.take_some(len(repeats))]:
                    _tell_block(list(attempt_lines(again.attempt(), self.server)))
            case RebootAdvanced(reboot=reboot):
                _tell_reboot(reboot)
            case RegistrationRefused():
                if self._registers.take():
                    _tell_refused_register(event)
            case _:
                _tell_binding(event)

    def _begin_minute(self, minute: int) -> None:
        if minute != self._minute:
            self._minute = minute
            for allowance in (self._devices, self._strangers, self._registers, self._deliveries):
                allowance.begin()

    def _tell_attempt(self, attempt: Attempt, now_s: float) -> None:
        kinds = (OutcomeKind.SERVED, OutcomeKind.UNCHANGED)
        if attempt.kind in kinds and not attempt.notices and not self._deliveries.take():
            return
        count = self._untold_since(attempt, now_s) if attempt.fault else 0
        if count is None:
            return
        lines = list(attempt_lines(attempt, self.server))
        if count:
            again = f"  (the same happened {count} more times since it was told last)"
            lines.append((logging.WARNING, again))
        _tell_block(lines)

    def _untold_since(self, attempt: Attempt, now_s: float) -> int | None:
        """None when this refusal was told within the minute, else how many were not told since."""
        key = (_asker(attempt), attempt.fault)
        since_s, missed = self._repeats.get(key, (float("-inf"), 0))
        if now_s - since_s < 60:
            self._repeats[key] = (since_s, missed + 1)
            return None
        if not (self._devices if attempt.extension else self._strangers).take():
            return None
        self._repeats[key] = (now_s, 0)
        self._repeats.move_to_end(key)
        if len(self._repeats) > REPEATS_KEPT:
            self._repeats.popitem(last=False)
        return missed


def _tell_block(lines: Sequence[tuple[int, str]]) -> None:
    """Log lines that belong together as one record: nothing comes between, and it is cheaper."""
    shown = tuple(line for line in lines if _log.isEnabledFor(line[0]))
    if shown:
        _log.log(max(level for level, _ in shown), "%s", shown[0][1], extra={"block": shown})


def _asker(attempt: Attempt) -> str:
    """What tells one phone's refusals from another's."""
    if attempt.fault in _BY_ADDRESS:
        return attempt.address
    if attempt.mac is not None:
        return attempt.mac.plain
    return f"{attempt.address} {attempt.user_agent}"


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
            yield logging.INFO, f"Provisioning common file {attempt.file} {_common_end(attempt)}"


def _common_end(attempt: Attempt) -> str:
    if attempt.kind is OutcomeKind.UNCHANGED:
        return f"unchanged: not sent again to {attempt.address}"
    if attempt.method == "HEAD":
        return f"found: only its head was asked by {attempt.address}"
    return f"delivered: {attempt.size_bytes} bytes to {attempt.address}"


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


def _tell_binding(event: Event) -> None:
    match event:
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
        case _:
            pass


def _tell_reboot(reboot: Reboot) -> None:
    phone = reboot.mac.colons if reboot.mac else reboot.contact
    match reboot.step:
        case RebootStep.PENDING if reboot.detail:
            _log.info("  Phone %s is not told yet: %s", phone, reboot.detail)
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
    if is_auth_name_wrong(event):
        code = "P404"
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

"""The log: the guide's format and words, one line a line, bounded, and without secrets."""

import logging
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from offhook.actions.devices import DeviceSpec, LineSpec
from offhook.actions.ports import NotifyKind, NotifyOutcome
from offhook.core.events import AttemptRecorded, PhoneRegistered, PhoneUnregistered, RebootAdvanced
from offhook.core.inventory import vendor_scope
from offhook.core.mac import Mac
from offhook.core.model import Attempt, OutcomeKind, RebootStep
from offhook.core.render import Templates
from offhook.diagnosis.examples import BINDING, REBOOT, REFUSED, REFUSED_REGISTER, SERVED
from offhook.errors import BadRequestError
from offhook.log import escaped, start_log
from offhook.telling import BLOCKS_A_MINUTE, DELIVERIES_A_MINUTE, REPEATS_KEPT, Teller
from tests.contract import build
from tests.fakes import FakeClock
from tests.world import World, registration, settle, until

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
LINE = re.compile(rf"{STAMP} - PBX - (?:DEBUG|INFO|WARNING|ERROR) - ")
SERVER = "192.168.1.14:5060"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """What was logged so far, each with its level."""
    caplog.set_level(logging.DEBUG, "offhook")
    return lambda: [line for item in caplog.records for line in told(item)]


def told(record: logging.LogRecord) -> list[str]:
    """A record's lines: a block has many."""
    block = getattr(record, "block", ()) or [(record.levelno, record.getMessage())]
    return [f"{logging.getLevelName(level)} {line}" for level, line in block]


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    """A log that runs; read it after `stop`."""
    file = tmp_path / "logs" / "pbx.log"
    stop = start_log(file, "DEBUG", max_mb=1, keep=2, is_on_terminal=False)
    yield file
    stop()


def begun(
    tmp_path: Path, level: str = "INFO", *, is_on_terminal: bool = False
) -> tuple[Path, Callable[[], None]]:
    file = tmp_path / "logs" / "pbx.log"
    return file, start_log(file, level, max_mb=1, keep=2, is_on_terminal=is_on_terminal)


def teller() -> tuple[Teller, FakeClock]:
    clock = FakeClock()
    return Teller(SERVER, clock.monotonic), clock


# --- format --------------------------------------------------------------------------------------


def test_a_line_is_the_guides_in_local_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "XYZ-5")
    time.tzset()
    try:
        file, stop = begun(tmp_path)
        record = logging.makeLogRecord(
            {
                "name": "offhook.test",
                "levelno": logging.INFO,
                "levelname": "INFO",
                "msg": "text",
                "created": 1764943200.5,
            }
        )
        logging.getLogger("offhook.test").handle(record)
        stop()
    finally:
        monkeypatch.undo()
        time.tzset()
    # 1764943200 is 2025-12-05 14:00:00 UTC.
    assert file.read_text(encoding="utf-8") == "2025-12-05 19:00:00 - PBX - INFO - text\n"


def test_lines_below_the_level_are_left_out(tmp_path: Path) -> None:
    file, stop = begun(tmp_path, "WARNING")
    log = logging.getLogger("offhook.test")
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
        log.log(level, "at %s", logging.getLevelName(level))
    stop()
    text = file.read_text(encoding="utf-8")
    assert [line.rpartition(" ")[2] for line in text.splitlines()] == ["WARNING", "ERROR"]


def test_the_terminal_shows_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, stop = begun(tmp_path, is_on_terminal=True)
    logging.getLogger("offhook.test").info("✓ %s", "Zoë\x1b[31m")
    stop()
    assert capsys.readouterr().err == file.read_text(encoding="utf-8")
    assert "✓ Zoë\\x1b[31m\n" in file.read_text(encoding="utf-8")


def test_stopping_takes_the_handler_away(tmp_path: Path) -> None:
    before = list(logging.getLogger("offhook").handlers)
    file, stop = begun(tmp_path)
    stop()
    logging.getLogger("offhook.test").error("too late")
    assert logging.getLogger("offhook").handlers == before
    assert file.read_text(encoding="utf-8") == ""


def test_an_unusable_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file", encoding="utf-8")
    with pytest.raises(OSError, match="logs"):
        begun(tmp_path)


def test_the_file_is_rotated_and_old_ones_go(tmp_path: Path) -> None:
    file, stop = begun(tmp_path)
    log = logging.getLogger("offhook.test")
    for number in range(3300):
        log.info("%d %s", number, "x" * 1000)
    stop()
    files = sorted(path.name for path in file.parent.iterdir())
    assert files == ["pbx.log", "pbx.log.1", "pbx.log.2"]
    one_line = 1100  # a file may be one record over
    assert all(path.stat().st_size <= 1_000_000 + one_line for path in file.parent.iterdir())
    assert "3299 " in file.read_text(encoding="utf-8")


def test_a_disk_that_cannot_follow_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("offhook.log.LINES_WAITING", 50)
    file, stop = begun(tmp_path)
    log = logging.getLogger("offhook.test")
    for number in range(1000):
        log.info("%d", number)
    stop()
    assert file.read_text(encoding="utf-8").splitlines()


# --- one line a line -----------------------------------------------------------------------------

FORGED = "x\n2025-12-05 19:00:00 - PBX - INFO - forged\r\x1b[2J\x00\x85\u2028\u202e\ud800"


def test_what_came_over_the_wire_starts_no_line(log_file: Path) -> None:
    tell, _ = teller()
    wire = {
        "user_agent": FORGED,
        "path": FORGED,
        "mac_text": FORGED,
        "error": FORGED,
        "address": "192.0.2.1",
    }
    tell.on_event(AttemptRecorded(attempt=replace(REFUSED, **wire)))
    tell.on_event(AttemptRecorded(attempt=replace(SERVED, **wire, extension_name=FORGED)))
    tell.on_event(RebootAdvanced(reboot=replace(REBOOT, sip_code=500, sip_reason=FORGED)))
    tell.on_event(replace(REFUSED_REGISTER, claimed=FORGED, user_agent=FORGED))
    binding = replace(BINDING, user_agent=FORGED)
    tell.on_event(
        PhoneRegistered(registration=binding, is_new=True, was_rebooted=False, at=REFUSED.at)
    )
    logging.getLogger("offhook.test").warning("%s", FORGED)
    text = written(log_file)
    assert "forged" in text
    for line in text.split("\n")[:-1]:
        assert LINE.match(line)
        assert not line.startswith("2025-12-05 19:00:00")
        assert line.isprintable()


def test_a_traceback_is_readable_and_starts_no_line(log_file: Path) -> None:
    try:
        raise ValueError(FORGED)
    except ValueError:
        logging.getLogger("offhook.test").exception("it failed on %s", "a\nb")
    first, *more = written(log_file).split("\n")[:-1]
    assert LINE.match(first)
    assert first.endswith("it failed on a\\nb")
    assert len(more) > 3
    assert any("ValueError" in line for line in more)
    assert all(line.startswith("    ") for line in more)
    assert all(line.isprintable() for line in more)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain Zoë ✓ →", "plain Zoë ✓ →"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("\x00\x7f\x85", "\\x00\\x7f\\x85"),
        ("\u2028\u202e", "\\u2028\\u202e"),
        ("\ud800", "\\ud800"),
        ("أحمد", "أحمد"),
    ],
)
def test_control_characters_are_made_visible(text: str, shown: str) -> None:
    assert escaped(text) == shown


# --- attempts ------------------------------------------------------------------------------------


def written(file: Path) -> str:
    """What is in the file when the writing thread has written all that was logged."""
    for handler in logging.getLogger("offhook").handlers:
        waiting = getattr(handler, "queue", None)
        if waiting is not None:
            waiting.join()
    return file.read_text(encoding="utf-8")


def test_the_guides_lines_in_the_file(log_file: Path) -> None:
    tell, _ = teller()
    attempt = replace(
        SERVED,
        address="192.168.1.50",
        user_agent="Yealink SIP-T46S 66.85.0.15",
        mac=Mac(0x001565123456),
        mac_text="001565123456",
        vendor="yealink",
        model="t46s",
        extension_name="John Smith",
        size_bytes=1234,
        content_type="text/plain; charset=utf-8",
    )
    tell.on_event(AttemptRecorded(attempt=attempt))
    text = written(log_file)
    assert [line[19:] for line in text.splitlines()] == [
        " - PBX - INFO - Provisioning request received for MAC: 001565123456",
        " - PBX - INFO -   Request from IP: 192.168.1.50",
        " - PBX - INFO -   User-Agent: Yealink SIP-T46S 66.85.0.15",
        " - PBX - INFO -   Found device: vendor=yealink, model=t46s, extension=1001",
        " - PBX - INFO -   Extension found: 1001 (John Smith)",
        " - PBX - INFO -   Server config: SIP=192.168.1.14:5060",
        " - PBX - INFO - ✓ Successfully generated config for device 001565123456",
        " - PBX - INFO -   Config size: 1234 bytes, Content-Type: text/plain",
        " - PBX - INFO - ✓ Provisioning config delivered: 1234 bytes to 192.168.1.50",
    ]


async def test_the_guides_unknown_device_in_the_file(log_file: Path) -> None:
    world = await World.make()
    world.events.subscribe(Teller(SERVER, world.clock.monotonic).on_event)
    for known in ("000bea85ed68", "000bea85f554"):
        await world.device(known, "zultys")
    await world.ask("000bea85abcd.cfg")
    text = written(log_file)
    shown = [line[19:] for line in text.splitlines() if " - WARNING - " in line]
    assert shown[:8] == [
        " - PBX - WARNING - Device 00:0B:EA:85:AB:CD not registered in provisioning system",
        " - PBX - WARNING -   Normalized MAC: 000bea85abcd",
        " - PBX - WARNING -   Registered devices: ['000bea85ed68', '000bea85f554']",
        " - PBX - WARNING -   → Device needs to be registered first",
        " - PBX - WARNING -   → Register via API: POST /api/provisioning/devices",
        ' - PBX - WARNING -      with JSON: {"mac_address":"00:0B:EA:85:AB:CD",'
        '"extension_number":"XXXX","vendor":"VENDOR","model":"MODEL"}',
        " - PBX - WARNING -   → Similar MACs found (same vendor): ['000bea85ed68', '000bea85f554']",
        " - PBX - WARNING -      This might be a typo in the MAC address",
    ]


@pytest.mark.parametrize(
    ("attempt", "words", "is_delivered"),
    [
        (SERVED, "✓ Successfully generated config", True),
        (replace(SERVED, is_test=True), "test download", True),
        (replace(SERVED, notices=("P304 a notice",)), "  P304 a notice", True),
        (replace(SERVED, extension=""), "common file 02acce000001.cfg delivered: 0 bytes", True),
        (replace(SERVED, kind=OutcomeKind.UNCHANGED, status=304), "config unchanged", False),
        (replace(SERVED, method="HEAD"), "Only its head was asked", False),
        (
            replace(SERVED, extension="", kind=OutcomeKind.UNCHANGED, status=304),
            "common file 02acce000001.cfg unchanged",
            False,
        ),
        (replace(SERVED, extension="", method="HEAD"), "only its head was asked", False),
        (replace(SERVED, kind=OutcomeKind.STORED, status=201), "upload kept", False),
        (replace(SERVED, kind=OutcomeKind.STORED, status=413), "not kept, too large", False),
        (replace(SERVED, kind=OutcomeKind.OPTIONAL, status=404), "Optional file", False),
        (replace(REFUSED, user_agent=""), "  User-Agent: none", False),
    ],
)
def test_every_outcome_is_told_in_its_words(
    attempt: Attempt, words: str, is_delivered: bool, lines: Callable[[], list[str]]
) -> None:
    tell, _ = teller()
    tell.on_event(AttemptRecorded(attempt=attempt))
    assert sum(words in line for line in lines()) == 1
    assert any("delivered: " in line for line in lines()) == is_delivered


async def test_each_attempt_is_told_once(lines: Callable[[], list[str]]) -> None:
    world = await World.make()
    world.events.subscribe(Teller(SERVER, world.clock.monotonic).on_event)
    device = await world.device()
    for _ in range(3):
        await world.fetch(device)
    await world.ask("{mac}.cfg")
    await world.ask("000bea85abcd.cfg")
    await world.ask("001565123456.boot", user_agent="Yealink SIP-T46S 66.85.0.15")
    told = lines()
    assert sum("Provisioning request received for MAC" in line for line in told) == 3
    assert sum("CONFIGURATION ERROR" in line for line in told) == 1
    assert sum("not registered in provisioning system" in line for line in told) == 1
    assert sum("Optional file" in line for line in told) == 1


# --- repeated and flooding -----------------------------------------------------------------------


def test_a_repeated_refusal_is_told_once_a_minute_with_a_count(
    lines: Callable[[], list[str]],
) -> None:
    tell, clock = teller()
    refused = replace(REFUSED, error="CONFIGURATION ERROR")
    for _ in range(7):
        tell.on_event(AttemptRecorded(attempt=refused))
        clock.pass_s(5)
    assert sum("CONFIGURATION ERROR" in line for line in lines()) == 1
    clock.pass_s(30)
    tell.on_event(AttemptRecorded(attempt=refused))
    assert sum("CONFIGURATION ERROR" in line for line in lines()) == 2
    assert lines()[-1] == "WARNING   (the same happened 6 more times since it was told last)"


def test_two_phones_and_two_faults_are_told_apart(lines: Callable[[], list[str]]) -> None:
    tell, _ = teller()
    for attempt in (
        replace(REFUSED, error="first"),
        replace(REFUSED, error="second", fault="P203"),
        replace(REFUSED, error="third", address="192.0.2.99"),
        replace(REFUSED, error="fourth", user_agent="Bolt One 2.0"),
        replace(REFUSED, error="fifth", mac=Mac(5)),
    ):
        tell.on_event(AttemptRecorded(attempt=attempt))
        tell.on_event(AttemptRecorded(attempt=attempt))
    shown = [line.removeprefix("WARNING ") for line in lines() if not line.startswith("WARNING  ")]
    assert shown == ["first", "second", "third", "fourth", "fifth"]


@pytest.mark.parametrize(
    ("fault", "count"), [("P301", 20_000), ("P802", 2000), ("P203", 2000), ("P201", 2000)]
)
def test_a_flood_of_strangers_is_bounded_in_lines_and_memory(
    fault: str, count: int, lines: Callable[[], list[str]]
) -> None:
    tell, clock = teller()
    for number in range(count):
        attempt = replace(
            REFUSED,
            fault=fault,
            error=f"stranger {number}",
            mac=Mac(number + 1) if fault in ("P301", "P802") else None,
            user_agent=f"agent {number}",
        )
        tell.on_event(AttemptRecorded(attempt=attempt))
        clock.pass_s(30 / count)
    told = [line for line in lines() if "WARNING stranger" in line]
    is_by_address = fault == "P802"
    assert len(told) == (1 if is_by_address else BLOCKS_A_MINUTE)
    clock.pass_s(61)
    tell.on_event(AttemptRecorded(attempt=SERVED))
    assert any("more refused provisioning requests" in line for line in lines()) != is_by_address


def test_refusals_remembered_are_bounded() -> None:
    tell, clock = teller()
    logging.getLogger("offhook.phones").disabled = True
    try:
        for number in range(5000):
            tell.on_event(AttemptRecorded(attempt=replace(REFUSED, mac=Mac(number + 1))))
            clock.pass_s(2)
    finally:
        logging.getLogger("offhook.phones").disabled = False
    assert len(tell._repeats) == REPEATS_KEPT


def test_a_flood_of_strangers_hides_no_registered_device(
    lines: Callable[[], list[str]],
) -> None:
    tell, _ = teller()
    for number in range(1000):
        tell.on_event(AttemptRecorded(attempt=replace(REFUSED, fault="P301", mac=Mac(number + 1))))
    own = replace(
        REFUSED, fault="P701", status=500, mac=SERVED.mac, extension="1001", error="our template"
    )
    tell.on_event(AttemptRecorded(attempt=own))
    assert any("our template" in line for line in lines())


def test_a_flood_of_refused_registrations_is_bounded(lines: Callable[[], list[str]]) -> None:
    tell, clock = teller()
    for number in range(5000):
        tell.on_event(
            replace(
                REFUSED_REGISTER,
                claimed=f"user{number}",
                extension="",
                reason="unknown_user",
                source=f"udp:192.0.2.{number % 250}:5060",
            )
        )
    first = sum("WARNING P403" in line for line in lines())
    assert 1 <= first <= BLOCKS_A_MINUTE
    clock.pass_s(61)
    tell.on_event(replace(REFUSED_REGISTER, claimed="again"))
    assert any("refused registrations" in line and "not shown" in line for line in lines())


# --- registrations and reboots -------------------------------------------------------------------


def test_registrations_are_told_when_they_begin_and_end(lines: Callable[[], list[str]]) -> None:
    tell, _ = teller()
    for is_new in (True, False):
        tell.on_event(
            PhoneRegistered(registration=BINDING, is_new=is_new, was_rebooted=False, at=REFUSED.at)
        )
    tell.on_event(PhoneUnregistered(registration=BINDING, reason="expired", at=REFUSED.at))
    tell.on_event(REFUSED_REGISTER)
    told = lines()
    assert sum("Phone registered: extension 1001" in line for line in told) == 1
    assert sum("Phone unregistered: extension 1001" in line for line in told) == 1
    assert sum("P402 extension 1001 is refused" in line for line in told) == 1


@pytest.mark.parametrize("step", list(RebootStep))
def test_every_step_of_a_reboot_is_told(step: RebootStep, lines: Callable[[], list[str]]) -> None:
    tell, _ = teller()
    reboot = replace(REBOOT, step=step, sip_code=489, sip_reason="Bad Event", fault="P603")
    tell.on_event(RebootAdvanced(reboot=reboot))
    tell.on_event(RebootAdvanced(reboot=replace(reboot, mac=None)))
    with_mac, without = lines()
    assert "02:AC:CE:00:00:01" in with_mac
    assert REBOOT.contact in without


def test_a_reboot_that_waits_says_for_what(lines: Callable[[], list[str]]) -> None:
    tell, _ = teller()
    reboot = replace(REBOOT, step=RebootStep.PENDING, detail="waiting for the end of its call")
    tell.on_event(RebootAdvanced(reboot=reboot))
    assert "02:AC:CE:00:00:01 is not told yet: waiting for the end of its call" in lines()[0]


# --- no secret, whatever happens -----------------------------------------------------------------

PLANTED = "Planted-secret"


async def test_no_secret_is_ever_logged(log_file: Path) -> None:
    world = await World.make()
    world.events.subscribe(Teller(SERVER, world.clock.monotonic).on_event)
    await world.extensions.change_extension("test", "1001", secret=f"{PLANTED}-1")
    spec = DeviceSpec(
        mac_address="001565123456",
        vendor="yealink",
        model="t46s",
        admin_password=f"{PLANTED}-2",
        lines=[LineSpec(extension="1001")],
        settings={"account.1.proxy_password": f"{PLANTED}-3"},
    )
    device, _ = await world.devices.put_device("test", spec)
    await world.free_settings.change_settings(
        "test", vendor_scope("yealink"), {"ldap.password": f"{PLANTED}-4"}
    )
    world.engine.bindings = [registration(phone=device.mac)]
    contact = world.engine.bindings[0].contact
    world.engine.scripts[contact] = NotifyOutcome(
        kind=NotifyKind.CHALLENGED, code=401, reason="Unauthorized", was_challenged=True
    )
    _, changes = await world.extensions.change_extension("test", "1001", secret=f"{PLANTED}-5")
    await until(lambda: len(world.engine.orders) == 2)
    world.engine.scripts[contact] = RuntimeError(repr(world.engine.orders))
    world.clock.pass_s(60)
    await world.extensions.change_extension("test", "1001", name="Jane Roe")
    await world.fetch(device)
    await world.ask(f"{device.mac}-local.cfg", method="PUT", body=f"{PLANTED}-6".encode())
    for text in ("{{ {}[lines[0].secret] }}", "{{ device.admin_password + 1 }}", "no header"):
        sources = {**build.templates().sources, "yealink/main.cfg.j2": text}
        broken = replace(world.state.source, templates=Templates(sources))
        with pytest.raises(BadRequestError) as caught:
            await world.free_settings.templates_changed(broken, "test")
        assert PLANTED not in str(caught.value)
        world.state.take_source(broken)
        world.files.forget_all()
        world.clock.pass_s(61)
        answer = await world.fetch(device)
        assert (answer.status, PLANTED in answer.body.decode()) == (500, False)
        world.state.take_source(replace(broken, templates=build.templates()))
        world.files.forget_all()
    world.uploads.fails = True
    await world.ask(f"{device.mac}-local.cfg", method="PUT", body=f"{PLANTED}-7".encode())
    findings = await world.diagnose.findings()
    logging.getLogger("offhook.test").error("%r %r %r", device, changes, world.engine.orders)
    await settle()
    text = written(log_file)
    assert len(text.splitlines()) > 40
    for what in (text, repr(findings), repr(world.seen), repr(world.store.changes)):
        assert PLANTED not in what


def test_files_of_a_whole_building_are_told_up_to_a_number_and_then_counted(
    lines: Callable[[], list[str]],
) -> None:
    tell, clock = teller()
    for _ in range(DELIVERIES_A_MINUTE + 7):
        tell.on_event(AttemptRecorded(attempt=SERVED))
    tell.on_event(AttemptRecorded(attempt=REFUSED))
    found = lines()
    assert sum("Provisioning config delivered" in line for line in found) == DELIVERIES_A_MINUTE
    assert any(REFUSED.error in line for line in found)
    clock.pass_s(61)
    tell.on_event(AttemptRecorded(attempt=SERVED))
    assert any("7 more files for phones are not shown here" in line for line in lines())

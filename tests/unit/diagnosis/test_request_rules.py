"""P201 to P203, P801 and P802: what phones asked for, and when that is over."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from offhook.core.model import Attempt, OutcomeKind
from offhook.diagnosis.examples import ACME, BOLT, HEALTHY, MINUTE, NOW, OTHER_MAC, REFUSED, SERVED
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import find_all
from offhook.diagnosis.rules.p201_macro_not_expanded import steps_for

BASE = "http://192.168.1.14:8080/provision/"
MAKERS = {"acme": ACME, "also": replace(ACME, name="also", label="Also"), "bolt": BOLT}


def found(*attempts: Attempt) -> list[Finding]:
    newest_first = sorted(attempts, key=lambda attempt: attempt.at, reverse=True)
    return find_all(replace(HEALTHY, attempts=tuple(newest_first)))


def codes(*attempts: Attempt) -> list[str]:
    return [finding.code for finding in found(*attempts)]


def later(attempt: Attempt, **changes: object) -> Attempt:
    return replace(attempt, at=REFUSED.at + MINUTE, address=REFUSED.address, **changes)  # type: ignore[arg-type]


def test_placeholder_message_is_the_guides() -> None:
    [finding] = found(replace(REFUSED, path="{mac}.cfg", file="{mac}.cfg", user_agent="?"))
    assert finding.message == (
        "CONFIGURATION ERROR: Phone requested provisioning with placeholder '{mac}'"
        " instead of actual MAC address"
    )
    assert finding.subject == REFUSED.address
    assert "2026-01-05T11:55:00Z GET {mac}.cfg from 192.0.2.51" in finding.evidence[0]


def test_placeholder_steps_are_the_makers_own_in_both_forms() -> None:
    first, dhcp, reboot = steps_for(ACME, BASE, MAKERS)
    assert first.split("\n") == [
        "Update Phone Configuration. For Acme phones:",
        "1. Web Interface → Provisioning",
        f"2. Set Server URL to: `{BASE}$mac.cfg`",
        "Note: Use `$mac` NOT `{mac}`",
        f"Safer, whatever the firmware expands: {BASE}",
    ]
    assert dhcp.split("\n") == [
        "Update DHCP Option 66 (if using DHCP provisioning):",
        f"Option 66: {BASE}$mac.cfg",
        f"Option 66, safer: {BASE}",
    ]
    assert reboot == "Reboot the phone to apply new provisioning URL"


def test_maker_with_a_rarer_variable_gets_the_guides_other_note() -> None:
    steps = "\n".join(steps_for(BOLT, BASE, MAKERS))
    assert "Note: Bolt uses `$MA` instead of `$mac`" in steps
    assert steps.count(f"{BASE}$MA.cfg") == 2
    assert "afer" not in steps


def test_steps_without_a_maker_name_all_groups() -> None:
    first, dhcp, _ = steps_for(None, BASE, MAKERS)
    for text, before in ((first, ""), (dhcp, "Option 66: ")):
        lines = text.split("\n")
        at = lines.index("# For Acme, Also:")
        assert lines[at + 1] == f"{before}{BASE}$mac.cfg"
        assert lines[at + 2 : at + 4] == ["# For Bolt:", f"{before}{BASE}$MA.cfg"]


def test_numbered_menus_and_dhcp_lines_of_makers_are_kept() -> None:
    profile = replace(
        ACME,
        menu=("1. Menu", "2) Set {url}"),
        dhcp=("160", "66", "Option 66, any: {base}", "Option 42: {url}", "43"),
    )
    first, dhcp, _ = steps_for(profile, BASE, MAKERS)
    assert first.split("\n")[1:3] == ["1. Menu", f"2) Set {BASE}$mac.cfg"]
    assert dhcp.split("\n")[1:] == [
        f"Option 66: {BASE}$mac.cfg",
        f"Option 66, any: {BASE}",
        f"Option 42: {BASE}$mac.cfg",
        "An old value in option 160, 43 may win over it",
    ]


def test_maker_without_variable_is_told_the_safer_form_only() -> None:
    profile = replace(ACME, placeholder="")
    text = "\n".join(steps_for(profile, BASE, {"acme": profile}))
    assert "`http://192.168.1.14:8080/provision/`" in text
    assert "Note: this maker has no MAC variable" in text
    assert "$" not in text
    assert steps_for(None, BASE, {"acme": profile})[1].endswith("provisioning):")


def test_note_does_not_forbid_the_makers_own_variable() -> None:
    profile = replace(ACME, placeholder="{mac}")
    assert "Note: Use `{mac}` NOT `$mac`" in "\n".join(steps_for(profile, BASE, {"x": profile}))


def test_placeholder_is_over_when_the_phone_got_a_file() -> None:
    assert codes(REFUSED, later(SERVED)) == []
    assert codes(REFUSED, later(SERVED, kind=OutcomeKind.UNCHANGED)) == []


@pytest.mark.parametrize(
    "other",
    [
        later(SERVED, is_test=True),
        later(SERVED, kind=OutcomeKind.OPTIONAL),
        later(SERVED, user_agent="Bolt One 2.0"),
        replace(SERVED, at=REFUSED.at + MINUTE),
        replace(SERVED, address=REFUSED.address, at=REFUSED.at - MINUTE),
    ],
    ids=["test", "optional", "other maker", "other address", "earlier"],
)
def test_placeholder_is_not_over_by_another_request(other: Attempt) -> None:
    found_codes = codes(replace(REFUSED, mac=None), other)
    assert "P201" in found_codes


def test_phone_that_moved_is_known_by_its_mac() -> None:
    moved = replace(SERVED, at=REFUSED.at + MINUTE, address="192.0.2.99")
    assert codes(replace(REFUSED, mac=SERVED.mac), moved) == []


def test_placeholder_is_told_once_per_address_and_maker() -> None:
    again = [replace(REFUSED, at=REFUSED.at - n * MINUTE) for n in range(6)]
    others = [replace(item, user_agent="Bolt One 2.0", file="$MA.cfg") for item in again]
    assert codes(*again, *others) == ["P201", "P201"]


def test_placeholder_of_another_day_is_forgotten() -> None:
    assert codes(replace(REFUSED, at=NOW - timedelta(hours=25))) == []


def test_maker_of_the_record_serves_where_the_agent_tells_none() -> None:
    [finding] = found(replace(REFUSED, user_agent="", vendor="bolt"))
    assert "For Bolt phones:" in finding.steps[0]
    assert "no User-Agent" in finding.evidence[0]


def test_placeholder_in_a_folder_is_named() -> None:
    [finding] = found(replace(REFUSED, path="$mac.cfg/x", file="x", mac_text=""))
    assert "'$mac'" in finding.message


@pytest.mark.parametrize(
    ("file", "placeholder"), [("$MA.cfg", "$MA"), ("{{mac}}.cfg", "{mac}"), ("$MAC.cfg", "$MAC")]
)
def test_variable_of_another_maker_is_named_with_the_right_one(file: str, placeholder: str) -> None:
    plain, finer = found(replace(REFUSED, path=file, file=file))
    assert (plain.code, finer.code) == ("P201", "P202")
    assert finer.message == (
        f"{placeholder} is not the MAC variable of Acme phones, theirs is $mac"
    )
    assert "http://192.0.2.1:8080/provision/$mac.cfg" in finer.steps[1]


def test_own_variable_is_no_other_makers() -> None:
    assert codes(REFUSED) == ["P201"]
    assert codes(replace(REFUSED, user_agent="Bolt One 2.0", file="$MA.cfg")) == ["P201"]
    assert codes(replace(REFUSED, user_agent="curl/8", file="$MA.cfg")) == ["P201"]


UNKNOWN_FILE = replace(REFUSED, fault="P203", status=404, path="phone.cfg", file="phone.cfg")


def test_unknown_file_is_told_with_the_names_served() -> None:
    [finding] = found(UNKNOWN_FILE)
    assert "'phone.cfg'" in finding.message
    assert finding.steps[1] == "Files of Acme phones: {mac}.cfg"


def test_unknown_file_of_an_unknown_maker_has_general_steps_only() -> None:
    [finding] = found(replace(UNKNOWN_FILE, user_agent="", vendor="", mac=OTHER_MAC))
    assert finding.subject == OTHER_MAC.colons
    assert len(finding.steps) == 1


def test_unknown_file_beside_the_phones_own_files_is_no_fault() -> None:
    own = replace(SERVED, address=UNKNOWN_FILE.address, at=UNKNOWN_FILE.at - MINUTE)
    assert codes(UNKNOWN_FILE, own) == []
    assert codes(UNKNOWN_FILE, replace(own, at=own.at - 20 * MINUTE)) == ["P203"]


def test_hostile_file_name_stays_one_line() -> None:
    name = "{mac!r}\x1b[31m\n{0}"
    [finding] = found(replace(UNKNOWN_FILE, path=name, file=name, user_agent="{x}\r\nY: z"))
    assert all(line.isprintable() for line in (finding.message, *finding.lines()))
    assert "{0}" in finding.message


TURNED_AWAY = replace(REFUSED, fault="P801", status=403)


def test_network_that_is_allowed_now_is_no_fault() -> None:
    assert codes(TURNED_AWAY) == ["P801"]
    assert codes(TURNED_AWAY, later(SERVED)) == []


def test_network_is_told_once_per_address_with_its_newest_request() -> None:
    older = replace(TURNED_AWAY, at=TURNED_AWAY.at - MINUTE, user_agent="curl/8")
    [finding] = found(TURNED_AWAY, older)
    assert "11:55:00Z" in finding.evidence[0]


def test_throttled_address_is_told_once_with_its_count() -> None:
    throttled = replace(REFUSED, fault="P802", status=429)
    [finding] = found(throttled, replace(throttled, at=throttled.at - MINUTE))
    assert finding.subject == throttled.address
    assert "(2)" in finding.message

"""identify: MAC, maker, model and file of a request."""

import re
from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from offhook.core.claims import FileNames, tried
from offhook.core.identify import Identity, find_placeholder, identify
from offhook.core.mac import MAC_IN_NAME, Mac
from offhook.core.model import PhoneRequest
from offhook.core.vendor import (
    FileKind,
    FileRule,
    Model,
    Notify,
    PhoneBehaviour,
    SampleLine,
    VendorProfile,
)
from tests.contract import build

PHONE = Mac(0x001565123456)


def rule(name: str, pattern: str, kind: FileKind) -> FileRule:
    return FileRule(name=name, pattern=re.compile(pattern, re.IGNORECASE), kind=kind)


ACME = VendorProfile(
    name="acme",
    label="Acme",
    ouis=frozenset({"001565"}),
    agents=(re.compile(r"^Acme (?P<model>\S+)(?: (?P<firmware>[\d.]+))?", re.IGNORECASE),),
    files=(
        rule("{mac}.cfg", MAC_IN_NAME + r"\.cfg", FileKind.DEVICE),
        rule("spa{mac}.xml", "spa" + MAC_IN_NAME + r"\.xml", FileKind.DEVICE),
        rule("{code}.cfg", r"(?P<model>y\d{12})\.cfg", FileKind.COMMON),
        rule("y.boot", r"y\d{12}\.boot", FileKind.OPTIONAL),
    ),
    models=(
        Model(name="t46s", label="SIP-T46S", family="x", lines=1, codes=("y000000000066",)),
        Model(name="t19e2", label="SIP-T19_E2", family="x", lines=1),
    ),
    main="{mac}.cfg",
    reboot=Notify(event="check-sync"),
    resync=Notify(event="check-sync"),
    placeholder="$mac",
    url_form="{base}",
    menu=("{url}",),
    dhcp=(),
    behaviour=PhoneBehaviour(
        files=("{mac}.cfg",),
        agent="",
        sip_agent="",
        account=SampleLine(
            number="", display_name="", label="", auth_name="", secret="", server=""
        ),
    ),
)


def ask(path: str, user_agent: str = "", query: str = "") -> Identity:
    request = PhoneRequest(
        request_id="1",
        transport="http",
        method="GET",
        path=unquote(path),
        query=query,
        address="192.0.2.1",
        user_agent=user_agent,
        at=datetime(2025, 1, 1, tzinfo=UTC),
    )
    return identify(request, (ACME,))


@pytest.mark.parametrize(
    "spelling",
    [
        "00:15:65:12:34:56",
        "00-15-65-12-34-56",
        "0015.6512.3456",
        "001565123456",
        "00%3A15%3a65%3A12%3A34%3A56",
    ],
)
def test_reads_the_mac_of_the_file_name(spelling: str) -> None:
    found = ask(f"{spelling}.cfg")
    assert found.mac == PHONE
    assert found.mac_source == "file"
    assert found.mac_text == unquote(spelling)
    assert [match.rule.kind for match in found.matches] == [FileKind.DEVICE]


def test_tells_the_mac_apart_from_digits_before_it() -> None:
    found = ask("spa001565123456.xml")
    assert (found.mac, found.mac_text) == (PHONE, "001565123456")


def test_keeps_upper_case_as_written() -> None:
    assert ask("00156512ABCD.CFG").mac_text == "00156512ABCD"


@pytest.mark.parametrize(
    "placeholder",
    [
        "$mac",
        "$MAC",
        "{mac}",
        "{MAC}",
        "{Ma}",
        "$MA",
        "$MAU",
        "%MACD",
        "<MAC>",
        "$(system.mac)",
        "[PHONE_MAC_ADDRESS]",
        "$PSN",
        "{MODEL}",
        "%24mac",
        "%7Bmac%7D",
        "$input",
    ],
)
def test_tells_a_placeholder_as_the_file(placeholder: str) -> None:
    found = ask(f"{placeholder}.cfg")
    assert found.placeholder == unquote(placeholder)
    assert found.is_placeholder_file
    assert found.mac is None


@pytest.mark.parametrize("placeholder", ["$mac.cfg", "{mac}.cfg", "%7Bmac%7D.cfg", "$MA.cfg"])
def test_serves_by_the_last_segment_after_a_placeholder(placeholder: str) -> None:
    found = ask(f"{placeholder}/001565123456.cfg")
    assert not found.is_placeholder_file
    assert found.placeholder
    assert found.file == "001565123456.cfg"
    assert found.mac == PHONE


@pytest.mark.parametrize("text", ["", "001565123456.cfg", "$machine.cfg", "{macro}.cfg", "mac.cfg"])
def test_knows_what_is_no_placeholder(text: str) -> None:
    assert find_placeholder(text) == ""


def test_finds_the_mac_in_a_segment_before() -> None:
    found = ask("00-15-65-12-34-56/firmware.rom")
    assert (found.mac, found.mac_source, found.mac_text) == (PHONE, "path", "00-15-65-12-34-56")


@pytest.mark.parametrize(
    "query", ["mac=001565123456", "x=1&MAC=00%3A15%3A65%3A12%3A34%3A56", "mac=0015.6512.3456&y"]
)
def test_finds_the_mac_in_the_query(query: str) -> None:
    found = ask("firmware.rom", query=query)
    assert (found.mac, found.mac_source) == (PHONE, "query")


def test_finds_the_mac_in_the_user_agent() -> None:
    found = ask("y000000000066.cfg", "Acme SIP-T46S 66.85.0.15 00:15:65:12:34:56")
    assert (found.mac, found.mac_source, found.mac_text) == (PHONE, "agent", "00:15:65:12:34:56")


def test_trusts_file_then_path_then_query_then_agent() -> None:
    agent = "Acme T46S 1.0 00:15:65:00:00:04"
    both = ask("001565000002/001565000001.cfg", agent, "mac=001565000003")
    assert both.mac == Mac(0x001565000001)
    assert ask("001565000002/x.rom", agent, "mac=001565000003").mac == Mac(0x001565000002)
    assert ask("x.rom", agent, "mac=001565000003").mac == Mac(0x001565000003)
    assert ask("x.rom", agent).mac == Mac(0x001565000004)


@pytest.mark.parametrize("file", ["y000000000066.cfg", "y000000000066.boot", "000000000000.cfg"])
def test_takes_no_makers_number_for_a_mac(file: str) -> None:
    assert ask(file).mac is None


def test_finds_the_mac_in_a_file_name_nobody_knows() -> None:
    found = ask("config-001565123456.ini")
    assert (found.mac, found.mac_source, found.matches) == (PHONE, "file", ())


def test_tells_the_model_of_a_common_file() -> None:
    (match,) = ask("Y000000000066.cfg").matches
    assert match.model is ACME.models[0]
    assert match.rule.kind is FileKind.COMMON
    (unknown,) = ask("y000000000999.cfg").matches
    assert unknown.model is None


@pytest.mark.parametrize(
    ("agent", "model", "text", "firmware"),
    [
        ("Acme SIP-T46S 66.85.0.15", "t46s", "SIP-T46S", "66.85.0.15"),
        ("acme T19_E2", "t19e2", "T19_E2", ""),
        ("Acme T99 1.0", None, "T99", "1.0"),
    ],
)
def test_reads_maker_model_and_firmware_of_the_agent(
    agent: str, model: str | None, text: str, firmware: str
) -> None:
    found = ask("x.rom", agent)
    assert found.agent_vendor is ACME
    assert (found.agent_model.name if found.agent_model else None) == model
    assert (found.agent_model_text, found.firmware) == (text, firmware)


def test_knows_no_maker_of_a_strange_agent() -> None:
    found = ask("", "curl/8.0")
    assert (found.file, found.agent_vendor, found.matches) == ("", None, ())


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_request_has_an_identity(path: str, user_agent: str, query: str) -> None:
    found = ask(path, user_agent, query)
    assert (found.mac is None) == (found.mac_source == "")


_NAMES = st.one_of(
    st.text(max_size=30),
    st.builds(
        lambda mac, tail: mac + tail,
        st.sampled_from(
            ["001565123456", "00:15:65:12:34:56", "0015.6512.3456", "000000000000", "f" * 12]
        ),
        st.sampled_from(
            [".cfg", ".CFG", ".xml", ".boot", "-phone.cfg", "-reg.cfg", "fw.bin", "", ".txt"]
        ),
    ),
    st.sampled_from(
        ["y000000000066.cfg", "cfg.xml", "000000000000.cfg", "spa504G.cfg", "7841.xml"]
    ),
    st.from_regex(r"(?:cfg|SEP|spa)?[0-9a-fA-F]{12}[-.a-z]{0,8}", fullmatch=True),
)


@given(name=_NAMES)
def test_claims_are_those_of_trying_each_rule(name: str) -> None:
    rules = [(it, rule, rule.pattern) for it in build.PROFILES for rule in it.files]
    names = FileNames(build.PROFILES)
    assert names.claims(name) == tried(name, rules)
    assert names.claims(name) == tried(name, rules)  # now from memory

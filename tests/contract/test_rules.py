"""One suite over all rules: examples, texts, pages, makers' names."""

from __future__ import annotations

import pkgutil
import re
from dataclasses import replace
from pathlib import Path
from string import Formatter

import pytest

import offhook
from offhook.core.model import OutcomeKind
from offhook.core.vendor import VendorProfile
from offhook.diagnosis import rules as package
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.pages import PARTS, fault_pages, page_parts, render_page
from offhook.diagnosis.rule import Rule
from offhook.diagnosis.rules import fault, find_all, rules
from offhook.diagnosis.rules.p201_macro_not_expanded import steps_for
from offhook.vendors import load_profiles

SOURCE = Path(offhook.__file__).parent
FOLDER = Path(next(iter(package.__path__)))
DOCS = Path(__file__).parents[2] / "docs" / "faults"
FILES = {path.name[:4].upper(): path for path in FOLDER.glob("p*.py")}

# What callers at request time fill in (diagnosis/refusals.py, the API, reboots): exactly these.
CLAIMED = {
    "P101": set(),
    "P102": {"external_ip"},
    "P103": {"url_format", "problem"},
    "P104": {"key", "problem"},
    "P105": {"key", "problem"},
    "P106": {"key", "problem"},
    "P108": {"other", "node", "what"},
    "P201": {"placeholder"},
    "P202": {"placeholder", "vendor", "right"},
    "P203": {"file"},
    "P301": {"mac_colons", "vendor", "model"},
    "P302": {"mac", "near", "extension", "vendor", "model"},
    "P303": {"mac", "vendor", "other"},
    "P304": {"mac", "vendor", "other"},
    "P305": {"mac", "model", "other"},
    "P306": {"vendor", "known"},
    "P307": {"vendor", "model", "known"},
    "P308": {"mac", "extension"},
    "P310": {"mac", "files"},
    "P316": {"mac", "extension"},
    "P317": {"mac", "keys"},
    "P318": {"mac", "extension"},
    "P401": {"mac", "extension"},
    "P402": {"extension", "source"},
    "P403": {"claimed", "source"},
    "P404": {"claimed", "extension", "source"},
    "P405": {"source", "what", "address", "realm"},
    "P406": {"mac", "extension", "source"},
    "P407": {"extension", "source"},
    "P408": {"extension", "source", "port"},
    "P410": {"extension", "granted", "asked", "gap"},
    "P412": {"extension", "count", "seconds", "source", "granted"},
    "P413": {"mac", "port", "sip_port", "key", "extension"},
    "P414": {"mac", "used", "wanted"},
    "P415": {"callee", "caller", "status", "reason"},
    "P416": {"extension", "source", "expires"},
    "P417": {"extension", "count", "source"},
    "P418": {"extension", "signed", "uri", "source"},
    "P420": {"extension", "source", "address", "count"},
    "P421": {"mac", "extension", "targets"},
    "P422": {"mac", "address", "server"},
    "P501": {"server", "problem"},
    "P502": {"server", "problem"},
    "P503": {"server", "problem"},
    "P504": {"server", "problem"},
    "P505": {"server", "problem"},
    "P506": {"server", "reason"},
    "P507": {"problem"},
    "P508": {"number", "logins"},
    "P509": {"login", "text"},
    "P510": {"login", "problem"},
    "P511": {"brake", "count", "limit"},
    "P512": {"extension", "mac"},
    "P513": {"count", "problem"},
    "P514": {"server", "days"},
    "P601": {"mac", "extension", "event"},
    "P602": {"mac", "extension", "event"},
    "P603": {"mac", "extension", "event", "sip_code", "sip_reason"},
    "P604": {"mac", "extension", "event"},
    "P605": {"mac", "extension", "event", "key", "ignores"},
    "P606": {"mac", "extension", "event"},
    "P607": {"mac", "extension", "event"},
    "P608": {"mac", "extension"},
    "P701": {"problem"},
    "P702": {"problem"},
    "P801": {"address"},
    "P802": {"address", "count"},
    "P807": {"node", "seconds"},
    "P811": {"network"},
}
# A finer fault is reported beside the plain one that the guide prints.
BESIDE = {"P202": {"P201"}, "P302": {"P301"}, "P512": {"P310"}, "P513": {"P501"}}
BESIDE |= {f"P{number}": {"P309"} for number in range(911, 918)}
BESIDE |= {code: {"P604"} for code in ("P316", "P605", "P606")}
BESIDE |= {code: {"P401"} for code in ("P422", "P608")}
BESIDE |= {code: {"P301"} for code in ("P209", "P311")} | {"P214": {"P203"}}

each_rule = pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.fault.code)
each_claim = pytest.mark.parametrize("code", CLAIMED)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def makers() -> set[str]:
    folders = (path.name for path in (SOURCE / "vendors").iterdir() if path.is_dir())
    known = {"zultys", "yealink", "polycom", "cisco", "grandstream", "snom", "fanvil"}
    return known | {name for name in folders if not name.startswith("_")}


def first_bad(rule: Rule) -> Finding:
    return next(iter(rule.check(rule.bad)))


def test_every_rule_file_is_in_the_register() -> None:
    assert FILES.keys() == rules().keys()
    assert len(list(FOLDER.glob("p*.py"))) == len(FILES)


def test_two_rules_of_one_code_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = [item for item in pkgutil.iter_modules(package.__path__) for _ in range(2)]
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _path: iter(twice))
    with pytest.raises(ValueError, match="two rules have the code P101"):
        rules.__wrapped__()


@each_rule
def test_file_is_named_for_code_and_name(rule: Rule) -> None:
    expected = f"{rule.fault.code.lower()}_{rule.fault.name.replace('-', '_')}.py"
    assert FILES[rule.fault.code].name == expected


@each_rule
def test_check_finds_its_own_fault_in_the_bad_example(rule: Rule) -> None:
    assert {finding.code for finding in rule.check(rule.bad)} == {rule.fault.code}


@each_rule
def test_nothing_else_is_wrong_with_the_bad_example(rule: Rule) -> None:
    code = rule.fault.code
    assert {finding.code for finding in find_all(rule.bad)} == {code, *BESIDE.get(code, ())}


@each_rule
def test_no_rule_finds_anything_in_the_good_example(rule: Rule) -> None:
    assert find_all(rule.good) == []


@each_rule
def test_check_gives_the_same_twice(rule: Rule) -> None:
    assert list(rule.check(rule.bad)) == list(rule.check(rule.bad))


@each_rule
def test_finding_has_fault_texts_subject_and_steps(rule: Rule) -> None:
    for finding in rule.check(rule.bad):
        assert (finding.name, finding.severity) == (rule.fault.name, rule.fault.severity)
        assert finding.subject
        assert finding.steps
        assert finding.hint


@each_rule
def test_message_is_one_line_without_full_stop(rule: Rule) -> None:
    message = first_bad(rule).message
    assert message == message.strip()
    assert message.isprintable()
    assert not message.endswith(".")


@each_rule
def test_evidence_is_given_except_where_the_message_is_all_there_is(rule: Rule) -> None:
    is_unreadable = rule.fault.code in ("P104", "P105", "P106")
    assert bool(first_bad(rule).evidence) is not is_unreadable


@each_rule
def test_tests_by_people_and_optional_files_never_alarm(rule: Rule) -> None:
    attempts = rule.bad.attempts
    harmless = tuple(replace(attempt, is_test=True) for attempt in attempts) + tuple(
        replace(attempt, kind=OutcomeKind.OPTIONAL, fault="") for attempt in attempts
    )
    without = {finding.code for finding in find_all(replace(rule.bad, attempts=()))}
    with_them = {finding.code for finding in find_all(replace(rule.bad, attempts=harmless))}
    assert with_them <= without


@each_claim
def test_texts_use_exactly_the_values_callers_give(code: str) -> None:
    texts = (fault(code).message, *fault(code).steps)
    assert set().union(*map(fields, texts)) == CLAIMED[code]


@each_claim
def test_braces_in_values_stay_as_they_are(code: str) -> None:
    hostile = "{0} {mac} {{x}} {x!r} }{"
    finding = fault(code).finding("s", **dict.fromkeys(CLAIMED[code], hostile))
    for text, template in zip(
        (finding.message, *finding.steps), (fault(code).message, *fault(code).steps), strict=True
    ):
        assert text.count(hostile) == sum(
            name is not None for _, name, _, _ in Formatter().parse(template)
        )


@each_rule
def test_page_has_its_three_parts(rule: Rule) -> None:
    first, parts = page_parts(rule.page)
    assert first.endswith(".")
    assert tuple(parts) == PARTS
    page = render_page(rule)
    for text in (rule.fault.code, rule.fault.title, *(f"## {name}" for name in PARTS)):
        assert text in page


@each_rule
def test_rule_names_no_maker(rule: Rule) -> None:
    words = set(re.findall(r"[a-z0-9]+", FILES[rule.fault.code].read_text("utf-8").lower()))
    assert not words & makers()


def test_shared_modules_of_the_diagnosis_name_no_maker() -> None:
    for path in (SOURCE / "diagnosis").glob("*.py"):
        assert not set(re.findall(r"[a-z0-9]+", path.read_text("utf-8").lower())) & makers(), path


@each_rule
def test_rule_file_is_short(rule: Rule) -> None:
    assert len(FILES[rule.fault.code].read_text("utf-8").splitlines()) <= 100


@pytest.mark.parametrize("profile", load_profiles(), ids=lambda profile: profile.name)
def test_placeholder_steps_of_each_maker_give_the_guides_form_and_the_safer_one(
    profile: VendorProfile,
) -> None:
    base = "http://192.168.1.14:8080/provision/"
    profiles = {item.name: item for item in load_profiles()}
    first, dhcp, reboot = steps_for(profile, base, profiles)
    guides = f"{base}{profile.placeholder}.cfg"
    assert f"to: `{guides}`" in first
    assert first.count(profile.url_form.replace("{base}", base)) >= 1
    assert re.search(rf"^Note: .*`{re.escape(profile.placeholder)}` ", first, re.MULTILINE)
    assert f"Option 66: {guides}" in dhcp.split("\n")
    assert "{url}" not in first + dhcp
    assert "{base}" not in first + dhcp
    assert reboot == "Reboot the phone to apply new provisioning URL"


def test_pages_on_disk_are_up_to_date() -> None:
    on_disk = {path.name: path.read_text("utf-8") for path in DOCS.iterdir()}
    assert on_disk == fault_pages(rules()), "run scripts/make_docs.py"

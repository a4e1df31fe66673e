"""One suite over all makers: what is rendered parses back, wins, stays the same, leaks nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.dialect import DialectError
from offhook.core.preferences import Preferences, merged
from offhook.core.render import RenderError, Templates, finish, render_text
from offhook.core.timezone import time_zone
from offhook.core.vendor import FileKind, Model, VendorProfile
from offhook.core.zones import ZONES_BY_RULE
from offhook.store.templates import load_templates
from tests.contract import build, golden
from tests.contract.build import each_model, each_profile, each_sample

NAMES = (
    'A & B <x> "q"',
    "Zoë O'Neil",
    "{{ secret }}",
    "{% raw %}",
    "{# note",
    "]]>",
    "-->",
    "&amp; &#x41;",
    "שלום עולם",
    "\u200fمرحبا\u200e",  # noqa: RUF001  # an Arabic word between marks of direction
    "# not a comment",
    "= leading",
    "a = b # c",
    "; drop; $x `y` \\n",
    "100 %",
    "x" * 100,
    "👩\u200d💻 Ada",
    "-",
    "0",
)


# --- what is rendered ------------------------------------------------------------------------


@each_model
def test_first_account_is_parsed_back(profile: VendorProfile, model: Model) -> None:
    for count in build.counts(model):
        parsed = build.plain_main(profile, model, count)
        line = build.lines_of(1)[0]
        keys = profile.behaviour.account
        assert build.first_account(profile, parsed) == {
            "number": "1001",
            "display_name": line.display_name,
            "label": line.label if keys.label != keys.display_name else line.display_name,
            "auth_name": "1001",
            "secret": line.secret,
            "server": build.SERVER.address,
            "port": str(build.SERVER.sip_port),
        }


@each_model
def test_every_line_is_in_the_file(profile: VendorProfile, model: Model) -> None:
    for count in build.counts(model):
        found = list(build.plain_main(profile, model, count).values())
        for line in build.lines_of(count):
            assert line.secret in found
            assert line.display_name in found
            assert line.number in found


@each_model
def test_every_file_renders_as_plain_lines(profile: VendorProfile, model: Model) -> None:
    for count in build.counts(model):
        for text in build.plain_files(profile, model, count).values():
            assert text.endswith("\n")
            assert "\r" not in text
            assert not text.startswith("\ufeff")


@each_profile
def test_common_files_hold_nothing_of_a_device(profile: VendorProfile) -> None:
    for model in profile.models:
        own = [build.ADMIN_PASSWORD, build.lines_of(1)[0].secret, "Name 1", build.MAC.plain]
        files = build.plain_files(profile, model, 1)
        for rule in build.rendered_rules(profile, model):
            if rule.kind is FileKind.COMMON:
                text = files[rule.name].lower()
                assert not [word for word in own if word.lower() in text]


@each_model
def test_admin_password_of_the_device_is_in_its_main_file(
    profile: VendorProfile, model: Model
) -> None:
    parsed = build.plain_main(profile, model, 1)
    assert any(build.ADMIN_PASSWORD in value for value in parsed.values())


@each_model
def test_provisioning_url_is_in_the_main_file(profile: VendorProfile, model: Model) -> None:
    parsed = build.plain_main(profile, model, 1)
    host = f"{build.SERVER.address}:{build.SERVER.http_port}/provision"
    assert any(host in value for value in parsed.values())


@each_sample
def test_same_bytes_every_time(profile: VendorProfile, model: Model) -> None:
    values = build.device_values(model, lines=min(2, model.lines))
    fresh = Templates(load_templates(None)[0])
    for rule in build.rendered_rules(profile, model):
        once = finish(rule, build.render(profile, rule, values))
        again = finish(rule, render_text(fresh, profile, rule, build.values_for(rule, values), {}))
        assert once == again


@each_sample
def test_awkward_names_are_parsed_back(profile: VendorProfile, model: Model) -> None:
    for name in NAMES:
        check_names(profile, model, [name], ["s3cret-xxxxxxxx"])


# What the API lets pass: no control characters, line separators, surrogates, private or unassigned
# code points, no blank at either end.
names = (
    st.text(
        st.characters(exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp")),
        min_size=1,
        max_size=100,
    )
    .map(str.strip)
    .filter(lambda name: name and name.upper() != "%NULL%")
)
secrets = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=8, max_size=64)


@each_sample
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_name_and_secret_is_parsed_back(
    profile: VendorProfile, model: Model, data: st.DataObject
) -> None:
    count = min(2, model.lines)
    check_names(
        profile,
        model,
        data.draw(st.lists(names, min_size=count, max_size=count)),
        data.draw(st.lists(secrets, min_size=count, max_size=count)),
    )


def check_names(
    profile: VendorProfile, model: Model, texts: list[str], passwords: list[str]
) -> None:
    lines = build.lines_of(len(texts), texts, passwords)
    parsed = build.render_main(profile, build.device_values(model, lines=lines))
    plain = build.plain_main(profile, model, len(texts))
    assert parsed.keys() == plain.keys()
    first = build.first_account(profile, parsed)
    assert (first["display_name"], first["label"]) == (texts[0], texts[0])
    assert first["secret"] == passwords[0]
    found = list(parsed.values())
    assert all(text in found for text in (*texts, *passwords))


@each_sample
def test_names_no_format_can_carry_are_a_named_fault(profile: VendorProfile, model: Model) -> None:
    for bad in ("a\nb = c", "a\rb", "a\0b", "a\x07b", "a\ud800b"):
        lines = build.lines_of(1, [bad])
        with pytest.raises(RenderError) as caught:
            build.render_main(profile, build.device_values(model, lines=lines))
        assert caught.value.code == "P702"


# --- free settings ---------------------------------------------------------------------------


@each_sample
def test_free_settings_win(profile: VendorProfile, model: Model) -> None:
    known = profile.behaviour.account.label
    values = build.device_values(model, lines=min(2, model.lines))
    plain = build.render_main(profile, values)
    changed = build.render_main(profile, values, {known: "O'Neil & <Co>", "P9876": "7"})
    assert changed == {**plain, known: "O'Neil & <Co>", "P9876": "7"}


HOSTILE = (
    ("P9876", "a\nb"),
    ("P9876", "a\rb"),
    ("P9876", "a\0b"),
    ("P9876", "a\x1bb"),
    ("P9876", "a\ud800"),
    ("", "x"),
    ("two words", "x"),
    ("a\nb", "x"),
    ('a="1" b', "x"),
    ("a>b", "x"),
    ("a=b", "x"),
)


@each_sample
def test_hostile_free_settings_are_refused(profile: VendorProfile, model: Model) -> None:
    rule = build.main_rule(profile, model)
    text = build.plain_files(profile, model, 1)[rule.name]
    assert rule.dialect is not None
    for key, value in HOSTILE:
        with pytest.raises(DialectError):
            rule.dialect.apply(text, {key: value})


# --- preferences -----------------------------------------------------------------------------


@each_sample
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("transport", "tcp"),
        ("transport", "tls"),
        ("register_expires_s", "600"),
        ("ntp_server", "192.0.2.123"),
        ("time_zone", "Europe/Berlin"),
        ("time_zone", "Asia/Kolkata"),
        ("codecs", "pcmu,pcma,g722"),
        ("codecs", "pcma"),
        ("dtmf", "info"),
        ("dtmf", "inband"),
        ("voicemail_number", "*1571"),
        ("voicemail_number", ""),
        ("resync_minutes", "60"),
        ("resync_minutes", "0"),
    ],
)
def test_preference_changes_the_file(
    profile: VendorProfile, model: Model, name: str, text: str
) -> None:
    changed = merged(Preferences(), {name: text})
    assert build.render_main(
        profile, build.device_values(model, prefs=changed)
    ) != build.plain_main(profile, model, 1)


@each_sample
def test_zones_are_told_apart(profile: VendorProfile, model: Model) -> None:
    zones = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu")
    zones += ("America/Phoenix", "America/Denver", "Australia/Adelaide", "America/St_Johns")
    found = [rendered_zone(profile, model, zone) for zone in zones]
    assert len({tuple(item.items()) for item in found}) == len(zones)


@each_sample
def test_every_rule_of_summer_time_renders(profile: VendorProfile, model: Model) -> None:
    for rule, zones in ZONES_BY_RULE.items():
        if "," in rule:
            assert rendered_zone(profile, model, zones.split()[0])


def rendered_zone(profile: VendorProfile, model: Model, zone: str) -> dict[str, str]:
    values = replace(build.device_values(model), tz=time_zone(zone))
    return build.render_main(profile, replace(values, prefs=Preferences(time_zone=zone)))


# --- golden files ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", golden.load_cases(), ids=str)
def test_golden_file(case: golden.Case) -> None:
    assert case.out.read_bytes().decode() == golden.render_case(case)

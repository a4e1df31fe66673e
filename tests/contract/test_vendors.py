"""One suite over all makers: identity, files, determinism, parse-back, secrets, preferences."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.dialect import DialectError
from offhook.core.identify import find_placeholder, identify
from offhook.core.mac import Mac
from offhook.core.preferences import Preferences, merged
from offhook.core.render import RenderError, Templates, finish, render_text, template_name
from offhook.core.timezone import time_zone
from offhook.core.vendor import FileKind, Model, VendorProfile, fold, model_codes
from offhook.core.zones import ZONES_BY_RULE
from offhook.store.templates import load_templates
from tests.contract import build, golden

each_profile = pytest.mark.parametrize("profile", build.PROFILES, ids=build.label)
each_model = pytest.mark.parametrize(("profile", "model"), build.MODELS, ids=build.label)
each_sample = pytest.mark.parametrize(("profile", "model"), build.samples(), ids=build.label)

SERVED = (FileKind.DEVICE, FileKind.COMMON)
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


# --- profile ---------------------------------------------------------------------------------


def test_finds_makers() -> None:
    assert {"yealink", "zultys"} <= {profile.name for profile in build.PROFILES}
    assert [profile.name for profile in build.PROFILES] == sorted(
        profile.name for profile in build.PROFILES
    )


@each_profile
def test_model_spellings_are_unique(profile: VendorProfile) -> None:
    for one, other in combinations(profile.models, 2):
        assert not model_codes(one) & model_codes(other)


@each_model
def test_model_is_found_by_every_spelling(profile: VendorProfile, model: Model) -> None:
    assert fold(model.name) == model.name
    for spelling in (model.name, model.label, model.label.upper(), *model.codes):
        assert profile.model(spelling) is model
    assert model.lines >= 1


@each_profile
def test_blocks_of_addresses_are_six_lower_case_digits_of_one_maker(profile: VendorProfile) -> None:
    assert profile.ouis
    assert all(re.fullmatch("[0-9a-f]{6}", oui) for oui in profile.ouis)
    others = [other for other in build.PROFILES if other is not profile]
    assert not any(profile.ouis & other.ouis for other in others)


@each_profile
def test_advice_can_be_given(profile: VendorProfile) -> None:
    assert any("{url}" in step for step in profile.menu)
    assert "{base}" in profile.url_form
    assert find_placeholder(f"{profile.placeholder}.cfg") == profile.placeholder
    for notify in (profile.reboot, profile.resync):
        assert notify.event
        assert notify.event.isprintable()


@each_profile
def test_has_a_manual_page_and_cases(profile: VendorProfile) -> None:
    folder = golden.ROOT / profile.name
    assert "# " in (folder / "README.md").read_text(encoding="utf-8")
    assert list((folder / "cases").glob("*.json"))


@each_model
def test_every_file_has_its_template(profile: VendorProfile, model: Model) -> None:
    rules = profile.rules_for(model)
    assert profile.main in {rule.name for rule in rules if rule.kind is FileKind.DEVICE}
    for rule in rules:
        assert bool(rule.template) == (rule.kind in SERVED)
        if rule.template:
            assert rule.dialect is not None
            assert build.templates().has(profile.name, template_name(rule, model))


@each_profile
def test_no_template_is_left_over(profile: VendorProfile) -> None:
    sources = build.templates().sources
    own = {name.split("/")[1] for name in sources if name.startswith(f"{profile.name}/")}
    used = {
        template_name(rule, model)
        for model in profile.models
        for rule in build.rendered_rules(profile, model)
    }
    included = {
        name
        for file in own
        for name in re.findall(r'"([\w.\-]+\.j2)"', sources[f"{profile.name}/{file}"])
    }
    assert own == used | included


# --- names of files --------------------------------------------------------------------------


@each_model
def test_file_names_match_their_own_rule(profile: VendorProfile, model: Model) -> None:
    for rule in profile.rules_for(model):
        if rule.kind is FileKind.OPTIONAL and "{" not in rule.name:
            continue  # such a name only stands for what the pattern takes
        name = build.file_name(rule.name, model)
        for spelling in (name, name.upper(), name.lower()):
            found = rule.pattern.fullmatch(spelling)
            assert found is not None, (rule.name, spelling)
            if "{mac}" in rule.name.lower():
                assert "mac" in found.groupdict()
            if "{code}" in rule.name and "model" in found.groupdict():
                assert profile.model(found["model"]) is model
        for stranger in (f"x/{name}", f"{name}.bak", f"{name}\n"):
            assert rule.pattern.fullmatch(stranger) is None


@each_model
def test_phone_asks_for_what_it_is_expected_to_fetch(profile: VendorProfile, model: Model) -> None:
    asked = {build.file_name(name, model) for name in profile.behaviour.files}
    expected = {
        build.file_name(rule.name, model)
        for rule in profile.rules_for(model)
        if rule.kind in SERVED and rule.is_expected
    }
    assert expected <= asked
    for name in asked:
        identity = identify(
            build.request(name, build.agent(profile.behaviour.agent, model)), build.PROFILES
        )
        assert profile in [match.profile for match in identity.matches], name


@each_profile
@pytest.mark.parametrize(
    "spelling",
    ["000BEA85ED68", "000bea85ed68", "00:0B:EA:85:ED:68", "00-0b-ea-85-ed-68", "000B.EA85.ED68"],
)
def test_guide_url_is_claimed_in_every_spelling(profile: VendorProfile, spelling: str) -> None:
    identity = identify(build.request(f"{spelling}.cfg"), build.PROFILES)
    assert identity.mac == Mac(0x000BEA85ED68)
    assert identity.mac_text == spelling
    kinds = [match.rule.kind for match in identity.matches if match.profile is profile]
    assert kinds[:1] == [FileKind.DEVICE]


# --- identity --------------------------------------------------------------------------------


@each_model
def test_user_agent_is_read_back(profile: VendorProfile, model: Model) -> None:
    for text in (profile.behaviour.agent, profile.behaviour.sip_agent):
        user_agent = build.agent(text, model)
        identity = identify(build.request("ringtone.wav", user_agent), build.PROFILES)
        assert identity.agent_vendor is profile
        assert identity.agent_model is model
        assert re.search(r"\d", identity.firmware)
        if "{mac" in text.lower():
            assert identity.mac == build.MAC
            assert identity.mac_source == "agent"


@each_profile
def test_other_makers_phones_are_not_claimed(profile: VendorProfile) -> None:
    for other, model in build.MODELS:
        if other is not profile:
            assert profile.read_agent(build.agent(other.behaviour.agent, model)) is None


# --- what is rendered ------------------------------------------------------------------------


@each_model
def test_first_account_is_parsed_back(profile: VendorProfile, model: Model) -> None:
    for count in build.counts(model):
        values = build.device_values(model, lines=count)
        parsed = build.render_main(profile, values)
        line = values.lines[0]
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
        values = build.device_values(model, lines=count)
        found = list(build.render_main(profile, values).values())
        for line in values.lines:
            assert line.secret in found
            assert line.display_name in found
            assert line.number in found


@each_model
def test_every_file_renders_as_plain_lines(profile: VendorProfile, model: Model) -> None:
    for count in build.counts(model):
        values = build.device_values(model, lines=count)
        for rule in build.rendered_rules(profile, model):
            text = build.render(profile, rule, values)
            assert text.endswith("\n")
            assert "\r" not in text
            assert not text.startswith("\ufeff")


@each_model
def test_common_files_hold_nothing_of_a_device(profile: VendorProfile, model: Model) -> None:
    values = build.device_values(model, lines=1)
    own = [build.ADMIN_PASSWORD, values.lines[0].secret, "Name 1", build.MAC.plain]
    for rule in build.rendered_rules(profile, model):
        if rule.kind is FileKind.COMMON:
            text = build.render(profile, rule, values).lower()
            assert not [word for word in own if word.lower() in text]


@each_model
def test_admin_password_of_the_device_is_in_its_main_file(
    profile: VendorProfile, model: Model
) -> None:
    parsed = build.render_main(profile, build.device_values(model))
    assert any(build.ADMIN_PASSWORD in value for value in parsed.values())


@each_model
def test_provisioning_url_is_in_the_main_file(profile: VendorProfile, model: Model) -> None:
    parsed = build.render_main(profile, build.device_values(model))
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
@pytest.mark.parametrize("name", NAMES)
def test_awkward_names_are_parsed_back(profile: VendorProfile, model: Model, name: str) -> None:
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
    plain = build.render_main(profile, build.device_values(model, lines=len(texts)))
    assert parsed.keys() == plain.keys()
    first = build.first_account(profile, parsed)
    assert (first["display_name"], first["label"]) == (texts[0], texts[0])
    assert first["secret"] == passwords[0]
    found = list(parsed.values())
    assert all(text in found for text in (*texts, *passwords))


@each_sample
@pytest.mark.parametrize("bad", ["a\nb = c", "a\rb", "a\0b", "a\x07b", "a\ud800b"])
def test_names_no_format_can_carry_are_a_named_fault(
    profile: VendorProfile, model: Model, bad: str
) -> None:
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


@each_sample
@pytest.mark.parametrize(
    ("key", "value"),
    [
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
    ],
)
def test_hostile_free_settings_are_refused(
    profile: VendorProfile, model: Model, key: str, value: str
) -> None:
    rule = build.main_rule(profile, model)
    text = build.render(profile, rule, build.device_values(model))
    assert rule.dialect is not None
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
    ) != build.render_main(profile, build.device_values(model))


@each_sample
def test_zones_are_told_apart(profile: VendorProfile, model: Model) -> None:
    zones = ("UTC", "Europe/Paris", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu")
    zones += ("America/Phoenix", "America/Denver", "Australia/Adelaide", "America/St_Johns")
    found = [rendered_zone(profile, model, zone) for zone in zones]
    assert len({tuple(item.items()) for item in found}) == len(zones)


@each_sample
def test_every_rule_of_time_renders(profile: VendorProfile, model: Model) -> None:
    for zones in ZONES_BY_RULE.values():
        assert rendered_zone(profile, model, zones.split()[0])


def rendered_zone(profile: VendorProfile, model: Model, zone: str) -> dict[str, str]:
    values = replace(build.device_values(model), tz=time_zone(zone))
    return build.render_main(profile, replace(values, prefs=Preferences(time_zone=zone)))


# --- golden files ----------------------------------------------------------------------------


@pytest.mark.parametrize("case", golden.load_cases(), ids=str)
def test_golden_file(case: golden.Case) -> None:
    assert case.out.read_bytes().decode() == golden.render_case(case)

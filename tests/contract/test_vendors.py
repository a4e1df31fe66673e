"""One suite over all makers: the profile, its file names, and who it takes for its own."""

from __future__ import annotations

import re
from itertools import combinations

import pytest

from offhook.core.identify import find_placeholder, identify
from offhook.core.mac import Mac
from offhook.core.render import template_name
from offhook.core.vendor import FileKind, VendorProfile, fold, model_codes
from tests.contract import build, golden
from tests.contract.build import each_profile

SERVED = (FileKind.DEVICE, FileKind.COMMON)


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


@each_profile
def test_model_is_found_by_every_spelling(profile: VendorProfile) -> None:
    for model in profile.models:
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


@each_profile
def test_every_file_has_its_template(profile: VendorProfile) -> None:
    for model in profile.models:
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


@each_profile
def test_file_names_match_their_own_rule(profile: VendorProfile) -> None:
    for model in profile.models:
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


@each_profile
def test_phone_asks_for_what_it_is_expected_to_fetch(profile: VendorProfile) -> None:
    for model in profile.models:
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


@each_profile
def test_user_agent_is_read_back(profile: VendorProfile) -> None:
    for model in profile.models:
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

"""What is known of makers' keys, held against what our own templates write for every model."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from offhook.actions.files import make
from offhook.core.inventory import SITE, FileSource
from offhook.core.maker_keys import KeyClass
from offhook.core.model import Device, Extension, Line
from offhook.core.preferences import DTMF, TRANSPORTS
from offhook.core.render import Templates
from offhook.core.secret import Secret
from offhook.core.vendor import Model, VendorProfile
from tests.contract import build
from tests.world import source

NUMBERS = [str(1000 + index) for index in range(1, 101)]
EXTENSIONS = {
    number: Extension(
        number=number, name=f"Name {number}", secret=Secret("s" * 24), created_at=build.NOW
    )
    for number in NUMBERS
}
# As if the site had written every template itself: only then are the files looked at.
OWN = Templates(build.templates().sources, frozenset(build.templates().sources))


def picture(**settings: str) -> FileSource:
    return source(OWN, extensions=EXTENSIONS, settings={SITE: settings})


def device(profile: VendorProfile, model: Model, lines: int) -> Device:
    return Device(
        mac=build.MAC,
        vendor=profile.name,
        model=model.name,
        lines=tuple(
            Line(index=index, extension=NUMBERS[index - 1]) for index in range(1, lines + 1)
        ),
        admin_password=Secret(build.ADMIN_PASSWORD),
        created_at=build.NOW,
        updated_at=build.NOW,
    )


@pytest.mark.parametrize(("profile", "model"), build.MODELS, ids=build.label)
def test_our_own_files_have_nothing_to_find(profile: VendorProfile, model: Model) -> None:
    for lines in {1, model.lines}:
        assert make(picture(), device(profile, model, lines)).lint == ()


@pytest.mark.parametrize(("profile", "model"), build.samples(), ids=build.label)
def test_neutral_settings_bring_nothing_to_find(profile: VendorProfile, model: Model) -> None:
    for dtmf, transport in product(DTMF, TRANSPORTS):
        made = make(picture(dtmf=dtmf, transport=transport), device(profile, model, 1))
        assert made.lint == ()


@pytest.mark.parametrize("profile", build.PROFILES, ids=build.label)
def test_every_secret_we_write_is_of_that_class(profile: VendorProfile) -> None:
    for model in (model for maker, model in build.samples() if maker is profile):
        made = make(picture(), device(profile, model, model.lines))
        for rule in profile.rules_for(model):
            name = build.file_name(rule.name, model, build.MAC)
            if rule.dialect is None or name not in made.files:
                continue
            values = rule.dialect.parse(made.files[name].body.decode())
            for key, value in values.items():
                if value in ("s" * 24, build.ADMIN_PASSWORD, f"admin:{build.ADMIN_PASSWORD}"):
                    assert profile.keys.classify(key) is KeyClass.SECRET, key


@pytest.mark.parametrize("profile", build.PROFILES, ids=build.label)
def test_new_names_are_not_old_ones_themselves(profile: VendorProfile) -> None:
    families = {model.family for model in profile.models}
    for rule in profile.keys.renamed:
        assert rule.families <= families
        assert rule.new


@pytest.mark.parametrize("profile", build.PROFILES, ids=build.label)
def test_firmware_of_the_makers_agent_has_a_generation(profile: VendorProfile) -> None:
    agent = profile.read_agent(build.agent(profile.behaviour.agent, profile.models[0], build.MAC))
    assert agent is not None
    assert profile.keys.generation(agent.firmware)


def test_a_phone_with_too_long_a_secret_is_looked_at_without_own_templates() -> None:
    profile = build.PROFILES[0]
    model = profile.models[0]
    long = {number: replace(it, secret=Secret("s" * 60)) for number, it in EXTENSIONS.items()}
    plain = source(extensions=long)
    (found,) = make(plain, device(profile, model, 1)).lint
    assert (found.code, found.value, found.other) == ("P710", "60", str(model.secret_max))

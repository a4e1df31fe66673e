"""Filling a shape gives what rendering gives, to the byte and to the error, whoever the device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from offhook.core.file_values import Own
from offhook.core.inventory import FileSource, ground_of, render_device_file
from offhook.core.mac import Mac
from offhook.core.model import Device, Extension, Line
from offhook.core.preferences import Preferences
from offhook.core.render import Rendered, RenderError, Templates, finish, render_text
from offhook.core.secret import Secret
from offhook.core.vendor import FileKind, FileRule, Model, VendorProfile
from tests.contract import build
from tests.contract.build import each_model, each_sample

PROFILES = {profile.name: profile for profile in build.PROFILES}
Outcome = tuple[str, str] | Rendered

# Anything but what cannot be written at all comes often; the rest must fail as it always does.
texts = st.one_of(
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=40),
    st.text(max_size=12),
    st.sampled_from(("", "-", "a--b", "-a", "a-", "]]", "]]>", "%s", "%", "%NULL%", "#", "=", "0")),
    st.sampled_from(("\U000f0000", "\U000f0001x", "&amp;", "<!--", '"', "'", " blank ", "a\nb")),
)
awkward = texts.filter(bool)


@st.composite
def devices(draw: st.DrawFn, profile: VendorProfile, model: Model) -> tuple[Device, ...]:
    """Some devices of a model that differ in everything, and the settings they have."""
    numbers = draw(st.lists(st.integers(1, model.lines), min_size=1, max_size=3, unique=True))
    own = draw(own_settings(profile))
    return tuple(
        Device(
            mac=Mac(draw(st.integers(1, 0xFFFFFFFFFFFE))),
            vendor=profile.name,
            model=model.name,
            lines=tuple(
                Line(index=index, extension=str(place * 10 + index), label=draw(texts))
                for index in sorted(numbers)
            ),
            admin_password=Secret(draw(texts)),
            settings=own,
            created_at=build.NOW,
            updated_at=build.NOW,
        )
        for place in range(1, 5)
    )


def own_settings(profile: VendorProfile) -> st.SearchStrategy[dict[str, str]]:
    account = profile.behaviour.account
    keys = st.sampled_from((account.label, account.secret, account.display_name, "P9876", "P2"))
    neutral = st.sampled_from(
        (
            {"transport": "tls"},
            {"resync_minutes": "0"},
            {"time_zone": "Europe/Berlin", "dtmf": "info"},
            {"voicemail_number": ""},
            {"time_zone": "Mars/Olympus"},
        )
    )
    return st.one_of(st.just({}), st.dictionaries(keys, texts, max_size=2), neutral)


def source(
    templates: Templates, found: tuple[Device, ...], names: list[str], secrets: list[str]
) -> FileSource:
    numbers = sorted({line.extension for device in found for line in device.lines})
    return FileSource(
        templates=templates,
        server=build.SERVER,
        prefs=Preferences(),
        profiles=PROFILES,
        extensions={
            number: Extension(
                number=number,
                name=names[place % len(names)],
                secret=Secret(secrets[place % len(secrets)]),
                created_at=build.NOW,
            )
            for place, number in enumerate(numbers)
        },
        settings={},
    )


def outcome(make: object, *args: object) -> Outcome:
    try:
        return make(*args)  # type: ignore[operator,no-any-return]  # one of two functions
    except RenderError as error:
        return error.code, str(error)


def whole(found: FileSource, device: Device, rule: FileRule) -> Rendered:
    """The file by the template alone."""
    is_common = rule.kind is FileKind.COMMON
    ground = ground_of(found, replace(device, settings={}) if is_common else device)
    own = Own() if is_common else found.own_of(device)
    values = ground.values(own)
    return finish(rule, render_text(found.templates, ground.profile, rule, values, ground.keys))


def check(found: FileSource, given_devices: tuple[Device, ...], rule: FileRule) -> None:
    for device in (given_devices[0], *given_devices, *given_devices):
        made = outcome(render_device_file, found, device, rule)
        assert made == outcome(whole, found, device, rule)


@each_sample
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_every_file_is_what_its_template_makes(
    profile: VendorProfile, model: Model, data: st.DataObject
) -> None:
    found = data.draw(devices(profile, model))
    names = data.draw(st.lists(awkward, min_size=1, max_size=6))
    secrets = data.draw(st.lists(awkward, min_size=1, max_size=6))
    picture = source(build.templates(), found, names, secrets)
    for rule in build.rendered_rules(profile, model):
        check(picture, found, rule)


@each_model
def test_every_file_of_every_model_has_a_shape(profile: VendorProfile, model: Model) -> None:
    for count in build.counts(model):
        fleet = tuple(plain_device(profile, model, count, place) for place in (1, 2, 3))
        picture = source(build.templates(), fleet, ["Ada", "Zoë O'Neil"], ["first-secret", "other"])
        ground = ground_of(picture, fleet[0])
        for rule in build.rendered_rules(profile, model):
            check(picture, fleet, rule)
            own = Own() if rule.kind is FileKind.COMMON else picture.own_of(fleet[2])
            assert ground.shape_of(rule, own) is not None, rule.name


def plain_device(
    profile: VendorProfile, model: Model, count: int, place: int, **changes: object
) -> Device:
    device = Device(
        mac=Mac(0x001565000000 + place),
        vendor=profile.name,
        model=model.name,
        lines=tuple(
            Line(index=index, extension=str(place * 100 + index)) for index in range(1, count + 1)
        ),
        admin_password=Secret(f"admin-{place}"),
        created_at=build.NOW,
        updated_at=build.NOW,
    )
    return replace(device, **changes)  # type: ignore[arg-type]  # fields of a device


# --- templates of a site ---------------------------------------------------------------------

PRINTS = (
    "x = {{ lines[0] == lines[-1] }}",  # another index: never compared further
    "a = {{ lines[0].label }}",
    "mac = {{ device.mac | upper }}",
    "b = x{{ lines[0].display_name }}y{{ lines[0].number }}",
    "# {{ lines[0].display_name }} = {{ device.mac_upper }}",
    "c = {{ lines[0].label | trim | lower }}",
    "d = {{ lines[0].label | replace('a', 'b') }}",
    "e = {{ lines[0].label | default('none', true) }}",
    "f = {{ lines[0].label | truncate(5) }}",
    "g = {% if lines[0].label %}full{% else %}empty{% endif %}",
    "h = {{ lines | length }} {{ lines[-1].index }}",
    "{% for line in lines %}l.{{ line.index }} = {{ line.secret }}\n{% endfor %}",
    "i = {{ (lines | first).secret }}",
    "j = {{ lines | map(attribute='number') | first }}",
    "k = {{ '%' }}{{ lines[0].label }}",
    "n = {{ dict(x=lines[0].label).x }}",
    "o = {% for name in [lines[0].number, device.mac] %}{{ name }};{% endfor %}",
    "{{ 'key' }} = {{ device.admin_password }}",
)
LOOKS = (
    "pp = {{ lines[0].label if lines[0].label is sameas lines[0].label else '' }}",
    "a = {{ lines[0].label | length }}",
    "b = {% if lines[0].label == 'Ada' %}1{% else %}2{% endif %}",
    "c = {{ lines[0].label[:3] }}",
    "d = {{ 'x' ~ lines[0].label }}",
    "e = {{ 'a' in lines[0].label }}",
    "f = {{ lines[0].label < 'M' }}",
    "g = {{ lines[0].label.startswith('A') }}",
    "h = {{ {'Ada': 1}.get(lines[0].label, 0) }}",
    "i = {% set x %}{{ lines[0].label }}{% endset %}{{ x | length }}",
    "j = {% macro m(t) %}{{ t }}{% endmacro %}{{ m(lines[0].label) | length }}",
    "k = {% filter upper %}{{ lines[0].label }}{% endfilter %}",
    "l = {{ lines[0].label is string }}",
    "m = {{ lines[0].number is sameas lines[0].auth_name }}",
    "n = {{ lines[0].label is iterable }}{{ lines[0].label is sequence }}",
    "o = {{ lines[0].label | int }}",
    "p = {{ lines[0].label | list | first | default('') }}",
    "q = {{ '%s' % lines[0].label }}",
    "r = {{ '{}'.format(lines[0].label) }}",
    "s = {% import 'part.j2' as part with context %}{{ (part | string) | length }}",
    "t = {% from 'part.j2' import shout %}{{ shout(lines[0].label) }}",
    "u = {{ lines | sort(attribute='label') | map(attribute='index') | join('-') }}",
    "v = {{ lines | groupby('label') | length }}",
    "w = {{ lines[0].label | tojson | length }}",
    "y = {{ (lines[0].label | trim) is defined and (lines[0].label | trim) == '' }}",
    "z = {{ [lines[0].label, 'x'] | join('+') }}",
    "aa = {{ lines[0].label | urlencode }}{{ lines[0].label | e }}",
    "bb = {{ lines[0].label.upper() }}",
    "cc = {% block b %}{{ lines[0].label }}{% endblock %}{{ self.b() | length }}",
    "dd = {% call(x) each(lines) %}{{ x.label }}{% endcall %}",
    "{{ lines[0].label }} = key",
    "no equals {{ lines[0].label }}",
    "{% autoescape true %}ee = {{ lines[0].label }}{% endautoescape %}",
    "ff = {{ lines[0].label | safe }}",
    "gg = {{ lines[0].label is callable }}{{ lines[0].label is number }}",
    "hh = {{ lines[0].label | default(lines[0].number) is string }}",
)
PART = "{% macro shout(t) %}{{ t | upper }}{% endmacro %}{{ lines[0].label if lines else '' }}"
EACH = "{% macro each(all) %}{% for it in all %}{{ caller(it) }}{% endfor %}{% endmacro %}"
ZULTYS = PROFILES["zultys"]


def own_templates(body: str) -> Templates:
    main = f"#!version:1.0.0.1\n{EACH}\n{body}\n"
    return Templates({"zultys/main.cfg.j2": main, "zultys/part.j2": PART})


def fleet_of(names: list[str], **changes: object) -> tuple[Device, ...]:
    return tuple(
        plain_device(ZULTYS, ZULTYS.models[0], 2, place, **changes)
        for place in range(1, len(names) + 1)
    )


RULE = build.main_rule(ZULTYS, ZULTYS.models[0])


def picture_of(text: str, fleet: tuple[Device, ...], names: list[str]) -> FileSource:
    return source(own_templates(text), fleet, names, ["secret-one", "secret-two"])


def has_shape(text: str) -> bool:
    names = ["Ada", "Bob", "Grace Hopper", "  x"]
    fleet = fleet_of(names)
    picture = picture_of(text, fleet, names)
    check(picture, fleet, RULE)
    return ground_of(picture, fleet[0]).shape_of(RULE, picture.own_of(fleet[0])) is not None


@pytest.mark.parametrize("text", PRINTS)
def test_a_template_that_only_prints_has_a_shape(text: str) -> None:
    assert has_shape(text)


@pytest.mark.parametrize("text", LOOKS)
def test_a_template_that_looks_at_a_value_has_none(text: str) -> None:
    assert not has_shape(text)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from((*PRINTS, *LOOKS)), min_size=1, max_size=4),
    st.lists(awkward, min_size=3, max_size=6),
    own_settings(ZULTYS),
)
@example(["e = {{ lines[0].label | default('none', true) }}"], ["a", "b", "c"], {"e": "x"})
def test_any_template_of_a_site_is_as_rendered(
    pieces: list[str], names: list[str], own: Mapping[str, str]
) -> None:
    fleet = fleet_of(names, settings=own)
    check(picture_of("\n".join(pieces), fleet, names), fleet, RULE)

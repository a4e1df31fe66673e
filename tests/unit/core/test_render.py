"""Rendering: what a template sees, whose keys win, and which fault a bad template is."""

import hashlib
from dataclasses import replace

import pytest

from offhook.core.file_values import FileValues
from offhook.core.render import (
    RenderError,
    Templates,
    finish,
    maker_keys,
    render_text,
)
from offhook.core.vendor import FileKind
from offhook.vendors import load_profiles
from tests.contract import build

ZULTYS = load_profiles()[-1]
MODEL = ZULTYS.models[0]
HEADER = "#!version:1.0.0.1\n"


def render(text: str, keys: dict[str, str] | None = None, **others: str) -> str:
    values = build.device_values(MODEL, lines=2)
    sources = {f"zultys/{name}.j2": other for name, other in others.items()}
    templates = Templates({"zultys/main.cfg.j2": HEADER + text, **sources})
    return render_text(templates, ZULTYS, build.main_rule(ZULTYS, MODEL), values, keys or {})


def test_template_sees_device_lines_server_preferences_zone_and_model() -> None:
    text = render(
        "a = {{ device.mac }}/{{ device.mac_upper }}\nb = {{ server.address }}\n"
        "{% for line in lines %}\nl{{ line.index }} = {{ line.number }}\n{% endfor %}\n"
        "c = {{ prefs.transport }} {{ tz.offset_s }} {{ model.name }} {{ facts.slots | length }}\n"
    )
    assert text == (
        f"{HEADER}a = 001565123456/001565123456\nb = 192.168.1.14\n"
        "l1 = 1001\nl2 = 1002\nc = udp 0 zip33g 7\n"
    )


def test_own_keys_are_merged_and_the_rest_kept() -> None:
    assert render("a = 1\nb = 2\n", {"b": "x", "c": "y"}) == f"{HEADER}a = 1\nb = x\nc = y\n"


def test_own_keys_are_not_merged_into_other_files() -> None:
    values = build.device_values(MODEL)
    (common,) = (rule for rule in ZULTYS.files if rule.kind is FileKind.COMMON)
    templates = Templates({"zultys/common.cfg.j2": HEADER})
    assert render_text(templates, ZULTYS, common, values, {"a": "1"}) == HEADER


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = {{ missing }}\n", "missing"),
        ("a = {{ device.missing }}\n", "missing"),
        ("a = {{ 1 / 0 }}\n", "division"),
        ("a = {{ lines[9].number }}\n", "has no element 9"),
        ("a = {{ 5 | dictsort }}\n", "items"),
        ("a = {{ 'x' + 1 }}\n", "concatenate"),
        ("a = {{ ().__class__ }}\n", "unsafe"),
        ("a = {{ prefs.codecs.append('x') }}\n", "append"),
        ("{% if %}\n", "line 2"),
        ("a = 1\nb = {{ missing }}\n", "main.cfg.j2 line 3"),
        ('{% include "none.j2" %}\n', "no template none.j2 for zultys"),
        ('{% include "main.cfg.j2" %}\n', "recursion"),
        ("{% for x in range(10 ** 9) %}{% endfor %}\n", "too big"),
    ],
)
def test_bad_template_is_p701(text: str, words: str) -> None:
    with pytest.raises(RenderError, match=words) as caught:
        render(text)
    assert caught.value.code == "P701"


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("a = {{ 'x\ny' }}\n", {}),
        ("a = {{ none }}\n", {}),
        ("a = 1\n", {"a": "x\ny"}),
        ("a = 1\n", {"two words": "x"}),
    ],
)
def test_value_the_file_cannot_carry_is_p702(text: str, keys: dict[str, str]) -> None:
    with pytest.raises(RenderError) as caught:
        render(text, keys)
    assert caught.value.code == "P702"


def test_text_the_phone_would_refuse_is_p702() -> None:
    templates = Templates({"zultys/main.cfg.j2": "no header\n"})
    values = build.device_values(MODEL)
    with pytest.raises(RenderError, match="first line") as caught:
        render_text(templates, ZULTYS, build.main_rule(ZULTYS, MODEL), values, {})
    assert caught.value.code == "P702"


def test_a_mistake_in_an_included_template_is_found_there() -> None:
    for text, words in (("a = 1\nb = {{ missing }}\n", "line 2"), ("\n\n{% if %}\n", "line 3")):
        with pytest.raises(RenderError, match=rf"^template zultys/part\.j2 {words}: "):
            render('{% include "part.j2" %}\n', part=text)


def test_missing_template_and_missing_dialect_are_p701() -> None:
    values = build.device_values(MODEL)
    rule = build.main_rule(ZULTYS, MODEL)
    assert not Templates({}).has("zultys", "main.cfg.j2")
    for bad in (rule, replace(rule, dialect=None)):
        with pytest.raises(RenderError) as caught:
            render_text(Templates({}), ZULTYS, bad, values, {})
        assert caught.value.code == "P701"


def test_maker_without_a_main_file_merges_no_keys() -> None:
    values: FileValues = build.device_values(MODEL)
    templates = Templates({"zultys/main.cfg.j2": HEADER})
    lost = replace(ZULTYS, main="none")
    rule = build.main_rule(ZULTYS, MODEL)
    assert render_text(templates, lost, rule, values, {"a": "1"}) == HEADER


def test_digest_is_of_the_bytes() -> None:
    rule = build.main_rule(ZULTYS, MODEL)
    made = finish(rule, "Zoë\n")
    assert made.body == "Zoë\n".encode()
    assert made.content_type == "text/plain; charset=utf-8"
    assert made.digest == hashlib.sha256(made.body).hexdigest()
    assert finish(replace(rule, dialect=None), "").content_type == "application/octet-stream"


def test_neutral_names_are_no_keys_of_a_maker() -> None:
    assert maker_keys({"transport": "tcp", "account.1.label": "x"}) == {"account.1.label": "x"}


@pytest.mark.parametrize(
    "text",
    [
        "a = {{ {}[lines[0].secret] }}\n",
        "a = {{ prefs[device.admin_password] }}\n",
        "a = {{ lines[0].secret.nothing }}\n",
        "{% include lines[0].secret %}\n",
    ],
)
def test_an_error_repeats_no_secret(text: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(text)
    assert "secret-of-line-1-x" not in str(caught.value)
    assert build.ADMIN_PASSWORD not in str(caught.value)


def test_an_error_is_no_longer_than_people_read() -> None:
    with pytest.raises(RenderError) as caught:
        render("a = {{ {}['x' * 100000] }}\n")
    assert len(str(caught.value)) < 1000


def test_a_lone_surrogate_is_p702() -> None:
    with pytest.raises(RenderError, match=r"U\+D800") as caught:
        finish(build.main_rule(ZULTYS, MODEL), "a = \ud800\n")
    assert caught.value.code == "P702"


def test_templates_are_compiled_once_for_each_maker() -> None:
    values = build.device_values(MODEL)
    rule = build.main_rule(ZULTYS, MODEL)
    templates = Templates({"zultys/main.cfg.j2": HEADER})
    first = render_text(templates, ZULTYS, rule, values, {})
    assert render_text(templates, ZULTYS, rule, values, {}) == first

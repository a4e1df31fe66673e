"""Files of many phones are read for less, and exactly as their makers' syntaxes read them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.core.dialect import DialectError
from offhook.core.mac import Mac
from offhook.core.render import RenderError
from offhook.simulator.reading import Reader
from tests.contract import build

# As people are called, and as nobody should be.
NAMES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Cn")), max_size=30)
ODD = ["", "Zoë O'Neil & <Sons>", '"', "a]]>b", " x ", "mark 1 of a value", "0", "1", "1001"]


def rendered(profile, model, rule, names, secrets, mac):
    values = build.device_values(model, mac=mac)
    values = replace(values, lines=build.lines_of(1, names, secrets))
    return build.render(profile, rule, values)


def outcome(read):
    """What reading gives, or how it is refused."""
    try:
        return read()
    except DialectError as error:
        return str(error)


def same(reader, rule, text):
    expected = outcome(lambda: build.parse(rule, text))
    assert outcome(lambda: reader.read(rule, text.encode())) == expected


@build.each_sample
def test_every_file_is_read_as_its_syntax_reads_it(profile, model):
    reader = Reader()
    for rule in build.rendered_rules(profile, model):
        for index, name in enumerate(["Ada", "Grace", *ODD]):
            mac = Mac(0x0253494D0000 + index)
            with suppress(RenderError):  # no file at all: key = value cannot carry every name
                same(reader, rule, rendered(profile, model, rule, [name], [f"s3cret{index}"], mac))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(build.samples()), st.lists(NAMES, min_size=2, max_size=4), st.data())
def test_any_names_are_read_as_the_syntax_reads_them(sample, names, data):
    profile, model = sample
    rule = build.main_rule(profile, model)
    reader = Reader()
    for index, name in enumerate(names):
        secret = data.draw(st.sampled_from(["plain", "wi&th", name or "x"]))
        with suppress(RenderError):
            text = rendered(profile, model, rule, [name], [secret], Mac(0x0253494D0000 + index))
            same(reader, rule, text)


def xml_rules():
    return [
        (profile, model)
        for profile, model in build.samples()
        if build.main_rule(profile, model).dialect.is_xml
    ]


@pytest.mark.parametrize(("profile", "model"), xml_rules(), ids=build.label)
def test_the_second_file_of_a_model_is_not_parsed_again(profile, model, monkeypatch):
    rule = build.main_rule(profile, model)
    reader = Reader()
    first, second = (
        rendered(profile, model, rule, [name], [name], Mac(0x0253494D0000 + len(name)))
        for name in ("Ada", "Grace")
    )
    expected = build.parse(rule, second)
    reader.read(rule, first.encode())
    monkeypatch.setattr(type(rule.dialect), "parse", lambda self, text: pytest.fail("parsed"))
    assert reader.read(rule, second.encode()) == expected


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("Ada", "A&d;a"),
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("</", "<", 1),
        lambda text: text + "<more>x</more>",
        lambda text: text.replace('version="1.0"', 'version="7"', 1),
        lambda text: text.replace("0253494d0000", "no mac at all"),
    ],
)
@pytest.mark.parametrize(("profile", "model"), xml_rules(), ids=build.label)
def test_a_broken_file_is_refused_as_the_syntax_refuses_it(profile, model, change):
    rule = build.main_rule(profile, model)
    reader = Reader()
    text = rendered(profile, model, rule, ["Ada"], ["secret"], Mac(0x0253494D0000))
    same(reader, rule, text)
    same(reader, rule, change(text))


def test_what_is_no_text_is_refused():
    profile, model = build.samples()[0]
    with pytest.raises(UnicodeDecodeError):
        Reader().read(build.main_rule(profile, model), b"\xff\xfe")

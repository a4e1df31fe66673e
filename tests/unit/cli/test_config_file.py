"""The reader of config.yml for machines without a YAML library."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from offhook.cli.troubleshoot.config_file import (
    ConfigText,
    config_problems,
    parse_config,
    read_config,
)

ROOT = Path(__file__).parents[3]

WORDS = st.text("abcxyz_", min_size=1, max_size=8)
VALUES = st.one_of(
    st.integers(0, 65535),
    st.text("abc /:.{}#'\"-", min_size=0, max_size=12).map(lambda text: f"v{text}"),
)


@settings(max_examples=40)
@given(st.dictionaries(WORDS, st.dictionaries(WORDS, VALUES, min_size=1), min_size=1))
def test_reads_what_a_yaml_library_wrote(sections):
    values, problems = parse_config(yaml.safe_dump(sections, width=1000, sort_keys=False))
    expected = {
        f"{section}.{key}": str(value)
        for section, keys in sections.items()
        for key, value in keys.items()
    }
    assert problems == ()
    assert values == expected


@given(st.text())
def test_any_text_is_read_without_failing(text):
    parse_config(text)


def test_reads_the_example_as_a_yaml_library_does():
    text = (ROOT / "config.yml.example").read_text(encoding="utf-8")
    values, problems = parse_config(text)
    assert problems == ()
    library = yaml.safe_load(text)
    for key in ("server.external_ip", "server.http_port", "provisioning.url_format"):
        section, _, name = key.partition(".")
        assert values[key] == str(library[section][name])


def test_comments_lists_and_quotes_are_understood():
    values, problems = parse_config(
        "server:  # where\n  bind: '::'  # all\n  name: \"a # b\"\napi:\n"
        "  trusted_networks: [local, 10.0.0.0/8]\nprovisioning:\n  allowed_networks:\n"
        "  - private\n  - 192.0.2.0/24\n"
    )
    assert problems == ()
    assert values == {
        "server.bind": "::",
        "server.name": "a # b",
        "api.trusted_networks": "local,10.0.0.0/8",
        "provisioning.allowed_networks": "private,192.0.2.0/24",
    }


def test_sections_on_one_line_are_understood():
    values, problems = parse_config(
        'server: {external_ip: "192.0.2.1", http_port: 0}  # short\n'
        "api: {trusted_networks: [local, '10.0.0.0/8'], inner: {a: 'x, y'}}\nempty: {}\n"
    )
    assert problems == ()
    assert values == {
        "server.external_ip": "192.0.2.1",
        "server.http_port": "0",
        "api.trusted_networks": "local,10.0.0.0/8",
        "api.inner.a": "x, y",
    }


@given(
    st.dictionaries(WORDS, st.dictionaries(WORDS, st.one_of(st.integers(0, 9), WORDS), min_size=1))
)
@settings(max_examples=40)
def test_reads_one_line_sections_that_a_yaml_library_wrote(sections):
    text = "".join(
        f"{name}: {yaml.safe_dump(keys, default_flow_style=True, width=1000)}"
        for name, keys in sections.items()
    )
    values, problems = parse_config(text)
    assert problems == ()
    assert values == {
        f"{section}.{key}": str(value)
        for section, keys in sections.items()
        for key, value in keys.items()
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [("server:\n\thttp_port: 1\n", "tab"), ("server:\n  http_port:8080\n", "blank")],
)
def test_lines_that_yaml_refuses_are_named(text, expected):
    _, problems = parse_config(text)
    assert len(problems) == 1
    assert "line 2" in problems[0]
    assert expected in problems[0]


def problems_of(**values: str) -> str:
    keyed = {key.replace("__", "."): value for key, value in values.items()}
    config = ConfigText(path=Path("config.yml"), values=keyed)
    return "; ".join(text for text, _ in config_problems(config))


def test_a_good_configuration_has_no_problems():
    assert not problems_of(
        server__external_ip="192.168.1.14",
        provisioning__url_format="http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg",
    )


@pytest.mark.parametrize("address", ["", "127.0.0.1", "0.0.0.0", "::1", "localhost"])
def test_an_address_that_phones_cannot_reach_is_found(address):
    assert "external_ip" in problems_of(server__external_ip=address)


@pytest.mark.parametrize("url", ["192.168.1.14/provision", "http://x/provision", "http://"])
def test_a_partial_url_is_found(url):
    assert "url_format" in problems_of(
        server__external_ip="192.0.2.1", provisioning__url_format=url
    )


def test_switched_off_provisioning_is_found():
    assert "not enabled" in problems_of(
        server__external_ip="192.0.2.1", provisioning__enabled="False"
    )


def test_an_unreadable_file_is_a_problem_and_no_failure(tmp_path):
    missing = read_config(tmp_path / "none.yml")
    assert "cannot be read" in missing.problems[0]
    (tmp_path / "latin.yml").write_bytes(b"name: Zo\xeb\n")
    assert "UTF-8" in read_config(tmp_path / "latin.yml").problems[0]

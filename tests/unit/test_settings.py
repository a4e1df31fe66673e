"""Settings: every bad value is a finding with its key; environment, secret files and paths."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from offhook.core.preferences import PARSERS
from offhook.diagnosis.rules import fault
from offhook.settings import Settings, SettingsError, load_settings
from offhook.settings_page import section_type, settings_page

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.yml.example"


def load(tmp_path: Path, text: str = "", **environ: str) -> Settings:
    file = tmp_path / "config.yml"
    file.write_text(text, encoding="utf-8")
    return load_settings(file, environ)


def problems(tmp_path: Path, text: str = "", **environ: str) -> list[tuple[str, str]]:
    """Code and key path of every problem; each fills the text of its fault."""
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text, **environ)
    for item in caught.value.problems:
        finding = fault(item.code).finding(item.key, key=item.key, problem=item.message)
        assert item.key in finding.message
        assert item.message in finding.message
        assert item.message.isprintable()
        assert len(item.message) < 1500
    return [(item.code, item.key) for item in caught.value.problems]


def message(tmp_path: Path, text: str = "", **environ: str) -> str:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text, **environ)
    return str(caught.value)


# --- defaults and the example --------------------------------------------------------------------


def test_nothing_set_is_the_defaults(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert (found.server.http_port, found.server.sip_port) == (8080, 5060)
    assert found.provisioning.url_format == "http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg"
    assert found.preferences.time_zone == "UTC"


def test_the_example_is_valid_and_changes_no_default_but_the_address(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    found, plain = load(tmp_path, text), load(tmp_path)
    assert found.server.external_ip == "192.168.1.14"
    same = found.model_copy(update={"server": plain.server, "phones": {}})
    assert same == plain
    assert found.preferences == plain.preferences


def test_the_guides_snippets_are_valid(tmp_path: Path) -> None:
    text = """
provisioning:
  enabled: true
  url_format: http://{{SERVER_IP}}:{{PORT}}/provision/{mac}.cfg
server:
  external_ip: 192.168.1.14  # Your actual PBX IP
"""
    assert load(tmp_path, text).server.external_ip == "192.168.1.14"


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "server:\n", "\ufeffserver:\n"])
def test_an_empty_file_or_section_is_the_defaults(tmp_path: Path, text: str) -> None:
    assert load(tmp_path, text) == load(tmp_path)


# --- bad values ----------------------------------------------------------------------------------

BAD = [
    ("server: {http_port: 65536}", "P105", "server.http_port"),
    ("server: {http_port: -1}", "P105", "server.http_port"),
    ("server: {http_port: eighty}", "P105", "server.http_port"),
    ("server: {http_port: 80.5}", "P105", "server.http_port"),
    ("server: {sip_port: [5060]}", "P105", "server.sip_port"),
    ("server: {sip_port: }", "P105", "server.sip_port"),
    ("server: {bind: localhost}", "P105", "server.bind"),
    ("server: {bind: 0}", "P105", "server.bind"),
    ("server: {external_ip: 5}", "P105", "server.external_ip"),
    ("server: 5", "P105", "server"),
    ("server: [a]", "P105", "server"),
    ("provisioning: {enabled: perhaps}", "P105", "provisioning.enabled"),
    ("provisioning: {allowed_networks: [10.0.0.1/8]}", "P105", "provisioning.allowed_networks"),
    ("provisioning: {allowed_networks: [public]}", "P105", "provisioning.allowed_networks"),
    ("provisioning: {allowed_networks: private}", "P105", "provisioning.allowed_networks"),
    ("provisioning: {allowed_networks: [5]}", "P105", "provisioning.allowed_networks.0"),
    ("provisioning: {unknown_per_minute: 0}", "P105", "provisioning.unknown_per_minute"),
    ("provisioning: {on_change: explode}", "P105", "provisioning.on_change"),
    ("provisioning: {templates: 5}", "P105", "provisioning.templates"),
    ("sip: {engine: asterisk}", "P105", "sip.engine"),
    ("sip: {realm: ''}", "P105", "sip.realm"),
    ("sip: {realm: 'a\"b'}", "P105", "sip.realm"),
    ('sip: {realm: "a\\r\\nVia: x"}', "P105", "sip.realm"),
    ("sip: {realm: 'a\\b'}", "P105", "sip.realm"),
    ("sip: {min_expires_s: 9}", "P105", "sip.min_expires_s"),
    ("sip: {min_expires_s: 3600, max_expires_s: 60}", "P105", "sip.max_expires_s"),
    ("sip: {nonce_lifetime_s: 1}", "P105", "sip.nonce_lifetime_s"),
    ("sip: {max_contacts: 0}", "P105", "sip.max_contacts"),
    ("reboot: {per_second: 0}", "P105", "reboot.per_second"),
    ("reboot: {per_second: .nan}", "P105", "reboot.per_second"),
    ("reboot: {fetch_timeout_s: .inf}", "P105", "reboot.fetch_timeout_s"),
    ("reboot: {register_timeout_s: .inf}", "P105", "reboot.register_timeout_s"),
    ("reboot: {answer_timeout_s: 33}", "P105", "reboot.answer_timeout_s"),
    ("logging: {level: LOUD}", "P105", "logging.level"),
    ("logging: {max_mb: 0}", "P105", "logging.max_mb"),
    ("logging: {keep: 0}", "P105", "logging.keep"),
    ("journal: {keep_days: 0}", "P105", "journal.keep_days"),
    ("journal: {keep_rows: 1}", "P105", "journal.keep_rows"),
    ("api: {trusted_networks: [everyone]}", "P105", "api.trusted_networks"),
    ("store: {url: 5}", "P105", "store.url"),
    ("store: {key_file: [a]}", "P105", "store.key_file"),
    ("phones: {time_zone: Mars}", "P105", "phones.time_zone"),
    ("phones: {time_zone: }", "P105", "phones.time_zone"),
    ("phones: {codecs: [mp3]}", "P105", "phones.codecs"),
    ("phones: {codecs: [1, 2]}", "P105", "phones.codecs"),
    ("phones: {codecs: {a: b}}", "P105", "phones.codecs"),
    ("phones: {country: NO}", "P105", "phones.country"),
    ("phones: {register_expires_s: 1}", "P105", "phones.register_expires_s"),
    ("phones: [time_zone]", "P105", "phones"),
    ("phones: UTC", "P105", "phones"),
    ("server: {htp_port: 80}", "P104", "server.htp_port"),
    ("server: {1: 2}", "P104", "server.1"),
    ("servr: {http_port: 80}", "P104", "servr"),
    ("servr: 5", "P104", "servr"),
    ("1: 2", "P104", "1"),
    ("phones: {timezone: UTC}", "P104", "phones.timezone"),
    ("phones: {account.1.label: x}", "P104", "phones.account.1.label"),
    ("sip: {engine: {deep: {deeper: 1}}}", "P105", "sip.engine"),
]


@pytest.mark.parametrize(("text", "code", "key"), BAD, ids=[text for text, _, _ in BAD])
def test_a_bad_setting_is_named_by_its_key(tmp_path: Path, text: str, code: str, key: str) -> None:
    assert problems(tmp_path, text) == [(code, key)]


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = "server: {http_port: x, colour: red}\nphones: {time_zone: Mars, codec: x, dtmf: y}\n"
    assert set(problems(tmp_path, text)) == {
        ("P105", "server.http_port"),
        ("P104", "server.colour"),
        ("P105", "phones.time_zone"),
        ("P104", "phones.codec"),
        ("P105", "phones.dtmf"),
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server: {http_port: 80800}", "less than or equal to 65535, got 80800"),
        (
            "server: {htp_port: 80}",
            "known: external_ip, bind, http_port, https_port, tls_certificate, tls_key",
        ),
        ("servr: {}", "known: server, provisioning, phones"),
        ("phones: {timezone: UTC}", "known: transport, register_expires_s"),
        ("phones: {time_zone: Mars}", "must be an IANA time zone"),
        ("phones: {country: NO}", "put it in quotes"),
        ("sip: {min_expires_s: 3600, max_expires_s: 60}", "not less than sip.min_expires_s (3600)"),
        ("sip: {realm: 'a\"b'}", "realm"),
    ],
)
def test_the_message_says_what_is_expected(tmp_path: Path, text: str, words: str) -> None:
    assert words in message(tmp_path, text)


@pytest.mark.parametrize(
    "text",
    [
        "server: [",
        "server:\n\thttp_port: 80\n",
        "server: {http_port: 80\n",
        "phones:\n  voicemail_number: *97\n",
        "- a\n- b\n",
        "text",
        "5",
        "server: {bind: \x01}",
        "a: 2025-13-45",
        "? [a, b]\n: c\n",
        "[" * 400,
        "server: !!python/object:os.system x",
        "a: &a [*a]\n*b",
    ],
)
def test_a_file_that_is_no_settings_is_p106(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == [("P106", str(tmp_path / "config.yml"))]


def test_a_section_given_twice_is_refused(tmp_path: Path) -> None:
    text = "server: {http_port: 80}\nlogging: {}\nserver: {sip_port: 5070}\n"
    assert problems(tmp_path, text) == [("P106", str(tmp_path / "config.yml"))]
    assert "server" in message(tmp_path, text)
    assert "twice" in message(tmp_path, text)


def test_a_file_that_cannot_be_read_is_p106(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yml", tmp_path, Path("nul\x00.yml")):
        with pytest.raises(SettingsError) as caught:
            load_settings(path, {})
        assert [item.code for item in caught.value.problems] == ["P106"]
    binary = tmp_path / "config.yml"
    binary.write_bytes(b"server: \xff\xfe")
    with pytest.raises(SettingsError, match=r"config\.yml"):
        load_settings(binary, {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["server", "phones", "sip", "http_port", "codecs", "realm", "x"]),
                inner,
                max_size=3,
            )
        ),
        max_leaves=12,
    )
)
@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_anything_is_settings_or_problems(tmp_path: Path, data: object) -> None:
    file = tmp_path / "any.yml"
    file.write_text(yaml.safe_dump(data), encoding="utf-8")
    try:
        assert isinstance(load_settings(file, {}), Settings)
    except SettingsError as error:
        assert all(item.code in ("P104", "P105", "P106") for item in error.problems)  # noqa: PT017


# --- environment ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("OFFHOOK_SERVER__HTTP_PORT", "0", "server", "http_port", 0),
        ("OFFHOOK_SERVER__EXTERNAL_IP", "10.0.0.1", "server", "external_ip", "10.0.0.1"),
        ("OFFHOOK_PROVISIONING__ENABLED", "false", "provisioning", "enabled", False),
        ("OFFHOOK_REBOOT__PER_SECOND", "2.5", "reboot", "per_second", 2.5),
        (
            "OFFHOOK_PROVISIONING__ALLOWED_NETWORKS",
            "private, 203.0.113.0/24,",
            "provisioning",
            "allowed_networks",
            ["private", "203.0.113.0/24"],
        ),
        ("OFFHOOK_API__TRUSTED_NETWORKS", "", "api", "trusted_networks", []),
        ("OFFHOOK_LOGGING__LEVEL", "DEBUG", "logging", "level", "DEBUG"),
    ],
)
def test_the_environment_wins(
    tmp_path: Path, name: str, text: str, section: str, key: str, value: object
) -> None:
    config = "server: {http_port: 8081}\nlogging: {level: ERROR}\n"
    found = load(tmp_path, config, **{name: text})
    assert getattr(getattr(found, section), key) == value


def test_phones_can_be_set_by_the_environment(tmp_path: Path) -> None:
    found = load(tmp_path, "phones: {dtmf: info}", OFFHOOK_PHONES__CODECS="pcma,g722")
    assert found.preferences.codecs == ("pcma", "g722")
    assert found.preferences.dtmf == "info"


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("OFFHOOK_SERVER__HTTP_PORT", "x", ("P105", "server.http_port")),
        ("OFFHOOK_SERVER__HTP_PORT", "1", ("P104", "server.htp_port")),
        ("OFFHOOK_SERVR__HTTP_PORT", "1", ("P104", "servr")),
        ("OFFHOOK_PHONES__TIME_ZONE", "Mars", ("P105", "phones.time_zone")),
        ("OFFHOOK_PHONES__COLOUR", "red", ("P104", "phones.colour")),
        ("OFFHOOK_SERVER__A__B", "1", ("P104", "server.a")),
    ],
)
def test_a_bad_variable_is_named_by_its_key(
    tmp_path: Path, name: str, text: str, expected: tuple[str, str]
) -> None:
    assert problems(tmp_path, "", **{name: text}) == [expected]


def test_other_variables_are_left_alone(tmp_path: Path) -> None:
    assert load(tmp_path, "", OFFHOOK_TEST="1", PATH="/bin", SERVER__HTTP_PORT="1") == load(
        tmp_path
    )


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    secret = tmp_path / "url.txt"
    secret.write_text("postgresql://user:planted-secret@db/offhook\n", encoding="utf-8")
    found = load(tmp_path, "", OFFHOOK_STORE__URL_FILE=str(secret))
    assert found.store.url == "postgresql://user:planted-secret@db/offhook"
    relative = load(tmp_path, "", OFFHOOK_STORE__URL_FILE="url.txt")
    assert relative.store.url == found.store.url


def test_a_key_that_ends_in_file_is_itself(tmp_path: Path) -> None:
    found = load(tmp_path, "", OFFHOOK_STORE__KEY_FILE="my.key", OFFHOOK_LOGGING__FILE="a.log")
    assert found.store.key_file == tmp_path / "my.key"
    assert found.logging.file == tmp_path / "a.log"


def test_a_secrets_file_that_cannot_be_read_is_p106(tmp_path: Path) -> None:
    binary = tmp_path / "binary"
    binary.write_bytes(b"\xff\xfe\x00")
    for file in (tmp_path / "none", tmp_path, binary, "nul\x00"):
        found = problems(tmp_path, "", OFFHOOK_STORE__URL_FILE=str(file))
        assert found == [("P106", "OFFHOOK_STORE__URL_FILE")]


def test_a_problem_repeats_no_secret(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("planted-secret-1", encoding="utf-8")
    assert "planted" not in message(tmp_path, "", OFFHOOK_SERVER__HTTP_PORT_FILE=str(secret))


def test_a_long_value_is_cut(tmp_path: Path) -> None:
    assert len(message(tmp_path, "", OFFHOOK_SERVER__HTTP_PORT="9" * 100_000)) < 500


# --- paths ---------------------------------------------------------------------------------------


def test_paths_start_at_the_file(tmp_path: Path) -> None:
    found = load(tmp_path)
    assert found.store.url == f"sqlite:///{tmp_path}/data/offhook.db"
    assert found.store.key_file == tmp_path / "data" / "secret.key"
    assert found.logging.file == tmp_path / "logs" / "pbx.log"
    assert found.provisioning.templates == tmp_path / "templates"


def test_absolute_paths_stay(tmp_path: Path) -> None:
    text = (
        "store: {url: 'sqlite:////var/lib/offhook.db', key_file: /etc/offhook.key}\n"
        "logging: {file: /var/log/pbx.log}\nprovisioning: {templates: /srv/templates}\n"
    )
    found = load(tmp_path, text)
    assert found.store.url == "sqlite:////var/lib/offhook.db"
    assert found.store.key_file == Path("/etc/offhook.key")
    assert found.logging.file == Path("/var/log/pbx.log")
    assert found.provisioning.templates == Path("/srv/templates")


def test_a_driver_in_the_url_changes_no_path(tmp_path: Path) -> None:
    found = load(tmp_path, "store: {url: 'sqlite+pysqlite:///data/x.db'}")
    assert found.store.url == f"sqlite+pysqlite:///{tmp_path}/data/x.db"


@pytest.mark.parametrize("url", ["postgresql://db/offhook", "sqlite:///:memory:", "nonsense"])
def test_other_stores_keep_their_key_beside_the_data(tmp_path: Path, url: str) -> None:
    found = load(tmp_path, f"store: {{url: '{url}'}}")
    assert found.store.url == url
    assert found.store.key_file == tmp_path / "data" / "secret.key"


def test_without_a_file_paths_start_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}).logging.file == tmp_path / "logs" / "pbx.log"


# --- the page ------------------------------------------------------------------------------------


def leaves(kind: type[BaseModel], *path: str) -> Iterator[tuple[str, FieldInfo]]:
    for key, field in kind.model_fields.items():
        inner = section_type(field)
        if inner is not None:
            yield from leaves(inner, *path, key)
        elif key != "phones":
            yield ".".join((*path, key)), field


def test_every_key_is_described_on_the_page() -> None:
    page = settings_page()
    found = dict(leaves(Settings))
    assert len(found) > 30
    for key, field in found.items():
        assert field.description, key
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `{key}` |")]
        assert field.description.replace("|", "/") in row
        assert f"`OFFHOOK_{key.replace('.', '__').upper()}`" in row
    for name in PARSERS:
        (row,) = [line for line in page.splitlines() if line.startswith(f"| `phones.{name}` |")]
        assert "|  |" not in row


@pytest.mark.parametrize("name", ["integrations.active_directory", "sip", "api"])
def test_the_page_shows_no_value_of_a_whole_section(name: str) -> None:
    assert f"| `{name}` |" not in settings_page()


def test_the_page_on_disk_is_up_to_date() -> None:
    on_disk = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert on_disk == settings_page(), "run scripts/make_docs.py"


# --- the first configuration ---------------------------------------------------------------------


def first_config() -> ModuleType:
    path = ROOT / "scripts" / "first_config.py"
    spec = importlib.util.spec_from_file_location("first_config", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_first_configuration_has_this_machines_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = first_config()
    monkeypatch.setattr(script, "own_address", lambda: "10.9.8.7")
    assert script.main(EXAMPLE, tmp_path / "config.yml") == 0
    assert load_settings(tmp_path / "config.yml", {}).server.external_ip == "10.9.8.7"
    assert "server.external_ip: 10.9.8.7" in capsys.readouterr().out


def test_a_configuration_that_is_there_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "config.yml"
    target.write_text("server: {http_port: 1}", encoding="utf-8")
    assert first_config().main(EXAMPLE, target) == 0
    assert target.read_text(encoding="utf-8") == "server: {http_port: 1}"


def test_a_machine_without_network_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = first_config()

    def no_route(*_: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr(script.socket.socket, "connect", no_route, raising=False)
    assert script.own_address() == "127.0.0.1"
    assert script.main(EXAMPLE, tmp_path / "config.yml") == 0
    assert "no phone can reach it" in capsys.readouterr().out


def test_own_address_is_one_that_others_can_use() -> None:
    parts = first_config().own_address().split(".")
    assert len(parts) == 4
    assert all(0 <= int(part) <= 255 for part in parts)

"""The settings of Kamailio and the values its configuration is made from."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from offhook.engines.kamailio_config import Cluster, Node, database_url, render_kamailio
from offhook.errors import ConfigError
from offhook.kamailio_settings import cluster_of
from offhook.settings import Settings, SettingsError, load_settings


def load(folder: Path, text: str) -> Settings:
    file = folder / "config.yml"
    file.write_text(text)
    return load_settings(file, {})


TWO = """\
sip:
  engine: kamailio
  kamailio:
    database: postgresql://kam:pw@192.0.2.1/pbx
    nodes:
      - {sip: "192.0.2.10:5060", rpc: "192.0.2.10:8180", events: "192.0.2.10:8448"}
      - {sip: "192.0.2.11:5060", rpc: "192.0.2.11:8180", events: "192.0.2.11:8448"}
"""


def test_one_node_on_this_host_is_the_default(tmp_path: Path) -> None:
    cluster = cluster_of(load(tmp_path, "server: {external_ip: 192.0.2.1, sip_port: 5070}"))
    assert cluster.nodes == (
        Node(number=1, sip="192.0.2.1:5070", rpc="127.0.0.1:8180", events="127.0.0.1:8448"),
    )
    assert cluster.database == f"sqlite:///{tmp_path}/data/kamailio"
    assert cluster.nonce_secret == ""
    assert cluster.tls is None


@pytest.mark.parametrize(
    ("digest", "is_sha256"), [("md5", False), ("md5-first", False), ("sha256-first", True)]
)
def test_it_has_one_algorithm(tmp_path: Path, digest: str, is_sha256: bool) -> None:
    cluster = cluster_of(load(tmp_path, f"sip: {{digest: {digest}}}"))
    assert cluster.is_sha256 is is_sha256
    column = "ha1_sha256" if is_sha256 else "ha1"
    assert f'"password_column", "{column}"' in render_kamailio(cluster)


def test_tls_is_where_the_certificate_is_set(tmp_path: Path) -> None:
    cluster = cluster_of(load(tmp_path, "sip: {tls_certificate: both.pem, tls_port: 5071}"))
    assert cluster.tls is not None
    assert cluster.tls.listen == "127.0.0.1:5071"
    assert cluster.tls.key == cluster.tls.certificate == tmp_path / "both.pem"


def test_several_nodes_share_a_secret_made_from_our_key(tmp_path: Path) -> None:
    settings = load(tmp_path, TWO)
    with pytest.raises(ConfigError, match="key file"):
        cluster_of(settings)
    (tmp_path / "data").mkdir()
    key = base64.b64encode(b"k" * 32)
    (tmp_path / "data" / "secret.key").write_bytes(key + b"\n")
    cluster = cluster_of(settings)
    texts = [render_kamailio(cluster, number) for number in (1, 2)]
    assert all(f'"secret", "{cluster.nonce_secret}"' in text for text in texts)
    assert not any(key.decode() in text for text in texts)


def test_a_node_hears_the_others_and_only_them(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret.key").write_bytes(base64.b64encode(b"k" * 32))
    text = render_kamailio(cluster_of(load(tmp_path, TWO)), 2)
    assert 'modparam("dmq", "notification_address", "sip:192.0.2.10:5060")' in text
    assert 'if ($si == "192.0.2.10") {' in text
    assert 'modparam("usrloc", "db_mode", 0)' in text


def test_there_is_no_third_of_two(tmp_path: Path) -> None:
    cluster = cluster_of(load(tmp_path, ""))
    with pytest.raises(ConfigError, match="no node 3"):
        render_kamailio(cluster, 3)


def test_several_machines_need_postgresql() -> None:
    nodes = tuple(
        Node(number=n, sip=f"192.0.2.{n}:5060", rpc="127.0.0.1:1", events="127.0.0.1:2")
        for n in (1, 2)
    )
    cluster = Cluster(nodes=nodes, database="sqlite:////data", realm="offhook")
    with pytest.raises(ConfigError, match="several machines"):
        render_kamailio(cluster)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("nodes: []", "sip.kamailio.nodes"),
        ("nodes: [{sip: pbx.example}]", "sip.kamailio.nodes.0.sip"),
        ("nodes: [{sip: '0.0.0.0:5060'}]", "sip.kamailio.nodes.0.sip"),
        ("nodes: [{sip: '2001:db8::1:5060'}]", "sip.kamailio.nodes.0.sip"),
        ("nodes: [{rpc: '192.0.2.1:0'}]", "sip.kamailio.nodes.0.rpc"),
        ("nodes: [{events: '192.0.2.1:70000'}]", "sip.kamailio.nodes.0.events"),
        ("nodes: [{}, {}]", "sip.kamailio.nodes"),
        ("database: mysql://host/name", "sip.kamailio.database"),
        ("database: nothing", "sip.kamailio.database"),
    ],
)
def test_what_is_no_place_is_refused_by_its_key(tmp_path: Path, text: str, key: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, f"sip: {{kamailio: {{{text}}}}}")
    assert [(item.code, item.key) for item in refused.value.problems] == [("P105", key)]


def test_a_refused_password_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load(tmp_path, "sip: {kamailio: {database: 'postgresql://kam:hunter2%40x@h/pbx'}}")
    assert "no escapes" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgresql://kam:pw@db:5433/pbx", "postgres://kam:pw@db:5433/pbx"),
        ("postgresql://kam@db/pbx", "postgres://kam@db/pbx"),
        ("sqlite:////var/lib/k", "sqlite:////var/lib/k/subscriber.sqlite"),
    ],
)
def test_kamailio_gets_the_database_in_its_own_words(text: str, url: str) -> None:
    node = Node(number=1, sip="127.0.0.1:5060", rpc="127.0.0.1:1", events="127.0.0.1:2")
    made = render_kamailio(Cluster(nodes=(node,), database=text, realm="offhook"))
    assert f'modparam("auth_db", "db_url", "{url}")' in made
    assert (database_url(text).password is not None) is ("This file holds the password" in made)

"""Networks: the quick look-up gives what the library's own does."""

from __future__ import annotations

import ipaddress

from hypothesis import example, given
from hypothesis import strategies as st

from offhook.actions.throttle import Network, is_within, phone_networks, within

ADDRESSES = (
    st.ip_addresses().map(str)
    | st.ip_addresses(v=4).map(lambda it: f"::ffff:{it}")
    | st.sampled_from(["10.0.0.1", "fe80::1%eth0", "::1", "192.168.001.5", "1.2.3", "", "a\0b"])
    | st.text(max_size=20)
)
NETWORKS = st.sampled_from(
    ["10.0.0.0/8", "192.168.1.0/24", "203.0.113.7/32", "0.0.0.0/0", "::/0", "fe80::/10"]
) | st.ip_addresses().map(str)


@given(ADDRESSES, st.lists(NETWORKS, max_size=4))
@example("172.31.255.255", ["172.16.0.0/12"])
@example("172.32.0.0", ["172.16.0.0/12"])
def test_quick_look_up_gives_the_same(address: str, names: list[str]) -> None:
    networks: tuple[Network, ...] = tuple(ipaddress.ip_network(it, strict=False) for it in names)
    assert within(networks)(address) is is_within(address, networks)


def test_private_addresses_are_those_of_the_rfcs() -> None:
    holds = within(phone_networks(["private"]))
    assert all(holds(it) for it in ("10.1.2.3", "172.16.0.1", "192.168.0.9", "::1", "fd00::1"))
    assert not any(holds(it) for it in ("172.32.0.1", "8.8.8.8", "2001:db8::1", "nonsense"))

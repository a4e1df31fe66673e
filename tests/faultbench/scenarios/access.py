"""Who may ask: foreign networks, throttled addresses, uploads from elsewhere."""

from __future__ import annotations

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import scenario

_PROXIED = {"X-Forwarded-For": "203.0.113.7"}
"""What says that a request does not come from this host itself, which is always answered."""


@scenario(
    "P801",
    r"GET \w+\.cfg from 127\.0\.2\.7, User-Agent Yealink.*status 403",
    provisioning__allowed_networks="10.0.0.0/8",
)
async def phone_is_in_a_network_that_is_not_served(bench: Bench) -> str:
    mac = await bench.device("yealink")
    phone = bench.phone(mac)
    path = f"{phone.mac.plain}.cfg"
    answer = await bench.get(path, phone.user_agent, address="127.0.2.7", headers=_PROXIED)
    assert answer.status == 403
    bench.later(minutes=15)
    return "127.0.2.7"


@scenario(
    "P801",
    r"GET \w+\.cfg from 127\.0\.2\.8, User-Agent FileTransport.*status 403",
    provisioning__allowed_networks="10.0.0.0/8",
)
async def refused_phone_is_asked_about_by_its_mac(bench: Bench) -> str:
    mac = await bench.device("polycom")
    phone = bench.phone(mac, "polycom")
    path = f"{phone.mac.plain}.cfg"
    answer = await bench.get(path, phone.user_agent, address="127.0.2.8", headers=_PROXIED)
    assert answer.status == 403
    bench.later(minutes=15)
    return mac


@scenario("P802", r"from 127\.0\.2\.9, .*status 429", provisioning__unknown_per_minute="3")
async def many_phones_that_nobody_registered(bench: Bench) -> str:
    for last in range(5):
        mac = f"80:5e:c0:99:00:0{last}"
        agent = f"Yealink SIP-T46S 66.86.0.15 {mac}"
        await bench.get(f"{mac.replace(':', '')}.cfg", agent, address="127.0.2.9")
    return "127.0.2.9"


@scenario("P803", r"PUT \w+-local\.cfg from 127\.0\.2\.10, .*status 403")
async def somebody_else_writes_a_phones_file(bench: Bench) -> str:
    phone = await bench.well("yealink")
    path = f"{phone.mac.plain}-local.cfg"
    answer = await bench.get(path, address="127.0.2.10", method="PUT")
    assert answer.status == 403
    return phone.mac.colons

"""Files that are made and wrong, and changes that would make them so."""

from __future__ import annotations

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import healthy, scenario

XML = '<?xml version="1.0" encoding="{encoding}"?>\n<gs_provision version="1">{mac}\n'
XML += '<config version="1">\n<P35>{{{{ lines[0].number }}}}</P35>\n'
XML += "<P34>{{{{ lines[0].secret{filter} }}}}</P34>\n</config></gs_provision>\n"
GRANDSTREAM = "grandstream/provision.xml.j2"
VENDOR = "/api/provisioning/settings/vendor/yealink"
T46S = "Yealink SIP-T46S 66.86.0.15"


def xml(encoding: str = "UTF-8", mac: str = "", filter_: str = "") -> str:
    return XML.format(encoding=encoding, mac=mac, filter=filter_)


async def with_setting(
    bench: Bench, key: str, value: str, *, vendor: str = "yealink", model: str = "t46s"
) -> str:
    """A phone whose device has a free setting; it has fetched its files and registered."""
    mac = await bench.device(vendor, model=model, settings={key: value})
    assert await bench.phone(mac, vendor, model).boot()
    return mac


async def silent_after(bench: Bench, key: str, value: str) -> str:
    """A phone that fetched its file with a setting and was never heard of again."""
    mac = await bench.device(model="t46s", settings={key: value})
    plain = mac.replace(":", "").lower()
    assert (await bench.get(f"{plain}.cfg", f"{T46S} {mac.lower()}")).status == 200
    bench.later(minutes=10)
    return mac


# --- files that cannot be made -----------------------------------------------------------------


@scenario("P704", r"made with a password of letters")
async def password_breaks_the_file(bench: Bench) -> str:
    mac = await bench.device("grandstream")
    await bench.call("PATCH", "/api/extensions/1001", {"secret": "with&<in-it"})
    await bench.site_template(GRANDSTREAM, xml(filter_=" | safe"))
    return mac


@scenario("P705", r"encoding ISO-8859-1")
async def template_names_another_encoding(bench: Bench) -> str:
    mac = await bench.device("grandstream")
    await bench.site_template(GRANDSTREAM, xml(encoding="ISO-8859-1"))
    return mac


@scenario("P701", r"device 00:0B:82")
async def template_uses_a_variable_nobody_sets(bench: Bench) -> str:
    mac = await bench.device("grandstream")
    await bench.site_template(GRANDSTREAM, xml(mac="{{ nobody }}"))
    return mac


# --- files that are wrong ----------------------------------------------------------------------


@scenario("P706", r"cfg\w+\.xml.*000b82ffffff")
async def template_has_a_mac_written_into_it(bench: Bench) -> str:
    mac = await bench.device("grandstream")
    await bench.site_template(GRANDSTREAM, xml(mac="<mac>000b82ffffff</mac>"))
    return mac


@scenario("P707", r"lang\.gui = English and French")
async def common_file_and_own_file_disagree(bench: Bench) -> str:
    mac = await bench.device()
    await bench.site_template("yealink/common.cfg.j2", "#!version:1.0.0.1\nlang.gui = French\n")
    return mac


@scenario("P708", r"account\.1\.codec\.1\.enable = 0")
async def setting_under_its_old_name(bench: Bench) -> str:
    return await with_setting(bench, "account.1.codec.1.enable", "0")


@scenario("P708", r"phone_setting\.language = 3")
async def setting_the_phone_never_knew(bench: Bench) -> str:
    return await with_setting(bench, "phone_setting.language", "3", vendor="zultys", model="zip33g")


@scenario("P709", r"network\.vlan\.internet_port_vid = 7")
async def setting_without_its_prefix(bench: Bench) -> str:
    return await with_setting(bench, "network.vlan.internet_port_vid", "7", model="t46u")


@scenario("P709", r"device\.net\.vlanId = 7")
async def setting_without_its_twin(bench: Bench) -> str:
    return await with_setting(bench, "device.net.vlanId", "7", vendor="polycom", model="vvx411")


@scenario("P710", r"account\.1\.password = 40")
async def password_longer_than_the_phone_keeps(bench: Bench) -> str:
    mac = await bench.device(model="t46s", settings={"account.1.password": "p" * 40})
    await bench.get(f"{mac.replace(':', '').lower()}.cfg", f"{T46S} {mac.lower()}")
    return mac


@scenario("P711", r"static\.network\.lldp\.enable = 0")
async def silent_since_lldp_was_switched_off(bench: Bench) -> str:
    return await silent_after(bench, "static.network.lldp.enable", "0")


@scenario("P712", r"static_dns_enable = 1")
async def silent_since_dns_was_replaced_by_nothing(bench: Bench) -> str:
    return await silent_after(bench, "static.network.static_dns_enable", "1")


@scenario("P713", r"internet_port\.type = 0")
async def silent_since_its_address_was_overwritten(bench: Bench) -> str:
    return await silent_after(bench, "static.network.internet_port.type", "0")


@scenario("P716", r"linekey\.28\.type = 13")
async def more_line_keys_than_the_phone_has(bench: Bench) -> str:
    return await with_setting(bench, "linekey.28.type", "13")


@scenario("P717", r"account\.1\.dtmf\.type = 2")
async def digits_sent_otherwise_than_set(bench: Bench) -> str:
    return await with_setting(bench, "account.1.dtmf.type", "2")


@scenario("P717", r"DTMF_Tx_Method_1_ = InBand")
async def digits_of_another_maker_sent_otherwise(bench: Bench) -> str:
    return await with_setting(bench, "DTMF_Tx_Method_1_", "InBand", vendor="cisco", model="spa504g")


# --- changes that would be wrong ---------------------------------------------------------------


@scenario("P714", r"main|cfg")
async def template_that_lost_its_keys(bench: Bench) -> str:
    await bench.well()
    body = {"yealink/main.cfg.j2": "#!version:1.0.0.1\nlang.gui = English\n"}
    return await bench.preview("POST", "/api/provisioning/templates", body)


@scenario("P715", r"voice\.ring_vol = 3")
async def taste_that_would_be_forced(bench: Bench) -> str:
    await bench.well()
    return await bench.preview("PATCH", VENDOR, {"voice.ring_vol": "3"})


@scenario("P718", r"internet_port_vid = 7")
async def network_that_would_be_touched(bench: Bench) -> str:
    await bench.well()
    return await bench.preview("PATCH", VENDOR, {"static.network.vlan.internet_port_vid": "7"})


@scenario("P711", r"static\.network\.lldp\.enable = 0")
async def lldp_that_would_be_switched_off(bench: Bench) -> str:
    await bench.well()
    return await bench.preview("PATCH", VENDOR, {"static.network.lldp.enable": "0"})


@scenario("P413", r"account\.1\.sip_server\.1\.port = 443")
async def port_of_the_web_that_would_be_used_for_sip(bench: Bench) -> str:
    await bench.well()
    return await bench.preview("PATCH", VENDOR, {"account.1.sip_server.1.port": "443"})


@scenario("P701", r"line 1")
async def template_that_would_not_compile(bench: Bench) -> str:
    body = {"cisco/profile.xml.j2": "<a>{% if %}</a>"}
    return await bench.preview("POST", "/api/provisioning/templates", body)


# --- nearly the same, and right ----------------------------------------------------------------


@healthy()
async def registered_although_lldp_is_off(bench: Bench) -> str:
    mac = await with_setting(bench, "static.network.lldp.enable", "0")
    bench.later(minutes=10)
    return mac


@healthy()
async def setting_under_its_new_name(bench: Bench) -> str:
    return await with_setting(bench, "account.1.codec.pcmu.enable", "1")


@healthy()
async def setting_with_its_prefix(bench: Bench) -> str:
    return await with_setting(bench, "static.network.vlan.internet_port_vid", "7", model="t46u")


@healthy()
async def last_line_key_of_the_phone(bench: Bench) -> str:
    return await with_setting(bench, "linekey.27.type", "13")


@healthy()
async def key_beyond_the_phone_switched_off(bench: Bench) -> str:
    return await with_setting(bench, "linekey.40.type", "0")


@healthy()
async def digits_sent_in_both_ways(bench: Bench) -> str:
    return await with_setting(bench, "account.1.dtmf.type", "3")


@healthy()
async def free_setting_of_taste(bench: Bench) -> str:
    return await with_setting(bench, "voice.ring_vol", "3")


@healthy()
async def site_template_like_the_built_in_one(bench: Bench) -> str:
    phone = await bench.well()
    text = bench.pbx.state.source.templates.sources["yealink/main.cfg.j2"]
    await bench.site_template("yealink/main.cfg.j2", f"{text}# of this site\n")
    assert await phone.boot()
    return phone.mac.colons


@healthy()
async def change_that_would_be_right(bench: Bench) -> str:
    await bench.well()
    return await bench.preview("PATCH", "/api/provisioning/settings/site", {"language": "de"})

"""The soft phone linphonec, headless: driven by its command line, no sound device needed."""

from __future__ import annotations

import os
from pathlib import Path

from tests.integration.accounts import Account
from tests.integration.phones import DeskPhone, free_port

# Its TLS library (mbed TLS 2.28) knows no IP address in a certificate, so the name is not compared;
# the chain up to `root_ca` is.
_CONFIG = """\
[sip]
sip_port={udp}
sip_tcp_port={tcp}
sip_tls_port={tls}
bind_address={address}
default_proxy=0
register_only_when_network_is_up=0
inc_timeout={rings_s}
verify_server_cn=0
{authority}
[rtp]
audio_rtp_port=-1
[misc]
max_calls={lines}
[sound]
remote_ring=
[auth_info_0]
username={number}
userid={username}
passwd={secret}
[proxy_0]
reg_proxy=<sip:{server}:{port};transport={transport}>
reg_identity={identity}
reg_expires={expires_s}
reg_sendregister=1
"""


class Linphone(DeskPhone):
    """linphonec of Debian's linphone-cli. At `-d 6` it prints every SIP message as well."""

    registered_says = r"Register refresher \[200\]"
    rings_says = "to LinphoneCallIncomingReceived"
    talks_says = "to LinphoneCallStreamsRunning"
    over_says = "to LinphoneCall(End|Error)"

    async def begin(
        self,
        account: Account,
        directory: Path,
        *,
        address: str = "127.0.0.1",
        rings_s: int = 60,
        lines: int = 4,
        authority: Path | None = None,
    ) -> None:
        self._account = account
        (directory / ".local/share/linphone").mkdir(parents=True, exist_ok=True)
        ports = {"udp": 0, "tcp": 0, "tls": 0, account.transport: free_port(address)}
        address_of = f"<sip:{account.number}@{account.server}:{account.port}>"
        config = _CONFIG.format(
            **ports,
            address=address,
            rings_s=rings_s,
            lines=lines,
            authority=f"root_ca={authority}" if authority else "",
            number=account.number,
            username=account.username,
            secret=account.secret,
            server=account.server,
            port=account.port,
            transport=account.transport,
            identity=f'"{account.display_name}" {address_of}',
            expires_s=account.expires_s,
        )
        (directory / "linphonerc").write_text(config)
        # No sound server of the machine, no proxy, no settings of the person who runs this.
        environ = {"HOME": str(directory), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        command = ("linphonec", "-d", "6", "-c", str(directory / "linphonerc"))
        await self.run(*command, directory=directory, environ=environ)
        await self.type("soundcard use files")

    async def dial(self, uri: str) -> None:
        await self.type(f"call {uri}")

    async def accept(self) -> None:
        await self.type("answer")

    async def hang_up(self) -> None:
        await self.type("terminate")

    async def hold(self) -> None:
        await self.type("pause")

    async def resume(self) -> None:
        await self.type("resume")

    async def register_again(self) -> None:
        """Send another REGISTER for the same account now."""
        where = f"{self.account.server}:{self.account.port};transport={self.account.transport}"
        who = f"sip:{self.account.number}@{self.account.server}:{self.account.port}"
        await self.type(f"register {who} sip:{where} {self.account.secret}")

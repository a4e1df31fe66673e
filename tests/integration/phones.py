"""Foreign phones on loopback: baresip and SIPp as processes with a log that can be awaited."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import struct
from abc import ABC, abstractmethod
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

from tests.integration.accounts import Account

SCENARIOS = Path(__file__).parent.parent / "data" / "sipp"
STOP_S = 5.0

_CONFIG = """\
sip_listen        {address}:0
net_interface     {address}
audio_source      aufile,{directory}/silence.wav
audio_player      aufile,{directory}/played.wav
audio_alert       aufile,{directory}/alert.wav
module_path       /usr/lib/baresip/modules
module            g711.so
module            aufile.so
module_tmp        uuid.so
module_tmp        account.so
module_app        contact.so
module_app        menu.so
{more}"""


class ForeignPhone:
    """A process whose output is kept in `log`; `said` waits for a line."""

    def __init__(self) -> None:
        self.log = ""
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    async def run(
        self, *command: str, directory: Path, environ: dict[str, str] | None = None
    ) -> None:
        """Start the program in a directory; its input stays open for `type`."""
        self._process = await asyncio.create_subprocess_exec(
            *command,
            cwd=directory,
            stdin=PIPE,
            stdout=PIPE,
            stderr=STDOUT,
            env=environ,
            start_new_session=True,
        )
        self._reading = asyncio.ensure_future(self._read())

    async def type(self, line: str) -> None:
        """Give the program a line of input."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n".encode())
        await self._process.stdin.drain()

    async def said(self, pattern: str, timeout_s: float = 10.0, *, since: int = 0) -> re.Match[str]:
        """Wait until the log has a match, from a place in it on; `hears` remembers the place.

        Raises AssertionError with the log after the time.
        """
        wanted = re.compile(pattern)
        try:
            async with asyncio.timeout(timeout_s):
                while (found := wanted.search(self.log, since)) is None:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in:\n{self.log[since:]}") from None
        return found

    async def ended(self, timeout_s: float = 15.0) -> int:
        """Wait for the end of the process; gives its exit code."""
        assert self._process is not None
        assert self._reading is not None
        async with asyncio.timeout(timeout_s):
            code = await self._process.wait()
            await self._reading
        return code

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End this process, by its own id; SIGKILL is a cable pulled."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(how)
            try:
                async with asyncio.timeout(STOP_S):
                    await process.wait()
            except TimeoutError:
                # A child of Kamailio can outlive it; its open pipe makes this wait endless.
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while data := await self._process.stdout.read(65_536):
            self.log += data.decode("utf-8", "replace")
            self._more.set()
        self._more.set()


class DeskPhone(ForeignPhone, ABC):
    """What a person does at any telephone, and what it then shows or says on the wire.

    Each wait looks at what was not yet looked at, so a second call is not taken for the first.
    """

    registered_says: str
    rings_says: str
    talks_says: str
    over_says: str

    def __init__(self) -> None:
        super().__init__()
        self._account: Account | None = None
        self._seen = 0

    @property
    def account(self) -> Account:
        """The account it was started with."""
        assert self._account is not None
        return self._account

    async def hears(self, pattern: str, timeout_s: float = 10.0) -> re.Match[str]:
        """Wait for a match after the last one."""
        found = await self.said(pattern, timeout_s, since=self._seen)
        self._seen = found.end()
        return found

    async def registers(self) -> None:
        """Wait until it says that it is registered."""
        await self.hears(self.registered_says)

    async def rings(self) -> None:
        """Wait until it rings."""
        await self.hears(self.rings_says)

    async def talks(self) -> None:
        """Wait until a call is answered."""
        await self.hears(self.talks_says)

    async def is_over(self) -> None:
        """Wait until the call has ended."""
        await self.hears(self.over_says)

    async def call(self, number: str) -> None:
        """Dial a number at its server."""
        await self.dial(f"sip:{number}@{self.account.server}:{self.account.port}")

    @abstractmethod
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
        """Write its files and start it at an address of the loopback; it registers by itself.

        It gives up a call nobody answers after `rings_s`, is busy with `lines` calls, and over
        TLS trusts `authority`.
        """

    @abstractmethod
    async def dial(self, uri: str) -> None:
        """Call a URI."""

    @abstractmethod
    async def accept(self) -> None:
        """Answer the call that rings."""

    @abstractmethod
    async def hang_up(self) -> None:
        """End the call, give it up, or decline it."""

    @abstractmethod
    async def hold(self) -> None:
        """Hold the call."""

    @abstractmethod
    async def resume(self) -> None:
        """Take the held call back."""


class Baresip(DeskPhone):
    """The soft phone baresip, headless. It prints every SIP message it sends and gets."""

    registered_says = r"\{0/\w+/v4\} 200 OK"
    rings_says = "Incoming call from"
    talks_says = "Call established"
    over_says = "audio: destroyed"

    _control_port = 0

    async def start(
        self,
        extension: str,
        secret: str,
        server_port: int,
        transport: str,
        directory: Path,
        *,
        answers: str = "auto",
        is_driven: bool = False,
    ) -> None:
        """Write its files into the directory and start it; it registers at 127.0.0.1 by itself.

        `answers` is auto or manual; `is_driven` opens the port `command` needs.
        """
        account = Account(number=extension, secret=secret, port=server_port, transport=transport)
        self._control_port = free_port() if is_driven else 0
        await self._start(account, directory, answers, "127.0.0.1", "")

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
        self._control_port = free_port()
        more = f"call_local_timeout {rings_s}\ncall_max_calls {lines}\n"
        if authority is not None:
            more += f"sip_cafile {authority}\n"
        await self._start(account, directory, "manual", address, more)

    async def dial(self, uri: str) -> None:
        await self.command("dial", uri)

    async def accept(self) -> None:
        await self.command("accept")

    async def hang_up(self) -> None:
        await self.command("hangup")

    async def hold(self) -> None:
        await self.command("hold")

    async def resume(self) -> None:
        await self.command("resume")

    async def _start(
        self, account: Account, directory: Path, answers: str, address: str, more: str
    ) -> None:
        self._account = account
        name = f'"{account.display_name}" ' if account.display_name else ""
        line = (
            f"{name}<sip:{account.number}@{account.server}:{account.port}"
            f";transport={account.transport}>;auth_user={account.username}"
            f";auth_pass={account.secret};regint={account.expires_s};answermode={answers};mwi=no\n"
        )
        if self._control_port:
            more += f"module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{self._control_port}\n"
        _write_files(directory, line, address, more)
        await self.run("baresip", "-f", str(directory), "-s", "-v", directory=directory)

    async def command(self, command: str, params: str = "") -> None:
        """Press a button: dial, hangup, accept. JSON in a netstring, module ctrl_tcp."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._control_port)
        text = json.dumps({"command": command, "params": params})
        writer.write(f"{len(text)}:{text},".encode())
        answer = b""
        async with asyncio.timeout(30.0):
            while b'"response":true' not in answer:  # events come on the same connection
                more = await reader.read(65_536)
                assert more, answer
                answer += more
        writer.close()
        await writer.wait_closed()
        assert b'"ok":true' in answer, answer


def free_port(address: str = "127.0.0.1") -> int:
    """Give a port that is free for UDP and TCP, of those no connection gets by itself (ip(7)).

    The program binds it a moment later; one of the kernel's own choice may be another's by then.
    """
    for _ in range(100):
        port = random.randrange(10_000, 32_000)
        with (
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            contextlib.suppress(OSError),
        ):
            udp.bind((address, port))
            tcp.bind((address, port))
            return port
    raise AssertionError(f"no free port at {address}")


def _write_files(directory: Path, account: str, address: str, more: str) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    config = _CONFIG.format(directory=directory, address=address, more=more)
    (directory / "config").write_text(config)
    (directory / "contacts").write_text("")
    (directory / "accounts").write_text(account)
    (directory / "silence.wav").write_bytes(_silence())


def _silence() -> bytes:
    """One second of silence, 8 kHz mono 16 bit, which is what baresip's file source takes."""
    samples = bytes(16_000)
    layout = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, 8000, 16_000, 2, 16)
    body = b"WAVE" + layout + struct.pack("<4sI", b"data", len(samples)) + samples
    return struct.pack("<4sI", b"RIFF", len(body)) + body


def _write_injection(directory: Path, extension: str, secret: str) -> Path:
    injected = directory / "phones.csv"
    injected.write_text(
        f"SEQUENTIAL\n{extension};[authentication username={extension} password={secret}]\n"
    )
    return injected


async def sipp(
    scenario: str,
    server_port: int,
    directory: Path,
    *,
    transport: str = "u1",
    extension: str = "1001",
    secret: str = "secret1001",
    keys: dict[str, str] | None = None,
    local_port: int = 0,
    calls: int = 1,
) -> ForeignPhone:
    """Start SIPp with a scenario of tests/data/sipp; await `ended()` for its exit code, 0 is good.

    The scenario sees the extension as field0, the credentials as field1, and `keys` by name.
    """
    injected = _write_injection(directory, extension, secret)
    local = ("-p", str(local_port)) if local_port else ()
    named = [part for key, value in (keys or {}).items() for part in ("-key", key, value)]
    phone = ForeignPhone()
    await phone.run(
        "sipp",
        f"127.0.0.1:{server_port}",
        *("-sf", str(SCENARIOS / f"{scenario}.xml"), "-inf", str(injected)),
        *("-i", "127.0.0.1", "-m", str(calls), "-t", transport, "-nostdin"),
        *("-timeout", "12s", "-timeout_error", "-trace_err", "-trace_logs", "-trace_msg"),
        *local,
        *named,
        directory=directory,
    )
    return phone

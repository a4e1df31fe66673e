"""Foreign phones on loopback: baresip and SIPp as processes with a log that can be awaited."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import struct
from asyncio.subprocess import PIPE, STDOUT, Process
from pathlib import Path

SCENARIOS = Path(__file__).parent.parent / "data" / "sipp"
STOP_S = 5.0

_CONFIG = """\
sip_listen        127.0.0.1:0
net_interface     127.0.0.1
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
{control}"""


class ForeignPhone:
    """A process whose output is kept in `log`; `said` waits for a line."""

    def __init__(self) -> None:
        self.log = ""
        self._process: Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._more = asyncio.Event()

    async def run(self, *command: str, directory: Path) -> None:
        """Start the program in a directory."""
        self._process = await asyncio.create_subprocess_exec(
            *command, cwd=directory, stdin=asyncio.subprocess.DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        self._reading = asyncio.ensure_future(self._read())

    async def said(self, pattern: str, timeout_s: float = 10.0) -> re.Match[str]:
        """Wait until the log has a match. Raises AssertionError with the log after the time."""
        try:
            async with asyncio.timeout(timeout_s):
                while (found := re.search(pattern, self.log)) is None:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"no {pattern!r} in:\n{self.log}") from None
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
                process.kill()
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


class Baresip(ForeignPhone):
    """The soft phone baresip, headless. It prints every SIP message it sends and gets."""

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
        account = (
            f"<sip:{extension}@127.0.0.1:{server_port};transport={transport}>"
            f";auth_user={extension};auth_pass={secret};regint=120;answermode={answers};mwi=no\n"
        )
        self._control_port = _free_tcp_port() if is_driven else 0
        _write_files(directory, account, self._control_port)
        await self.run("baresip", "-f", str(directory), "-s", "-v", directory=directory)

    async def command(self, command: str, params: str = "") -> None:
        """Press a button: dial, hangup, accept. JSON in a netstring, module ctrl_tcp."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._control_port)
        text = json.dumps({"command": command, "params": params})
        writer.write(f"{len(text)}:{text},".encode())
        answer = b""
        async with asyncio.timeout(5.0):
            while b'"response":true' not in answer:  # events come on the same connection
                more = await reader.read(65_536)
                assert more, answer
                answer += more
        writer.close()
        await writer.wait_closed()
        assert b'"ok":true' in answer, answer


def _free_tcp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_files(directory: Path, account: str, control_port: int) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    control = (
        f"module_app ctrl_tcp.so\nctrl_tcp_listen 127.0.0.1:{control_port}\n"
        if control_port
        else ""
    )
    (directory / "config").write_text(_CONFIG.format(directory=directory, control=control))
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

"""A task for servers in turn, in a thread that can be left behind."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import pytest

from offhook.actions.directory_ports import DirectoryError
from offhook.core.secret import Secret
from offhook.directory.ldap_run import perform_in_thread
from offhook.directory.ldap_session import RootDse
from offhook.directory.ldap_settings import LdapSettings, LdapTimeouts

SETTINGS = LdapSettings(
    servers=("ldaps://127.0.0.1:1",),
    bind_dn="svc@example.test",
    bind_password=Secret("hush"),
    timeouts=LdapTimeouts(connect_s=30, message_s=30, run_s=30, retry_pauses_s=(0.01,)),
)


@dataclass
class Listener:
    """Accepts and counts; hangs up at once, or never says a word."""

    url: str
    is_mute: bool
    accepted: list[socket.socket] = field(default_factory=list)
    met: threading.Event = field(default_factory=threading.Event)

    def serve(self, opened: socket.socket) -> None:
        while True:
            try:
                peer, _ = opened.accept()
            except OSError:
                return
            self.accepted.append(peer)
            self.met.set()
            if not self.is_mute:
                peer.close()


@contextmanager
def listening(*, is_mute: bool) -> Iterator[Listener]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        listener = Listener(f"ldaps://127.0.0.1:{opened.getsockname()[1]}", is_mute)
        thread = threading.Thread(target=listener.serve, args=(opened,))
        thread.start()
        try:
            yield listener
        finally:
            opened.shutdown(socket.SHUT_RDWR)
            thread.join()
            for peer in listener.accepted:
                peer.close()


async def perform(settings: LdapSettings) -> RootDse:
    answer = await perform_in_thread(
        settings,
        settings.parsed_servers(),
        lambda session, _: session.root_dse(),
        lambda _what, _count: None,
    )
    return answer.value


async def working_threads_end() -> bool:
    until = time.monotonic() + 10
    while any(thread.name == "directory" for thread in threading.enumerate()):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.01)
    return True


async def test_every_server_is_tried_twice_in_order() -> None:
    with listening(is_mute=False) as first, listening(is_mute=False) as second:
        settings = replace(SETTINGS, servers=(first.url, second.url))
        with pytest.raises(DirectoryError) as caught:
            await perform(settings)
    assert (len(first.accepted), len(second.accepted)) == (2, 2)
    assert caught.value.code == "P501"


async def test_run_ends_at_its_deadline_and_takes_the_thread_along() -> None:
    with listening(is_mute=True) as listener:
        timeouts = replace(SETTINGS.timeouts, run_s=0.2)
        settings = replace(SETTINGS, servers=(listener.url,), timeouts=timeouts)
        start = time.monotonic()
        with pytest.raises(DirectoryError) as caught:
            await perform(settings)
        assert time.monotonic() - start < 5
        assert caught.value.values["problem"] == "no complete answer within 0.2 s"
        assert await working_threads_end()


async def test_cancelled_run_takes_the_thread_along() -> None:
    with listening(is_mute=True) as listener:
        task = asyncio.ensure_future(perform(replace(SETTINGS, servers=(listener.url,))))
        assert await asyncio.to_thread(listener.met.wait, 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await working_threads_end()


async def test_thread_that_hangs_for_good_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()

    def hang(*_: object) -> None:
        release.wait(30)  # as a name service does
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", hang)
    timeouts = replace(SETTINGS.timeouts, run_s=0.1)
    with pytest.raises(DirectoryError) as caught:
        await perform(replace(SETTINGS, timeouts=timeouts))
    assert caught.value.code == "P501"
    hanging = [thread for thread in threading.enumerate() if thread.name == "directory"]
    assert [thread.daemon for thread in hanging] == [True]
    release.set()
    assert await working_threads_end()


async def test_our_own_mistakes_come_through() -> None:
    def broken(_session: object, _report: object) -> None:
        raise AssertionError("never reached")

    settings = replace(SETTINGS, ca_file="\0")
    with pytest.raises(ValueError, match="null"):
        await perform_in_thread(
            settings, settings.parsed_servers(), broken, lambda _what, _count: None
        )

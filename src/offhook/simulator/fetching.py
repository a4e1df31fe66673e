"""How one phone of many gets its files: in order, conditionally, again when the server is busy."""

from __future__ import annotations

import asyncio

from offhook.simulator.conduct import Conduct, Ground, Patience, PhoneSpec, jittered
from offhook.simulator.http_answer import Fetched, FetchError
from offhook.simulator.http_link import HttpLink
from offhook.simulator.phone_files import Account, PhoneFiles
from offhook.sip.parse import digits

# A server that is there and cannot: phones come back. RFC 9110 §15.6, RFC 6585 §4.
BUSY = frozenset({429, 500, 502, 503, 504})
FIRST_PAUSE_S = 1.0
"""Before the second try at a file; doubled each time. What makers do is unverified."""
LONGEST_PAUSE_S = 30.0


class Fetching:
    """The files of one phone, and its way to them. `source` is the address it asks from."""

    __slots__ = ("_agent", "_files", "_ground", "_link", "_source", "_spec")

    def __init__(self, spec: PhoneSpec, ground: Ground, source: str) -> None:
        keys = spec.profile.behaviour.account
        self._spec = spec
        self._ground = ground
        self._source = source
        self._files = PhoneFiles(
            profile=spec.profile,
            model=spec.model,
            mac=spec.mac,
            reader=ground.reader,
            only=(
                *(keys.number, keys.auth_name, keys.secret, keys.server, keys.port),
                *(keys.display_name, keys.label),
            ),
        )
        self._agent = self._files.filled(spec.profile.behaviour.agent)
        self._link = HttpLink(ground.place, source=source, keeps=_keeps(spec, ground.conduct))

    def filled(self, text: str) -> str:
        """Fill the holes of a text of the maker's behaviour."""
        return self._files.filled(text)

    def close(self) -> None:
        """Close what is open."""
        self._link.close()

    async def all(self, patience: Patience) -> Account | None:
        """Ask for all files in order; None, and noted why, when no account came of it."""
        main, main_status = self.filled(self._spec.profile.main), 0
        for name in self._files.names:
            status = await self._one(name, patience)
            if not status:
                return None
            if name == main:
                main_status = status
            if self._spec.profile.behaviour.stops_at_first and status in (200, 304):
                break
        self._link.close()
        account = self._files.account()
        if account is None:
            told = f"HTTP {main_status}" if main_status else "nothing"
            patience.record.fail(f"account: none, {told} for its file", patience.label, main)
        return account

    async def probe(self, measure: str, label: str) -> None:
        """Ask for the phone's own file as a test, which counts as no fetch of the phone."""
        name, ground = self.filled(self._spec.profile.main), self._ground
        headers = [("User-Agent", self._agent), ("X-Offhook-Test", "1")]
        link = HttpLink(ground.place, source=self._source)
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await link.ask(
                ground.place.path + name, headers, timeout_s=ground.conduct.fetch_timeout_s
            )
        except FetchError as error:
            ground.record.fail(f"{measure}: {error}", label, name)
            return
        ground.record.time(measure, loop.time() - began)
        if answer.status != 200:
            ground.record.fail(f"{measure}: HTTP {answer.status}", label, name)

    async def _one(self, name: str, patience: Patience) -> int:
        """Ask for a file until there is an answer; gives its status, 0 when it gave up."""
        pause_s = FIRST_PAUSE_S
        while True:
            after_s = None
            try:
                answer = await self._ask(name)
                if answer.status not in BUSY:
                    return self._take(name, answer, patience)
                kind, after_s = f"fetch: HTTP {answer.status}", answer.headers.get("retry-after")
            except FetchError as error:
                kind = f"fetch: {error}"
            wait_s = float(digits(after_s) or 0) or jittered(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            if not await patience.lets_try_again(kind, name, wait_s):
                return 0

    async def _ask(self, name: str) -> Fetched:
        headers = [("User-Agent", self._agent), ("Accept", "*/*")]
        etag = self._files.etag(name)
        if etag:
            headers.append(("If-None-Match", etag))
        ground, loop = self._ground, asyncio.get_running_loop()
        began = loop.time()
        answer = await self._link.ask(
            ground.place.path + name, headers, timeout_s=ground.conduct.fetch_timeout_s
        )
        ground.record.time(ground.record.fetch_as, loop.time() - began)
        ground.record.happened("fetch", loop.time())
        ground.record.counts[f"fetch_{answer.status}"] += 1
        return answer

    def _take(self, name: str, answer: Fetched, patience: Patience) -> int:
        if answer.status != 200:
            return answer.status
        why = self._files.take(name, answer.headers.get("etag", ""), answer.body)
        if why:
            patience.record.fail(f"file: {why}", patience.label, name)
        return 0 if why else 200


def _keeps(spec: PhoneSpec, conduct: Conduct) -> bool:
    if conduct.connections != "maker":
        return conduct.connections == "keep-alive"
    return spec.model.family in spec.profile.behaviour.keeps_connection

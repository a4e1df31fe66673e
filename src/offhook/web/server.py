"""The HTTP server: uvicorn on sockets of ours, inside a loop of ours."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import uvicorn

from offhook.tasks import spawn
from offhook.web.asgi import Asgi
from offhook.web.door import Door, Tls, defer_accept
from offhook.web.front_protocol import SWEEP_S, House
from offhook.web.protocol import BoundedProtocol
from offhook.web.readers import readers_of
from offhook.web.turns import Turns

BACKLOG = 16_384
"""A building's phones connect in the same second after a power cut."""

KEEP_ALIVE_S = 15
GRACE_S = 3


def bind_http(
    bind: str, port: int, backlog: int = BACKLOG, *, is_shared: bool = False
) -> socket.socket:
    """Listen on an address; `::` takes IPv4 as well, port 0 any free one. Raises OSError.

    A shared port can be bound again: the kernel spreads connections over all who listen.
    """
    is_v6 = ipaddress.ip_address(bind).version == 6
    listening = socket.create_server(
        (bind, port),
        family=socket.AF_INET6 if is_v6 else socket.AF_INET,
        backlog=backlog,
        reuse_port=is_shared,
        dualstack_ipv6=is_v6 and bind == "::" and socket.has_dualstack_ipv6(),
    )
    # Accepted connections inherit it; asyncio sets it only on sockets that name their protocol,
    # and head and body, sent one after the other, would wait 40 ms for the phone's ACK.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    defer_accept(listening)
    listening.setblocking(False)
    return listening


class HttpServer:
    """Serves an application on listening sockets; `stop` closes them."""

    def __init__(
        self,
        app: Asgi,
        sockets: Sequence[socket.socket],
        secure: socket.socket | None = None,
        tls: Tls | None = None,
    ) -> None:
        self.app = app
        self._sockets = list(sockets)
        self._secure, self._tls = secure, tls
        # An application with endless answers has a `close` that ends them.
        self._close: Callable[[], None] | None = getattr(app, "close", None)
        self._config = uvicorn.Config(
            cast(Any, app),
            http=BoundedProtocol,
            ws="none",
            interface="asgi3",
            lifespan="off",
            log_config=None,
            access_log=False,
            # X-Forwarded-For would make a stranger look like this host.
            proxy_headers=False,
            server_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=GRACE_S,
        )
        self._server = uvicorn.Server(self._config)
        self._running: asyncio.Task[None] | None = None
        self._sweeping: asyncio.Task[None] | None = None
        self._doors: list[Door] = []
        self._turns = Turns()
        self._end_readers: Callable[[], None] = lambda: None

    @property
    def port(self) -> int:
        """The port of the first socket."""
        return int(self._sockets[0].getsockname()[1])

    @property
    def https_port(self) -> int:
        """The port of HTTPS; 0 without."""
        return 0 if self._secure is None else int(self._secure.getsockname()[1])

    async def start(self) -> None:
        """Begin to accept; returns when callers are served."""
        # Its warnings tell of strangers' broken requests, one line each.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        # What `Server.serve` does, without its signal handlers, which are the command's, and with
        # a protocol of ours before its own.
        server, config, loop = self._server, self._config, asyncio.get_running_loop()
        config.load()
        server.lifespan = config.lifespan_class(config)
        house, secure = self._house(loop.time, "http"), self._house(loop.time, "https")
        server.servers = []
        self._doors = [Door(house, it, loop) for it in self._sockets]
        if self._secure is not None:
            readers, self._end_readers = readers_of(loop)
            self._doors.append(Door(secure, self._secure, loop, self._tls, readers))
        for door in self._doors:
            door.open()
        server.started = True
        self._running = spawn(server.main_loop(), "http server")
        self._sweeping = spawn(_sweep([house, *self._doors]), "close idle connections")

    def _all_sockets(self) -> list[socket.socket]:
        return [*self._sockets, *([] if self._secure is None else [self._secure])]

    def _house(self, clock: Callable[[], float], scheme: str) -> House:
        config, state = self._config, self._server.server_state
        lifespan = self._server.lifespan.state
        return House(
            front=getattr(self.app, "front", None),
            calls=getattr(self.app, "calls", None),
            state=state,
            make=lambda: BoundedProtocol(config=config, server_state=state, app_state=lifespan),
            clock=clock,
            keep_alive_s=KEEP_ALIVE_S,
            scheme=scheme,
            turns=self._turns,
        )

    async def _answer_rest(self) -> None:
        """Let those that wait for their turn have it, a few seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                while self._turns.is_any_waiting:  # noqa: ASYNC110 - each turn ends one
                    await asyncio.sleep(0)

    async def stop(self) -> None:
        """Finish what is being answered, a few seconds at most; idempotent."""
        running, self._running = self._running, None
        if self._sweeping is not None:
            self._sweeping.cancel()
        for door in self._doors:
            door.close()
        if running is None:
            for listening in self._all_sockets():
                listening.close()
            return
        if self._close is not None:
            self._close()
        await self._answer_rest()
        self._server.should_exit = True
        await running
        await self._server.shutdown(self._all_sockets())
        for connection in list(self._server.server_state.connections):
            connection.transport.abort()
        for door in self._doors:
            door.hang_up()
        self._end_readers()


async def _sweep(all_: Iterable[House | Door]) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        for it in all_:
            it.sweep()


async def serve_http(
    app: Asgi,
    sockets: Sequence[socket.socket],
    secure: socket.socket | None = None,
    tls: Tls | None = None,
) -> HttpServer:
    """Start a server; whoever starts it stops it. `secure` is where it speaks HTTPS."""
    server = HttpServer(app, sockets, secure, tls)
    await server.start()
    return server

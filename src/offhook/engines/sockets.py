"""The engine's sockets: UDP and TCP on one port, TLS on another when there is a certificate."""

from __future__ import annotations

from offhook.certificate import Certificate
from offhook.engines.strangers import KnownHosts
from offhook.engines.tcp import OnItem, OnLost, TcpLimits, TcpPort
from offhook.engines.tls import OnFailed, TlsPort
from offhook.engines.udp import OnDatagram, UdpPort

_PORT_TRIES = 20


class Sockets:
    """Opens and closes them. Port 0 picks one that is free, for UDP and TCP the same."""

    def __init__(
        self,
        *,
        bind: str,
        port: int,
        tls_port: int,
        certificate: Certificate | None,
        limits: TcpLimits,
        on_datagram: OnDatagram,
        on_item: OnItem,
        on_lost: OnLost,
        on_tls_failed: OnFailed,
        known: KnownHosts,
    ) -> None:
        self._bind = bind
        self._asked_port = port
        self._asked_tls_port = tls_port
        self._on_datagram = on_datagram
        self.udp: UdpPort | None = None
        self.tcp = TcpPort(limits, on_item, on_lost, known.has)
        self._tls = TlsPort(self.tcp, certificate, on_tls_failed) if certificate else None

    @property
    def port(self) -> int:
        """The port of UDP and TCP; the one asked for before the start."""
        return self.udp.port if self.udp else self._asked_port

    @property
    def tls_port(self) -> int:
        """The port of TLS; 0 without a certificate."""
        return (self._tls.port or self._asked_tls_port) if self._tls else 0

    def port_over(self, transport: str) -> int:
        """Give our port for a transport."""
        return self.tls_port if transport == "tls" else self.port

    async def open(self) -> None:
        """Bind all. Raises OSError when a port is taken, or the certificate cannot be used.

        For TLS the error's file name is the setting to mend.
        """
        udp = self.udp = await self._open_pair()
        if self._tls is None:
            return
        try:
            await self._tls.listen(self._bind, self._asked_tls_port)
        except OSError:
            udp.close()
            await self.tcp.close()
            raise

    async def serve(self) -> None:
        """Begin to read and accept; until then whoever comes waits in the kernel."""
        if self.udp is not None:
            self.udp.serve()
        await self.tcp.serve()
        if self._tls is not None:
            await self._tls.serve()

    async def close(self) -> None:
        """Close all; idempotent."""
        if self.udp is not None:
            self.udp.close()
        if self._tls is not None:
            self._tls.close()
        await self.tcp.close()

    def listening(self) -> tuple[str, ...]:
        """Name what is bound, as `udp:0.0.0.0:5060`."""
        names = ("udp", "tcp", "tls") if self._tls else ("udp", "tcp")
        return tuple(f"{name}:{self._bind}:{self.port_over(name)}" for name in names)

    def counters(self) -> dict[str, int]:
        """Count connections, refusals and what could not leave."""
        counters = {
            "tcp_connections": len(self.tcp),
            "tcp_refused": self.tcp.refused,
            "tcp_evicted": self.tcp.evicted,
        }
        if self._tls is not None:
            counters |= self._tls.counters
        if self.udp is not None:
            counters["udp_unsent"] = self.udp.unsent
            counters["udp_buffer_bytes"] = self.udp.receive_buffer_bytes
        return counters

    async def _open_pair(self) -> UdpPort:
        for attempt in range(_PORT_TRIES):
            await self.tcp.listen(self._bind, self._asked_port)
            try:
                return UdpPort(self._bind, self.tcp.port, self._on_datagram)
            except OSError:
                await self.tcp.close()
                if self._asked_port or attempt == _PORT_TRIES - 1:
                    raise
        raise OSError("no port is free for UDP and TCP")  # pragma: no cover - the last try raised

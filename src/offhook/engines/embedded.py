"""The embedded SIP engine: registrar, calls and NOTIFY on UDP and TCP, in this process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache, partial

from offhook.actions.ports import (
    Clock,
    CredentialSource,
    EngineHealth,
    NotifyKind,
    NotifyOrder,
    NotifyOutcome,
    Publish,
    RegistrationStore,
)
from offhook.certificate import Certificate
from offhook.core.events import (
    HandshakeFailed,
    PhoneRegistered,
    PhoneUnregistered,
    RegisterHeard,
    RegistrationRefused,
)
from offhook.core.model import LiveCall, Registration
from offhook.core.orders import NO_TARGET
from offhook.engines.call_failures import call_failed
from offhook.engines.calling import Calling
from offhook.engines.core import SipPolicy, build_core
from offhook.engines.keeping import Keeping
from offhook.engines.notifying import Notifying, Wire
from offhook.engines.phones import mac_of, shown, to_registration
from offhook.engines.register_notes import note_register
from offhook.engines.sockets import Sockets
from offhook.engines.strangers import Allowance, JunkLog, KnownHosts
from offhook.engines.tcp import TcpConnection, TcpLimits
from offhook.engines.watch_events import watch_event
from offhook.engines.watching import Watching
from offhook.handshakes import OncePerMinute
from offhook.sip.bindings import Binding, Bound, Source, Unbound
from offhook.sip.flow import flow_of
from offhook.sip.forward import contact_of
from offhook.sip.message import KeepAlive, Message, Request, Verdict
from offhook.sip.notifier import Local
from offhook.sip.parse import parse_datagram
from offhook.sip.registrar import Effect, Refused
from offhook.sip.server import Reaction
from offhook.tasks import spawn

_log = logging.getLogger("offhook.sip")

SWEEP_S = 1.0
_NOBODY = Source(transport="", host="", port=0)


@lru_cache(maxsize=8192)  # a phone sends from the same place each time
def _udp_source(host: str, port: int) -> Source:
    return Source(transport="udp", host=host, port=port)


class EmbeddedEngine:
    """Implements `SipEngine`. Port 0 picks one that is free for both UDP and TCP."""

    def __init__(
        self,
        *,
        bind: str,
        port: int,
        external_ip: str,
        policy: SipPolicy,
        credentials: CredentialSource,
        publish: Publish,
        store: RegistrationStore,
        now: Clock,
        tcp_limits: TcpLimits | None = None,
        tls_port: int = 5061,
        certificate: Certificate | None = None,
    ) -> None:
        self._external_ip = external_ip
        self._publish = publish
        self._now = now
        self._credentials = credentials
        self._counters: Counter[str] = Counter()
        core = build_core(
            policy,
            secret_of=self._secret_of,
            host=external_ip,
            port=lambda: self.port,
            tls_port=lambda: self.tls_port,
            tell_watch=lambda item: publish(watch_event(item, now())),
        )
        self._table, self._server = core.table, core.server
        self._keeping = Keeping(store, self._table)
        self._notifying = Notifying()
        self._junk = JunkLog()
        self._allowance = Allowance(self._table, time.monotonic)
        self._told = OncePerMinute()
        self._sockets = Sockets(
            bind=bind,
            port=port,
            tls_port=tls_port,
            certificate=certificate,
            limits=tcp_limits or TcpLimits(),
            on_datagram=self._on_datagram,
            on_item=self._on_item,
            on_lost=self._on_lost,
            on_tls_failed=self._on_tls_failed,
            known=KnownHosts(self._table, time.monotonic),
        )
        wire = partial(Calling, tcp=self._sockets.tcp, udp=lambda: self._sockets.udp, now=now)
        self._watching = Watching(
            calls=core.proxy.calls,
            table=self._table,
            subscriptions=core.subscriptions,
            wire=wire(proxy=core.subscriptions),
            now=now,
        )
        self._calling = wire(
            proxy=core.proxy,
            on_carried=self._watching.tell,
            on_failed=lambda failure: publish(call_failed(failure, now())),
        )
        self._sweeping: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port of UDP and TCP; the one asked for before the start."""
        return self._sockets.port

    @property
    def tls_port(self) -> int:
        """The port of TLS; 0 without a certificate."""
        return self._sockets.tls_port

    async def start(self) -> None:
        """Bind and serve. Raises OSError when a port is taken."""
        await self.bind()
        await self.serve()

    async def bind(self) -> None:
        """Bind the sockets. Raises OSError when a port is taken.

        For a certificate or TLS port that cannot be used its file name is the setting to mend.
        """
        await self._sockets.open()

    async def serve(self) -> None:
        """Restore the bindings, then take what phones send."""
        restored = await self._keeping.restore(
            self._now().timestamp(), lambda number: self._credentials(number) is not None
        )
        await self._sockets.serve()
        self._sweeping = spawn(self._sweep(), "sweep registrations")
        _log.info("SIP listens on %s", ", ".join(self._sockets.listening()))
        if restored:
            _log.info("%d registrations restored", restored)

    async def stop(self) -> None:
        """Close the sockets and save the bindings; idempotent."""
        sweeping, self._sweeping = self._sweeping, None
        if sweeping is None:  # it was bound at most
            await self._sockets.close()
            return
        sweeping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sweeping
        self._notifying.stop()
        self._calling.stop()
        self._watching.stop()
        await self._sockets.close()
        await self._keeping.save()

    def health(self) -> EngineHealth:
        """Give sockets and counters."""
        is_up = self._sweeping is not None and not self._sweeping.done()
        counters = dict(self._counters) | self._sockets.counters()
        counters["throttled"] = self._allowance.refused
        counters["registrations"] = len(self._table)
        counters["calls"] = len(self._watching.calls())
        counters["subscriptions"] = len(self._watching)
        counters["transactions"] = len(self._calling)
        return EngineHealth(
            is_up=is_up,
            listening=self._sockets.listening() if is_up else (),
            counters=counters,
        )

    def registrations(self, extension: str | None = None) -> tuple[Registration, ...]:
        """The live bindings now, of one extension or of all."""
        now = self._now().timestamp()
        bindings = self._table.all() if extension is None else self._table.of(extension)
        return tuple(to_registration(b) for b in bindings if b.expires_at > now)

    def calls(self) -> tuple[LiveCall, ...]:
        """The calls that ring or are talked on now."""
        return self._watching.calls()

    async def notify(self, order: NotifyOrder, on_sent: Callable[[], None]) -> NotifyOutcome:
        """Send a NOTIFY to a live registration; nobody else can be made its target."""
        binding = self._find(order.registration)
        if binding is None:
            return NotifyOutcome(kind=NotifyKind.FAILED, reason=NO_TARGET)
        try:
            wire = await self._wire(binding)
        except OSError as error:  # TimeoutError is one, without a text
            reason = str(error) or "the phone does not accept a connection"
            return NotifyOutcome(kind=NotifyKind.FAILED, reason=reason)
        self._counters["notifies"] += 1
        outcome = await self._notifying.run(order, binding, wire, on_sent)
        self._counters[f"notify_{outcome.kind.value}"] += 1
        return outcome

    async def has_left(self, call_id: str) -> bool | None:
        """Nobody knows what an earlier process sent."""
        return None

    async def remove(self, extension: str) -> int:
        """Drop all bindings of an extension; gives how many."""
        gone = self._table.drop(extension)
        self._watching.on_removed(extension)
        self._apply_effects(gone, _NOBODY, self._now())
        await self._keeping.save()
        return len(gone)

    # --- start and sweep -----------------------------------------------------------------------

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            try:
                at = self._now()
                self._apply_effects(self._table.expire(at.timestamp()), _NOBODY, at)
                self._watching.sweep()
                await self._keeping.save()
            except Exception:
                _log.exception("sweep of registrations failed")

    def _secret_of(self, number: str) -> str | None:
        secret = self._credentials(number)
        return secret.reveal() if secret else None

    # --- what arrives --------------------------------------------------------------------------

    def _on_datagram(self, data: bytes, host: str, port: int) -> None:
        source = _udp_source(host, port)
        if self._allowance.is_spent(source):
            return
        try:
            reaction = self._react(parse_datagram(data), source)
            if reaction.answer is not None and self._sockets.udp is not None:
                answer = reaction.answer
                self._sockets.udp.send(answer.data, answer.host, answer.port)
            if reaction.after:
                self._watching.carry(reaction.after)
        except OSError:
            self._counters["unsendable"] += 1
        except Exception:
            self._note_bug(source)

    def _on_item(self, item: Message | Verdict | KeepAlive, connection: TcpConnection) -> None:
        source = connection.source
        if self._allowance.is_spent(source):
            connection.close()
            return
        try:
            reaction = self._react(item, source)
            for effect in reaction.effects:
                if isinstance(effect, Bound):
                    lifetime_s = effect.binding.expires_at - effect.binding.refreshed_at
                    connection.keep(lifetime_s)
                    self._calling.large.own(str(source), source.host, effect.binding.contact)
            if reaction.sends and isinstance(item, Request) and item.method == "INVITE":
                # Only a request that was authenticated is carried on.
                self._calling.large.own(str(source), source.host, contact_of(item.headers))
            if reaction.answer is not None:
                connection.send(reaction.answer.data)
            self._watching.carry(reaction.after)
        except OSError:
            self._counters["unsendable"] += 1
        except Exception:
            self._note_bug(source)

    def _react(self, item: Message | Verdict | KeepAlive, source: Source) -> Reaction:
        at = self._now()
        now = at.timestamp()
        reaction = self._server.receive(item, source, now)
        self._counters["received"] += 1
        if reaction.status:
            self._counters[f"answered_{reaction.status}"] += 1
        if reaction.junk:
            self._counters["malformed"] += 1
            self._junk.note(str(source), reaction.junk, now)
        response = reaction.response
        if response is not None:
            is_taken = self._calling.on_response(response) or self._watching.on_response(response)
            if not is_taken:
                self._notifying.on_response(response)
        if reaction.effects:
            self._apply_effects(reaction.effects, source, at)
        if isinstance(item, Request) and item.method == "REGISTER":
            note = note_register(item, source, reaction, at)
            if note is not None:
                self._publish(RegisterHeard(note=note))
        else:  # a REGISTER moves no call
            self._calling.carry(reaction.sends)
        return reaction

    def _note_bug(self, source: Source) -> None:
        """Log our own failure on a packet, at most once a minute; the socket lives on."""
        self._counters["failed"] += 1
        if self._told.is_due("bug", self._now().timestamp()):
            _log.exception("a SIP packet from %s could not be handled", source)

    def _on_tls_failed(self, address: str, reason: str) -> None:
        self._publish(HandshakeFailed(address=address, reason=reason, at=self._now()))

    def _on_lost(self, source: Source) -> None:
        self._notifying.on_lost(str(source))
        if self._sweeping is not None:
            self._calling.on_lost(str(source))
            self._watching.on_lost(str(source))

    def _apply_effects(self, effects: Iterable[Effect], source: Source, at: datetime) -> None:
        for effect in effects:
            match effect:
                case Bound(binding=binding, is_new=is_new, was_rebooted=was_rebooted):
                    self._keeping.mark((binding.aor,))
                    self._publish(
                        PhoneRegistered(
                            registration=to_registration(binding),
                            is_new=is_new,
                            was_rebooted=was_rebooted,
                            at=at,
                        )
                    )
                case Unbound(binding=binding, reason=reason):
                    self._keeping.mark((binding.aor,))
                    self._publish(
                        PhoneUnregistered(
                            registration=to_registration(binding), reason=reason, at=at
                        )
                    )
                case Refused():
                    self._tell_refused(effect, source, at)

    def _tell_refused(self, refused: Refused, source: Source, at: datetime) -> None:
        claimed = shown(refused.claimed)
        self._counters[f"refused_{refused.reason}"] += 1
        if not self._told.is_due(f"{source.host}|{claimed}", at.timestamp()):
            return
        self._publish(
            RegistrationRefused(
                extension=shown(refused.aor),
                claimed=claimed,
                source=str(source),
                user_agent=shown(refused.request.headers.first("user-agent") or ""),
                mac=mac_of(refused.request),
                reason=refused.reason,
                at=at,
            )
        )

    # --- where a NOTIFY goes -------------------------------------------------------------------

    def _find(self, registration: Registration) -> Binding | None:
        now = self._now().timestamp()
        for binding in self._table.of(registration.extension):
            if binding.contact == registration.contact and binding.expires_at > now:
                return binding
        return None

    async def _wire(self, binding: Binding) -> Wire:
        """Choose the way to a phone: where its REGISTER came from, which NAT lets through."""
        flow = flow_of(binding.source, binding.contact, has_path=bool(binding.path))
        transport, host, port = flow.transport, flow.host, flow.port
        our_port = self._sockets.port_over(transport)
        local = Local(host=self._external_ip, port=our_port, transport=transport.upper())
        if transport == "udp":
            udp = self._sockets.udp
            if udp is None:
                raise ConnectionAbortedError("the SIP engine is stopped")
            return Wire(
                source=binding.source, local=local, send=lambda data: udp.send(data, host, port)
            )
        connection = self._sockets.tcp.find(binding.source)
        if connection is None and flow.dial is not None:
            connection = await self._sockets.tcp.dial(*flow.dial)
        if connection is None:
            raise ConnectionResetError("the phone's connection is closed")
        return Wire(source=str(connection.source), local=local, send=connection.send)

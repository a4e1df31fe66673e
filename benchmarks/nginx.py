"""The peer of fetches: nginx with one worker and static files, on the server's core."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.integration.kamailio import free_ports

from benchmarks.needs import needed
from benchmarks.phones import FIRST, fetched
from benchmarks.processes import CORE, cpu_s, pinned

CONFIG = """\
worker_processes 1;
daemon off;
pid %(own)s/nginx.pid;
error_log %(own)s/error.log crit;
events { worker_connections 16384; }
http {
    access_log off;
    sendfile %(sendfile)s;
    tcp_nodelay on;
    keepalive_requests 1000000;
    open_file_cache max=200000 inactive=600s;
    open_file_cache_valid 600s;
    default_type text/plain;
    client_body_temp_path %(own)s/body;
    proxy_temp_path %(own)s/proxy;
    fastcgi_temp_path %(own)s/fastcgi;
    uwsgi_temp_path %(own)s/uwsgi;
    scgi_temp_path %(own)s/scgi;
    server { listen 127.0.0.1:%(port)d backlog=4096; root %(root)s; }
    %(tls)s
}
"""
TLS = """\
server {
    listen 127.0.0.1:%(tls_port)d ssl backlog=4096;
    root %(root)s;
    ssl_certificate %(certificate)s;
    ssl_certificate_key %(key)s;
}
"""


class Nginx:
    """A running nginx that serves `root`/provision."""

    def __init__(
        self, root: Path, *, sendfile: str = "off", certificate: tuple[Path, Path] | None = None
    ) -> None:
        self.name = f"nginx (sendfile {sendfile})"
        self.port, self.tls_port = free_ports(2)
        own = root / f"nginx-{self.port}"
        own.mkdir()
        tls = ""
        if certificate is not None:
            where = {"certificate": certificate[0], "key": certificate[1]}
            tls = TLS % {"tls_port": self.tls_port, "root": root, **where}
        values = {"own": own, "root": root, "port": self.port, "sendfile": sendfile, "tls": tls}
        self._config = own / "nginx.conf"
        self._config.write_text(CONFIG % values, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start, and wait until it serves. Raises MissingError."""
        program = needed("nginx", "nginx-light")
        with pinned(CORE):
            self._process = subprocess.Popen(
                [program, "-c", str(self._config), "-p", str(self._config.parent)]
            )
        end = time.monotonic() + 20
        while True:
            try:
                fetched(self.port, FIRST)
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    raise
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """End it; idempotent."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def cpu_s(self) -> float:
        """User and system time of master and worker."""
        assert self._process is not None
        return cpu_s(self._process.pid)

"""Write the first config.yml from the example, this machine's own address filled in."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

EXAMPLE_ADDRESS = "192.168.1.14"


def own_address() -> str:
    """The address this machine would use to reach others; 127.0.0.1 when it has no network.

    Connecting a UDP socket sends nothing: it only asks the kernel for the route.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])


def main(example: Path, target: Path) -> int:
    """Write the target unless it is there already."""
    if target.exists():
        return 0
    address = own_address()
    text = example.read_text(encoding="utf-8").replace(EXAMPLE_ADDRESS, address)
    target.write_text(text, encoding="utf-8")
    print(f"Wrote {target} with server.external_ip: {address}")
    if address == "127.0.0.1":
        print("This machine has no network address: set one there, or no phone can reach it.")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))

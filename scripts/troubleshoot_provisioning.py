"""Find out why phones are not provisioned; runs on a bare Python 3.11 with nothing installed.

The checks themselves are in `src/offhook/cli/troubleshoot`, which `offhook doctor` shares.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from offhook.cli.troubleshoot.run import main

if __name__ == "__main__":
    sys.exit(main())

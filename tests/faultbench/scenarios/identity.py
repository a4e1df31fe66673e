"""Who is asking: unknown phones, typos, foreign variables."""

from __future__ import annotations

from tests.faultbench.bench import Bench
from tests.faultbench.scenario import scenario

YEALINK = "Yealink SIP-T46S 66.86.0.15 00:15:65:99:99:99"


@scenario("P301", r"last request .* from 127\.0\.0\.1")
async def unknown_phone_asks(bench: Bench) -> str:
    assert (await bench.get("001565999999.cfg", YEALINK)).status == 404
    return "001565999999"

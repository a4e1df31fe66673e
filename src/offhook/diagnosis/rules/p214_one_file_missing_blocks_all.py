"""A phone asks again and again for one file that is not here, and takes none of its own.

What you see: one path is answered with 404 three times or more; the phone's own file is not
fetched, and none of its settings change.

Why: phones of some makers wait until they have every file that their URL or boot file names. One
that is missing keeps all others from being applied.

What to do: take the missing file out of the phone's URL or of the list that names it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from offhook.core.model import Attempt
from offhook.diagnosis.asking import asked_by, has_own_file_since, is_image
from offhook.diagnosis.evidence import attempt_line
from offhook.diagnosis.examples import HEALTHY, MAC, MINUTE, REFUSED, SERVED
from offhook.diagnosis.facts import Facts
from offhook.diagnosis.finding import Finding, Severity, Stage
from offhook.diagnosis.rule import Fault

FAULT = Fault(
    code="P214",
    name="one-file-missing-blocks-all",
    title="A missing file keeps the phone from all others",
    severity=Severity.ERROR,
    stage=Stage.DELIVERED,
    message="phone {mac} asked {count} times for {path}, which is not here, and got none of its"
    " files since",
    steps=(
        "Take {path} out of the phone's provisioning URL, or of the file that lists it",
        "Set the phone's provisioning URL to the folder with the slash at the end: {base}",
        "Restart the phone",
    ),
    is_of_device=True,
    explains=("P203",),
)
_WINDOW = timedelta(hours=1)
_TIMES = 3


def check(facts: Facts) -> Iterator[Finding]:
    """Find the devices refused one path three times in an hour, no file of theirs after."""
    for mac, attempts in asked_by(facts, facts.devices, _WINDOW).items():
        refused = [it for it in attempts if it.fault == "P203"]
        counts = Counter(it.path for it in refused if not is_image(it.file, facts.profiles))
        path, count = next(iter(counts.most_common(1)), ("", 0))
        tries: list[Attempt] = [it for it in refused if it.path == path]
        if count >= _TIMES and not has_own_file_since(attempts, tries[-1]):
            yield FAULT.finding(
                mac.colons,
                mac=mac.colons,
                count=count,
                path=path,
                base=facts.config.base,
                evidence=[attempt_line(it) for it in tries[:_TIMES]],
            )


_MISSING = replace(REFUSED, fault="P203", status=404, path="office.cfg", file="office.cfg", mac=MAC)
_TRIES = tuple(
    replace(_MISSING, request_id=f"try-{n}", at=_MISSING.at - n * MINUTE) for n in range(3)
)
BAD = replace(HEALTHY, attempts=(*_TRIES, SERVED))
GOOD = replace(HEALTHY, attempts=(replace(SERVED, at=_MISSING.at + MINUTE), *_TRIES))

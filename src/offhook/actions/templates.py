"""A site's templates tried: laid over those in use, and what is wrong with their syntax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from offhook.core.inventory import FileSource
from offhook.core.render import Templates, syntax_problem
from offhook.diagnosis.evidence import shown
from offhook.diagnosis.finding import Finding
from offhook.diagnosis.rules import fault
from offhook.errors import BadRequestError

_SUFFIX = ".j2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What files would be made from, the makers concerned, and templates that do not compile."""

    source: FileSource
    vendors: frozenset[str]
    findings: tuple[Finding, ...]


def with_templates(
    source: FileSource, texts: Mapping[str, str | None], packaged: Mapping[str, str]
) -> Tried:
    """Lay `vendor/name.j2` over the templates in use; None gives the built-in one back.

    Raises BadRequestError for a name that is no template's.
    """
    sources = dict(source.templates.sources)
    for name, text in texts.items():
        vendor, _, file = name.partition("/")
        if vendor not in source.profiles or not file.endswith(_SUFFIX) or "/" in file:
            raise BadRequestError(
                "bad_template",
                f"template {name[:80]!r} belongs to no maker",
                f"name it VENDOR/NAME{_SUFFIX}; vendors are {', '.join(source.profiles)}",
            )
        kept = packaged.get(name) if text is None else text
        if kept is None:
            sources.pop(name, None)
        else:
            sources[name] = kept
    own = frozenset(name for name, text in sources.items() if packaged.get(name) != text)
    return Tried(
        source=replace(source, templates=Templates(sources, own)),
        vendors=frozenset(
            name.partition("/")[0]
            for name in texts
            if sources.get(name) != source.templates.sources.get(name)
        ),
        findings=tuple(_syntax(texts)),
    )


def _syntax(texts: Mapping[str, str | None]) -> list[Finding]:
    problems = {name: syntax_problem(text) for name, text in texts.items() if text is not None}
    return [
        fault("P701").finding(
            "site templates",
            problem=shown(f"template {name}: {problem}", 1000),
            evidence=[f"template {name}: {shown(problem)}"],
        )
        for name, problem in problems.items()
        if problem
    ]

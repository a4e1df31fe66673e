"""People of a directory, their links to extensions, and the plan of a synchronisation: values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryEntry:
    """One account as read: `guid` in text form, attribute names in lower case to raw values.

    `is_enabled` is what the directory says of the account (disabled or expired is False).
    """

    guid: str
    dn: str
    is_enabled: bool
    values: Mapping[str, tuple[bytes, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryRead:
    """A complete answer. `server` is the one that gave it; `invocation_id` names its database.

    `certificate_ends` is when the server's certificate will, where there is one.
    """

    server: str
    entries: tuple[DirectoryEntry, ...]
    invocation_id: str = ""
    highest_usn: int = 0
    warnings: tuple[str, ...] = ()
    certificate_ends: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An entry made usable: texts normalised, `number` valid or empty when the person has none."""

    guid: str
    login: str
    dn: str
    name: str
    number: str
    email: str
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonProblem:
    """An entry that is there but cannot be used: it still counts as present.

    `fault` is a P5xx code; `values` fill its texts; `login` is escaped for display. `is_enabled`
    is as of the entry: whatever else is wrong, a disabled account is one.
    """

    guid: str
    login: str
    fault: str
    message: str
    values: Mapping[str, object] = field(default_factory=dict)
    is_enabled: bool = True


class LinkState(StrEnum):
    """What ties a directory person to an extension. Nothing is ever deleted by a run."""

    ACTIVE = "active"
    DISABLED = "disabled"
    MISSING = "missing"
    CONFLICT = "conflict"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A person of a source, by objectGUID, and their extension (empty: none).

    `overrides` are fields (`name`, `email`, `number`) changed by hand: a run leaves them until
    released. `name` and `email` are the directory's, as last followed. `since` is of the state.
    `reserved` are former numbers with the moment until which they are kept free. `seen_from` is
    the invocation id that showed the person; empty: the last run did not find them (or the source
    has no such id). With `is_ignored_by_hand` no run changes the link or the extension.
    """

    source: str
    guid: str
    number: str
    state: LinkState
    login: str
    dn: str
    name: str
    email: str = ""
    since: datetime
    overrides: frozenset[str] = frozenset()
    reserved: Mapping[str, datetime] = field(default_factory=dict)
    seen_from: str = ""
    is_ignored_by_hand: bool = False


class StepKind(StrEnum):
    """What a plan does to one person.

    UPDATE is e-mail, or only what the link remembers. IGNORED beside DISABLE: the number is gone
    from the directory. IGNORED alone: the extension was deleted here, so it is not made again.
    """

    CREATE = "create"
    ADOPT = "adopt"
    RENAME = "rename"
    RENUMBER = "renumber"
    UPDATE = "update"
    ENABLE = "enable"
    DISABLE = "disable"
    MISSING = "missing"
    RETURN = "return"
    CONFLICT = "conflict"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of an extension, before and after: number, name, email, source, is_enabled."""

    field: str
    old: str
    new: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanStep:
    """All that happens to one person, in one transaction: `kinds` says what; `link` is as after.

    `number` is the extension after the step, `old_number` before it (empty when there is none).
    Without `changes` no extension is written, only the link.
    """

    guid: str
    login: str
    kinds: tuple[StepKind, ...]
    number: str
    old_number: str
    changes: tuple[FieldChange, ...]
    link: Link


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeHit:
    """A brake that refuses the plan: its setting, how many, the limit, the first 20 logins.

    `zero_people` (limit 0) is no setting: nothing confirms it.
    """

    name: str
    count: int
    limit: int
    logins: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run would do. `id` is a hash of the steps: same directory and store, same id.

    `problems` are those of the read and the standing conflicts (P508). `counts` has every StepKind:
    how many steps are of it, but for `conflict` and `ignored` how many people are so now; and
    `people` read (with the unusable ones) and `problems`. `warnings` are decisions not to act.
    """

    id: str
    steps: tuple[PlanStep, ...]
    problems: tuple[PersonProblem, ...]
    brakes: tuple[BrakeHit, ...]
    counts: Mapping[str, int]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Brake:
    """At most `percent` of the active links, but never less than `at_least`."""

    percent: int
    at_least: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectoryPolicy:
    """The settings that decide a plan (`integrations.active_directory`).

    `name_formats` like `{displayName}`; `number_attributes` in order; `number_pattern` must match
    the whole text; `number_extract` may find the number in a longer one (group 1 or the match).
    `number_ranges` are (low, high) inclusive of same length; empty allows all. `adopt` is never,
    name_matches or always.
    """

    name_formats: tuple[str, ...] = (
        "{displayName}",
        "{givenName} {sn}",
        "{cn}",
        "{sAMAccountName}",
    )
    email_attribute: str = "mail"
    login_attribute: str = "sAMAccountName"
    number_attributes: tuple[str, ...] = ("ipPhone",)
    number_pattern: str = r"\d{2,8}"
    number_extract: str = ""
    number_ranges: tuple[tuple[str, str], ...] = ()
    can_create: bool = True
    adopt: str = "never"
    on_disabled: str = "disable"
    on_missing: str = "disable"
    grace_days: int = 90
    max_disable: Brake = Brake(percent=10, at_least=5)
    max_create: int = 50
    max_renumber: Brake = Brake(percent=5, at_least=5)
    max_rename: Brake = Brake(percent=30, at_least=20)

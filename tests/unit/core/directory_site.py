"""A site with a directory in memory: extensions, links, and one synchronisation after another."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from offhook.core.directory import (
    DirectoryPolicy,
    Link,
    LinkState,
    Person,
    PersonProblem,
    Plan,
    PlanStep,
)
from offhook.core.directory_apply import Applied, apply_step
from offhook.core.directory_plan import plan
from offhook.core.model import Extension
from offhook.core.secret import Secret

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
POLICY = DirectoryPolicy()
ADOPTING = replace(POLICY, adopt="always")
REPORTING = replace(POLICY, on_disabled="report", on_missing="report")


def someone(login: str, number: str = "", **values: object) -> Person:
    known = {"dn": f"CN={login}", "name": login.title(), "email": "", "is_enabled": True}
    return Person(guid=f"guid-{login}", login=login, number=number, **{**known, **values})


def unusable(login: str, *, is_enabled: bool = True) -> PersonProblem:
    return PersonProblem(
        guid=f"guid-{login}", login=login, fault="P509", message="no", is_enabled=is_enabled
    )


def manual(number: str, name: str = "By Hand", source: str = "manual") -> Extension:
    return Extension(
        number=number, name=name, secret=Secret("typed"), source=source, created_at=NOW
    )


@dataclass
class Site:
    """Extensions and links, and one synchronisation after another."""

    policy: DirectoryPolicy = POLICY
    source: str = "ad"
    extensions: dict[str, Extension] = field(default_factory=dict)
    links: dict[str, Link] = field(default_factory=dict)
    now: datetime = NOW
    secrets: int = 0

    def plan(
        self,
        *people: Person,
        problems: Iterable[PersonProblem] = (),
        server: str = "dc1",
        out_of_scope: Iterable[str] = (),
    ) -> Plan:
        return plan(
            people,
            tuple(problems),
            self.links,
            self.extensions,
            self.policy,
            self.now,
            source=self.source,
            invocation_id=server,
            still_there={f"guid-{login}": True for login in out_of_scope},
        )

    def apply(self, made: Plan) -> Plan:
        for step in made.steps:
            done = apply_step(self.extensions, self.links, step, self.now, self.secret)
            assert isinstance(done, Applied), done
            if done.former_number:
                del self.extensions[done.former_number]
            if done.extension is not None:
                self.extensions[done.extension.number] = done.extension
            self.links[step.guid] = done.link
        return made

    def sync(self, *people: Person, **how: object) -> Plan:
        return self.apply(self.plan(*people, **how))

    def secret(self) -> Secret:
        self.secrets += 1
        return Secret(f"made-{self.secrets}")

    def set_link(self, login: str, **values: object) -> None:
        guid = f"guid-{login}"
        self.links[guid] = replace(self.links[guid], **values)

    def set_extension(self, number: str, **values: object) -> None:
        self.extensions[number] = replace(self.extensions[number], **values)

    def state(self, login: str) -> LinkState:
        return self.links[f"guid-{login}"].state


def kinds(made: Plan) -> dict[str, str]:
    return {step.login: "+".join(step.kinds) for step in made.steps}


def only_step(made: Plan) -> PlanStep:
    [step] = made.steps
    return step


def conflicts(made: Plan) -> dict[str, object]:
    return {it.login: it.values["logins"] for it in made.problems if it.fault == "P508"}


def site_with(*people: Person, **values: object) -> Site:
    site = Site(**values)
    site.sync(*people)
    return site


ADA = someone("ada", "1001")
BOB = someone("bob", "1002")
EVE = someone("eve", "1003")

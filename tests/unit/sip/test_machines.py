"""Registrar and server as state machines: any order of steps, and what must hold after each.

The steps and what must hold are those of coverage-guided fuzzing, in tests/fuzz.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from tests.fuzz.reader import Reader
from tests.fuzz.registering import Registering
from tests.fuzz.room import BrokenError, must
from tests.fuzz.script import Story
from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS

CHOICES = st.binary(max_size=24).map(Reader)


class RegistrarMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.story = Registering(b"")

    @rule(reader=CHOICES)
    def visit(self, reader: Reader) -> None:
        self.story.visit(reader)

    @rule(reader=CHOICES)
    def guess(self, reader: Reader) -> None:
        self.story.guess(reader)

    @rule(reader=CHOICES)
    def replay(self, reader: Reader) -> None:
        self.story.replay(reader)

    @rule(reader=CHOICES)
    def borrow(self, reader: Reader) -> None:
        self.story.borrow(reader)

    @rule(reader=CHOICES)
    def come_anew(self, reader: Reader) -> None:
        self.story.come_anew(reader)

    @rule(reader=CHOICES)
    def wait(self, reader: Reader) -> None:
        self.story.wait(reader)


class ServerMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.story = Story(b"")
        self.story.open()

    @rule(reader=CHOICES)
    def register(self, reader: Reader) -> None:
        self.story.register(reader)

    @rule(reader=CHOICES)
    def call(self, reader: Reader) -> None:
        self.story.call(reader)

    @rule(reader=CHOICES)
    def answer(self, reader: Reader) -> None:
        self.story.answer(reader)

    @rule(reader=CHOICES)
    def go_on(self, reader: Reader) -> None:
        self.story.go_on(reader)

    @rule(reader=CHOICES)
    def cancel(self, reader: Reader) -> None:
        self.story.cancel(reader)

    @rule(reader=CHOICES)
    def repeat(self, reader: Reader) -> None:
        self.story.repeat(reader)

    @rule(reader=CHOICES)
    def wait(self, reader: Reader) -> None:
        self.story.wait(reader)

    @rule(reader=CHOICES)
    def lose(self, reader: Reader) -> None:
        self.story.lose(reader)

    @rule(reader=CHOICES)
    def intrude(self, reader: Reader) -> None:
        self.story.intrude(reader)

    @rule(reader=CHOICES)
    def remove(self, reader: Reader) -> None:
        self.story.remove(reader)

    def teardown(self) -> None:
        self.story.room.end()


QUICK = settings(max_examples=25, stateful_step_count=25, deadline=None)
RegistrarMachine.TestCase.settings = QUICK
ServerMachine.TestCase.settings = QUICK
TestRegistrar = RegistrarMachine.TestCase
TestServer = ServerMachine.TestCase


@pytest.mark.parametrize("target", TARGETS)
def test_a_fuzz_target_holds_on_what_it_starts_from(target: str) -> None:
    for seed in seeds(target):
        TARGETS[target](seed)


@pytest.mark.parametrize("target", TARGETS)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_fuzz_target_holds_on_what_is_near(target: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(list(seeds(target))))
    at = data.draw(st.integers(0, len(seed)))
    noise = data.draw(st.binary(max_size=8))
    TARGETS[target](seed[:at] + noise + seed[at + data.draw(st.integers(0, 8)) :])


def test_the_stories_get_as_far_as_a_call() -> None:
    """Fuzzing that never gets in finds nothing."""
    first = Story(seeds("server")[0])
    first.play()
    statuses = first.room.statuses
    assert statuses[200] >= 2, "both phones are registered"
    assert statuses[407] >= 1, "a call was challenged"
    assert {"INVITE", "ACK", "BYE"} <= set(first.room.methods)


def test_what_must_hold_is_said_when_it_does_not() -> None:
    with pytest.raises(BrokenError, match="a thing: \\(1,\\)"):
        must(False, "a thing", 1)

import pytest
from benchmarks.generator import Loaded
from benchmarks.machine import Guard, Jiffies
from benchmarks.rounds import Round, Target, in_turns, medians, percentile


def loaded(answers: int = 100, *, wrong: int = 0, p99_ms: float = 1.0) -> Loaded:
    return Loaded(
        answers=answers,
        wrong=wrong,
        broken=0,
        handshakes=0,
        seconds=2.0,
        bytes=0,
        p50_ms=0.5,
        p90_ms=0.7,
        p99_ms=p99_ms,
        p999_ms=2.0,
        max_ms=3.0,
    )


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.rounds.BEHIND_S", 0)
    monkeypatch.setattr("benchmarks.rounds.DEFERRED_S", 0)


def test_percentiles_are_values_of_the_sample() -> None:
    values = [float(item) for item in range(100, 0, -1)]
    assert percentile(values, 0.5) == 51.0
    assert percentile(values, 0.99) == 100.0
    assert percentile([7.0], 0.99) == 7.0
    assert percentile([], 0.99) == 0.0


def test_medians_are_of_each_figure_by_itself() -> None:
    rounds = [
        Round(loaded=loaded(100, p99_ms=9.0), cpu_us=10.0),
        Round(loaded=loaded(300, p99_ms=1.0), cpu_us=30.0),
        Round(loaded=loaded(200, p99_ms=5.0), cpu_us=20.0),
    ]
    found = medians(rounds)
    assert (found.per_second, found.cpu_us, found.p99_ms) == (100.0, 20.0, 5.0)
    assert found.spread == 3.0


def test_one_wrong_answer_of_any_round_is_told() -> None:
    rounds = [Round(loaded=loaded(wrong=1), cpu_us=1.0), Round(loaded=loaded(), cpu_us=1.0)]
    assert medians(rounds).lost == 1


def test_targets_are_loaded_in_turns_and_the_first_round_does_not_count() -> None:
    order: list[str] = []
    used = dict.fromkeys("ab", 0.0)

    def target(name: str) -> Target:
        def load() -> Loaded:
            order.append(name)
            used[name] += 1.0 if len(order) <= 2 else 0.001
            return loaded()

        return Target(load=load, cpu_s=lambda: used[name])

    guard = Guard(look=lambda: Jiffies(0, 0, 0))
    found = in_turns({"a": target("a"), "b": target("b")}, 2, guard)
    assert order == ["a", "b"] * 3
    assert found["a"].cpu_us == pytest.approx(10.0)


def test_a_lost_answer_while_warming_up_is_lost_all_the_same() -> None:
    answers = iter([loaded(wrong=2), loaded()])
    each = {"a": Target(load=lambda: next(answers), cpu_s=lambda: 0.0)}
    assert in_turns(each, 1, Guard(look=lambda: Jiffies(0, 0, 0)))["a"].lost == 2


def test_what_is_put_off_beyond_its_round_is_a_part_of_the_cost() -> None:
    used = [0.0]

    def cpu_s() -> float:
        used[0] += 0.001  # a server that works while others are loaded
        return used[0]

    each = {"a": Target(load=loaded, cpu_s=cpu_s)}
    found = in_turns(each, 2, Guard(look=lambda: Jiffies(0, 0, 0)))["a"]
    assert found.round_us == pytest.approx(10.0)
    assert found.cpu_us > 2 * found.round_us

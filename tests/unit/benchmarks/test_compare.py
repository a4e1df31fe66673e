from typing import Any

from benchmarks.compare import pairs, told


def result(**ratios: float | None) -> dict[str, Any]:
    return {
        "rows": [{"name": name, "ratio": ratio, "is_right": True} for name, ratio in ratios.items()]
    }


def test_a_fifth_less_is_noise_and_more_is_worse() -> None:
    found = pairs(result(a=1.0, b=1.0), result(a=0.81, b=0.79))
    assert [pair.is_worse for pair in found] == [False, True]
    assert found[1].verdict == "worse by 21%"


def test_what_got_better_is_told() -> None:
    (pair,) = pairs(result(a=0.5), result(a=0.75))
    assert pair.verdict == "better by 50%"
    assert not pair.is_worse


def test_a_row_that_is_not_measured_any_more_is_worse() -> None:
    found = pairs(result(a=1.0, b=1.0), result(a=None))
    assert [pair.verdict for pair in found] == ["not measured any more"] * 2
    assert all(pair.is_worse for pair in found)


def test_a_new_row_is_not_worse() -> None:
    (pair,) = pairs(result(), result(a=0.1))
    assert pair.verdict == "new"
    assert not pair.is_worse


def test_a_wrong_answer_is_worse_however_fast() -> None:
    after = result(a=2.0)
    after["rows"][0]["is_right"] = False
    (pair,) = pairs(result(a=1.0), after)
    assert pair.is_worse


def test_says_which_got_worse() -> None:
    text = told(pairs(result(a=1.0, b=1.0), result(a=0.5, b=1.0)))
    assert text.splitlines()[-1] == "worse by more than 20 %: a"
    assert told([]).endswith("none")

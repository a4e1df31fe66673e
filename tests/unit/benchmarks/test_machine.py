from benchmarks.machine import (
    OTHERS_LIMIT,
    REPEATS,
    REPEATS_IN_ALL,
    STEAL_LIMIT,
    Guard,
    Jiffies,
    Watched,
    parse_jiffies,
    shown_flags,
)


class Clock:
    """Machine time that goes on by 100 ticks a look, stolen as told."""

    def __init__(self, *stolen: int) -> None:
        self._left = list(stolen)
        self._now = Jiffies(0, 0, 0)
        self._is_end = True

    def __call__(self) -> Jiffies:
        self._is_end = not self._is_end
        if self._is_end:
            stolen = self._left.pop(0)
            self._now = Jiffies(self._now.total + 100, self._now.busy, self._now.stolen + stolen)
        return self._now


def test_reads_the_line_of_all_processors() -> None:
    found = parse_jiffies("cpu  100 5 40 800 30 7 3 15 9 0\n")
    assert found == Jiffies(total=1000, busy=155, stolen=15)


def test_tells_shares_of_the_time_between() -> None:
    assert Jiffies(300, 110, 7).share_since(Jiffies(100, 10, 3)) == (0.5, 0.02)


def test_time_that_stood_still_has_no_share() -> None:
    assert Jiffies(5, 5, 5).share_since(Jiffies(5, 5, 5)) == (0.0, 0.0)


def test_steal_and_neighbours_disturb() -> None:
    assert Watched("x", STEAL_LIMIT + 0.01, 0).is_disturbed
    assert Watched("x", 0, OTHERS_LIMIT + 0.01).is_disturbed
    assert not Watched("x", STEAL_LIMIT, OTHERS_LIMIT).is_disturbed


def test_measures_a_calm_round_once() -> None:
    guard = Guard(look=Clock(2))
    assert guard.measure(lambda: "a", lambda: 0.0) == ["a"]
    assert guard.told()["rounds_repeated"] == 0


def test_measures_a_disturbed_round_again_and_uses_the_calm_one() -> None:
    guard, names = Guard(look=Clock(50, 0)), iter("ab")
    assert guard.measure(lambda: next(names), lambda: 0.0) == ["a", "b"]
    assert guard.told()["rounds_repeated"] == 1
    assert guard.told()["rounds_kept_disturbed"] == 0
    assert guard.told()["worst_stolen"] == 0


def test_gives_up_after_some_tries_with_the_least_disturbed_and_says_so() -> None:
    guard, names = Guard(look=Clock(50, 9, 30)), iter("abc")
    found = guard.measure(lambda: next(names), lambda: 0.0)
    assert len(found) == 1 + REPEATS
    assert found[-1] == "b"
    assert guard.told()["rounds_kept_disturbed"] == 1
    assert guard.told()["worst_stolen"] == 0.09


def test_repeats_are_bounded_over_the_whole_run() -> None:
    guard = Guard(look=Clock(*[50] * 100), repeated=REPEATS_IN_ALL - 1)
    assert len(guard.measure(lambda: 1, lambda: 0.0)) == 2
    assert len(guard.measure(lambda: 1, lambda: 0.0)) == 1


def test_shows_flags_that_change_the_speed_and_no_paths() -> None:
    flags = "'--prefix=/usr' '--enable-optimizations' '--with-lto' 'LDFLAGS=-L/x -Wl,-rpath,/x'"
    assert shown_flags(flags) == ["--enable-optimizations", "--with-lto"]

"""Phones that ask for their files all the time, from whichever node answers."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from http.client import HTTPException
from itertools import count, cycle
from types import TracebackType
from typing import Self

from tests.e2e.server import Server, wait_for

PAUSE_S = 0.03
"""Between two files: what is tested is that each is right, not how many there are."""


class Asking:
    """Asks in a thread for the length of a block, then fails if one answer was not its file.

    `files` gives the texts that each may have. A node that does not answer is no failure: phones
    ask the next one. `answers` counts the files of each node by its place among `nodes`.
    """

    def __init__(
        self, nodes: Sequence[Server], files: Mapping[str, Sequence[str]], agent: str
    ) -> None:
        self.answers: Counter[int] = Counter()
        self._nodes = nodes
        self._files = files
        self._agent = agent
        self._wrong: list[tuple[str, int, str]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._ask_all)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._is_over.set()
        self._thread.join(60)
        assert not self._thread.is_alive()
        assert not self._wrong, self._wrong[:3]

    def wait_more(self, files: int, *, of: int | None = None) -> None:
        """Wait until so many more came, of all nodes or of one."""
        had = self._had(of)
        wait_for(lambda: self._wrong or self._had(of) >= had + files, 60, lambda: str(self.answers))

    def _had(self, node: int | None) -> int:
        return self.answers.total() if node is None else self.answers[node]

    def _ask_all(self) -> None:
        for turn, file in zip(count(), cycle(self._files), strict=False):
            if self._is_over.is_set():
                return
            self._ask(file, turn)
            self._is_over.wait(PAUSE_S)

    def _ask(self, file: str, turn: int) -> None:
        while not self._is_over.is_set():
            place = turn % len(self._nodes)
            try:
                status, body = self._nodes[place].fetch(file, self._agent)
            except (OSError, HTTPException):
                turn += 1
                self._is_over.wait(0.01)
                continue
            self.answers[place] += 1
            if status != 200 or body not in self._files[file]:
                self._wrong.append((file, status, body))
            return

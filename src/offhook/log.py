"""The log file of the guide: its format, its rotation, and a thread that writes it."""

from __future__ import annotations

import copy
import logging
import logging.handlers
import queue
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

FORMAT = "%(asctime)s - PBX - %(levelname)s - %(message)s"
DATES = "%Y-%m-%d %H:%M:%S"

LINES_WAITING = 100_000
"""Lines that wait for the disk; more are dropped."""

Block = Sequence[tuple[int, str]]
"""Lines with their levels."""


class _OneLine(logging.Formatter):
    """Escapes control characters: what came over the wire can never start a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the library's name
        """Give the record's one line, or the lines of its block."""
        block: Block = getattr(record, "block", ())
        if not block:
            return escaped(super().formatMessage(record))
        begin = f"{record.asctime} - PBX - "
        return "\n".join(
            f"{begin}{logging.getLevelName(level)} - {escaped(line)}" for level, line in block
        )

    def format(self, record: logging.LogRecord) -> str:
        """Give the line; a traceback follows, indented."""
        text = super().format(record)
        if getattr(record, "block", ()):
            return text
        first, *more = text.split("\n")
        return "\n".join([first, *(f"    {escaped(line)}" for line in more)])


class _Rotating(logging.handlers.RotatingFileHandler):
    """Rotates when the file has grown past its size; the library formats each record twice."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """True when the file is full."""
        if self.stream is None:
            self.stream = self._open()
        return self.stream.tell() >= self.maxBytes


def escaped(text: str) -> str:
    """Make control characters and line separators visible as `\\x0a`; keep all else."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == " " else char.encode("unicode_escape").decode()
        for char in text
    )


def start_log(
    file: Path, level: str, *, max_mb: int, keep: int, is_on_terminal: bool
) -> Callable[[], None]:
    """Begin to log to the file, and to the terminal when asked; gives the function that ends it.

    A thread writes, so that no disk ever holds up a phone. Raises OSError for an unusable file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    rotating = _Rotating(file, maxBytes=max_mb * 1_000_000, backupCount=keep, encoding="utf-8")
    handlers: list[logging.Handler] = [rotating]
    if is_on_terminal:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(_OneLine(FORMAT, DATES))
    lines: queue.Queue[logging.LogRecord] = queue.Queue(LINES_WAITING)
    listener = _PatientListener(lines, *handlers)
    root = logging.getLogger("offhook")
    root.setLevel(level)
    root.propagate = False
    into = _DroppingQueueHandler(lines)
    root.addHandler(into)
    listener.start()

    def stop() -> None:
        root.removeHandler(into)
        listener.stop()
        for handler in handlers:
            handler.close()

    return stop


class _DroppingQueueHandler(logging.handlers.QueueHandler):
    """Drops lines when the disk cannot follow: a phone's answer matters more than its line."""

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Make a record that can wait: message and traceback as texts."""
        prepared = copy.copy(record)
        prepared.msg, prepared.args = record.getMessage(), None
        if record.exc_info:
            prepared.exc_text = logging.Formatter().formatException(record.exc_info)
            prepared.exc_info = None
        return prepared

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the library's name
        """Drop without a word; the record would find no place either."""


class _PatientListener(logging.handlers.QueueListener):
    """Ends also while the queue is full."""

    def enqueue_sentinel(self) -> None:
        """Wait for room."""
        while True:
            try:
                super().enqueue_sentinel()
            except queue.Full:
                time.sleep(0.01)
            else:
                return

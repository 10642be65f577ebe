"""What the reader sees: headings, lines, tables, and a sign of life while waiting.

Colour and movement appear only on a terminal; NO_COLOR (https://no-color.org) takes the colour away.
Knows nothing of AWS.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
import textwrap

MARGIN = "   "
_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Terminal:
    """A place to write to."""

    def __init__(self, stream=None):
        self._stream = stream or sys.stdout
        self._is_terminal = self._stream.isatty() and os.environ.get("TERM") != "dumb"
        self._has_colour = self._is_terminal and not os.environ.get("NO_COLOR")
        self._width = min(shutil.get_terminal_size((100, 24)).columns, 120)
        self._signs = itertools.cycle("|/-\\")
        self._is_waiting = False

    def paint(self, colour: str, text: str) -> str:
        return f"\033[{_CODES[colour]}m{text}\033[0m" if self._has_colour and text else text

    def line(self, text: str = "", colour: str | None = None) -> None:
        """One line, as it is."""
        self._stop_waiting()
        print(self.paint(colour, text) if colour else text, file=self._stream, flush=True)

    def heading(self, text: str) -> None:
        self.line()
        self.line(text, "bold")
        self.line()

    def paragraph(self, text: str, colour: str | None = None) -> None:
        """Sentences, broken at the width of the terminal."""
        for line in textwrap.wrap(text, self._width - len(MARGIN), break_long_words=False, break_on_hyphens=False):
            self.line(f"{MARGIN}{self.paint(colour, line) if colour else line}")

    def command(self, text: str) -> None:
        self.line(f"{MARGIN}{self.paint('cyan', '$ ' + text)}")
        self.line()

    def good(self, text: str) -> None:
        self.line(f"{MARGIN}{self.paint('green', 'ok')} {text}")

    def table(self, head: list[str] | None, rows: list[list[object]]) -> None:
        """Columns as wide as their widest cell; numbers are aligned to the right."""
        cells = [[str(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*([head] if head else []), *cells, strict=True)]
        to_the_right = [all(isinstance(cell, int) for cell in column) for column in zip(*rows, strict=True)]

        def aligned(row: list[str]) -> str:
            parts = zip(row, widths, to_the_right, strict=True)
            return "  ".join(c.rjust(w) if right else c.ljust(w) for c, w, right in parts).rstrip()

        if head:
            self.line(MARGIN + self.paint("dim", aligned(head)))
        for row in cells:
            self.line(MARGIN + aligned(row))

    def waiting(self, text: str) -> None:
        """What is being waited for, on the last line, until the next line is written; only on a terminal."""
        if self._is_terminal:
            self._is_waiting = True
            shown = f"{MARGIN}{next(self._signs)} {text}"[: self._width - 1]
            print(f"\r\033[K{self.paint('dim', shown)}", end="", file=self._stream, flush=True)

    def _stop_waiting(self) -> None:
        if self._is_waiting:
            self._is_waiting = False
            print("\r\033[K", end="", file=self._stream)

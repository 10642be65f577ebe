"""What is written to a file is plain text; on a terminal it has colour and moves."""

import io

import pytest

from .terminal import Terminal


class Screen(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def everything(stream):
    terminal = Terminal(stream)
    terminal.heading("1. Heading")
    terminal.waiting("for something")
    terminal.good("done")
    terminal.line("red", "red")
    return stream.getvalue()


def test_off_a_terminal_there_is_no_colour_and_no_sign_of_waiting():
    assert everything(io.StringIO()) == "\n1. Heading\n\n   ok done\nred\n"


def test_on_a_terminal_there_is_colour_and_the_waiting_line_goes_away():
    written = everything(Screen())
    assert "\033[32mok\033[0m" in written
    assert "for something\033[0m\r\033[K" in written


def test_no_color_takes_the_colour_and_leaves_the_sign_of_waiting(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    written = everything(Screen())
    assert "\033[3" not in written
    assert "for something" in written


def test_tables_are_aligned_words_to_the_left_and_numbers_to_the_right():
    stream = io.StringIO()
    Terminal(stream).table(["kind", "left"], [["roles", 2], ["connections", 10]])
    assert stream.getvalue().splitlines() == ["   kind         left", "   roles           2", "   connections    10"]


def test_a_table_may_have_no_head():
    stream = io.StringIO()
    Terminal(stream).table(None, [["a", "one"], ["bbb", "two"]])
    assert stream.getvalue().splitlines() == ["   a    one", "   bbb  two"]

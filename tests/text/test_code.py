"""Lines in a font of fixed width: code, commands within prose, and pages from a typewriter."""

from __future__ import annotations

from tests.text.test_structure import PROSE, kinds, lines, read


def test_code_keeps_its_lines_and_indents() -> None:
    code = ["def add(a, b):", "    if a:", "        return a + b", "    return b"]

    layer = read([*lines(PROSE, 700), *lines(code, 630, font=3), *lines(PROSE, 560)])

    assert kinds(layer) == ["text", "code", "text"]
    assert layer.blocks[1][4] == "\n".join(["```", *code, "```"])


def test_a_page_of_code_is_code_and_a_typewritten_one_is_prose() -> None:
    code = ["#include <stdio.h>", "int main(void) {", "    int a[2] = {1, 2};", "    return a[0] == 1;", "}"]

    assert kinds(read(lines(code, 700, font=3))) == ["code"]
    assert kinds(read(lines(PROSE, 700, font=3))) == ["text"]


def test_a_line_that_is_mostly_commands_stays_in_its_paragraph() -> None:
    above, below = lines(PROSE[:2], 700), lines(PROSE[2:], 664)
    names = [(72.0, 676.0, 10.0, 3, "newcommand, renewcommand,"), (232.0, 676.0, 10.0, 0, "and")]

    layer = read([*above, *names, *below, *lines(["f(a);", "g(b);"], 560, font=3)])

    assert kinds(layer) == ["text", "code"]
    assert "newcommand, renewcommand, and" in layer.text


def test_a_command_on_a_line_of_its_own_stands_apart() -> None:
    layer = read([*lines([*PROSE, "as follows:"], 700), *lines(["newcommand"], 640, x=90, font=3), *lines(PROSE, 620)])

    assert kinds(layer) == ["text", "text", "text"]


def test_a_page_typed_in_one_width_is_no_code() -> None:
    layer = read([*lines(PROSE, 700, font=3), *lines(["x = {1}; y = [2];", "z = (3); a = <4>;"], 600, font=3)])

    assert "code" not in kinds(layer)

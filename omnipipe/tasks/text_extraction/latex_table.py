"""Tables that models write in LaTeX, as HTML."""

from __future__ import annotations

import re

from omnipipe.tasks.text_extraction.tables import Cell, table_html

_TABULAR = re.compile(r"\\begin\{tabular[x*]?\}((?:(?!\\begin\{tabular).)*?)\\end\{tabular[x*]?\}", re.DOTALL)
"""A table that has no other inside it; the group is all between its marks."""

_FLOAT = re.compile(
    r"\\(?:begin|end)\{table\*?\}(?:\[[^\]\n]{0,10}\])?[ \t]*\n?|\\(?:centering|label\{[^{}]*\})[ \t]*\n?"
)
_CAPTION = re.compile(r"\\caption\{((?:[^{}]|\{[^{}]*\})*)\}")
_STACKED = re.compile(r"\\(?:makecell|shortstack)(?:\[[a-z]\])?\{([^{}]*)\}")

_COLUMNS = re.compile(r"\A\s*(?:\[[a-z]\])?\s*(?:\{[^{}]*\}\s*(?=\{))?\{(?:[^{}]|\{[^{}]*\})*\}")
_RULES = re.compile(r"\\(?:hline|toprule|midrule|bottomrule|centering)\b|\\(?:cline|cmidrule)(?:\([a-z]+\))?\{[\d-]*\}")
_ROW_END = re.compile(r"\\\\(?:\[[^\]\n]{0,10}\])?|\\tabularnewline\b")
_CELL_END = re.compile(r"(?<!\\)&")
_WIDE = re.compile(r"\A\\multicolumn\{(\d{1,2})\}\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}\{(.*)\}\Z", re.DOTALL)
_TALL = re.compile(r"\A\\multirow\{(\d{1,2})\}\{[^{}]*\}\{(.*)\}\Z", re.DOTALL)
_STYLE = re.compile(r"\\(?:textbf|textit|emph|text|underline)\{([^{}]*)\}")
_ESCAPED = re.compile(r"\\([&%$#_{}])")


def with_html_tables(text: str) -> str:
    """`text` with its LaTeX tables as HTML; spans stay, fonts go, formulas stay LaTeX."""
    if "\\begin{tab" not in text:
        return text
    return _CAPTION.sub(r"\1", _FLOAT.sub("", _TABULAR.sub(lambda found: _html(found[1]), text)))


def _html(inside: str) -> str:
    body = _RULES.sub("", _COLUMNS.sub("", inside, count=1))
    body = _STACKED.sub(lambda found: " ".join(_ROW_END.sub(" ", found[1]).split()), body)
    lines = [line for line in _ROW_END.split(body) if line.strip()]
    taken: set[tuple[int, int]] = set()
    rows = []
    for y, line in enumerate(lines):
        cells: list[Cell] = []
        x = 0
        for raw in _CELL_END.split(line):
            cell = _cell(raw)
            if cell.text or (y, x) not in taken:
                cells.append(cell)
            taken.update((below, x + n) for below in range(y + 1, y + cell.row_span) for n in range(cell.col_span))
            x += cell.col_span
        rows.append(cells)
    return table_html(rows)


def _cell(raw: str) -> Cell:
    text, columns, rows = raw.strip(), 1, 1
    if wide := _WIDE.match(text):
        columns, text = max(1, int(wide[1])), wide[2].strip()
    if tall := _TALL.match(text):
        rows, text = max(1, int(tall[1])), tall[2].strip()
    return Cell(_ESCAPED.sub(r"\1", _STYLE.sub(r"\1", text)).strip(), rows, columns)

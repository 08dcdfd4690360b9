"""The house's arrows and sizes, read from the source with `ast`: no module is imported here."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "omnipipe"

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors", "config", "shelf"}),
    frozenset({"page", "unit", "schema"}),
    frozenset({"reading", "text"}),
    frozenset({"generation", "model"}),
    frozenset({"engines"}),
    frozenset({"tasks"}),
    frozenset({"stages", "document"}),
    frozenset({"pipeline", "pipeline_file", "user_module", "sources"}),
    frozenset({"worker", "chain", "gate", "progress"}),
    frozenset({"ledger"}),
    frozenset({"online"}),
    frozenset({"runners"}),
    frozenset({"batch"}),
    frozenset({"cli", "evaluation", "export", "client", "__main__"}),
)
"""Rooms from the lowest up; a module may import from its own layer and from those before it."""

TEXT_LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"options", "extreme", "style", "part"}),
    frozenset({"pdfium"}),
    frozenset({"words"}),
    frozenset({"lines"}),
    frozenset({"visibility"}),
    frozenset({"trust"}),
    frozenset({"columns"}),
    frozenset({"running"}),
    frozenset({"blocks"}),
    frozenset({"tables"}),
    frozenset({"compose", "plain", "opened"}),
    frozenset({"structure", "outer", "slant"}),
    frozenset({"layer"}),
    frozenset({"triage"}),
)
"""The same within `omnipipe/text`."""

HEAVY = frozenset(
    {
        "torch",
        "transformers",
        "vllm",
        "mlx",
        "mlx_vlm",
        "openai",
        "litellm",
        "rapidocr",
        "onnxruntime",
        "tesserocr",
        "llama_cpp",
        "peft",
        "ultralytics",
    }
)
"""Libraries that are loaded in the one function that needs them, and nowhere when a module is imported."""

SLOW_TO_LOAD = frozenset({"numpy", "pyarrow", "cv2", "PIL", "pypdfium2", "ray", "duckdb", "psutil", "pandas"})
"""Libraries that no module on the way to `omnipipe --help` loads."""

PROMISED_INITS = frozenset(
    {"tasks/ocr_extraction", "tasks/text_extraction", "tasks/text_extraction/qwen", "tasks/layout_extraction"}
)
"""Sub-packages that are a public import path; all other `__init__.py` below the top are empty."""


MOST_FILES = 50
"""In one folder of the package, its `__init__.py` counted."""


class Import(NamedTuple):
    module: str
    line: int
    at_load: bool
    """Whether loading the file runs it: not inside a function, nor under TYPE_CHECKING."""


def sources() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(path: Path) -> list[Import]:
    return list(_imports(ast.parse(path.read_text(encoding="utf-8")).body, at_load=True))


def _imports(body: list[ast.stmt], *, at_load: bool) -> Iterator[Import]:
    for node in body:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield Import("." * node.level + (node.module or ""), node.lineno, at_load)
            yield from (Import(f"{node.module}.{alias.name}", node.lineno, at_load) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            yield from _imports(node.body, at_load=False)
            yield from _imports(node.orelse, at_load=at_load)
        else:
            inside = at_load and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            for field in ("body", "orelse", "finalbody"):
                yield from _imports(getattr(node, field, []), at_load=inside)
            for clause in [*getattr(node, "handlers", []), *getattr(node, "cases", [])]:
                yield from _imports(clause.body, at_load=inside)


def top(module: str) -> str:
    return module.split(".")[0]


def level(of: str, layers: Sequence[frozenset[str]] = LAYERS) -> int:
    found = [index for index, rooms in enumerate(layers) if of in rooms]
    assert found, f"{of} stands in no layer: give it a place in this file and in docs/architecture.md"
    return found[0]


def own_room(module: str) -> str | None:
    """The room of an import of ours; None for other libraries and for the package itself."""
    parts = module.split(".")
    if parts[0] != "omnipipe" or len(parts) == 1:
        return None
    is_room = (PACKAGE / parts[1]).is_dir() or (PACKAGE / f"{parts[1]}.py").exists()
    return parts[1] if is_room else None


def test_imports_point_down_only() -> None:
    wrong = [
        f"{name(path)}:{entry.line} imports {entry.module}"
        for path in sources()
        if path.parent != PACKAGE or path.name != "__init__.py"
        for entry in imports(path)
        if (target := own_room(entry.module)) and level(target) > level(room(path))
    ]

    assert wrong == []


def test_imports_within_the_text_layer_point_down_only() -> None:
    text = PACKAGE / "text"
    wrong = [
        f"{name(path)}:{entry.line} imports {entry.module}"
        for path in sorted(text.rglob("*.py"))
        if path != text / "__init__.py"
        for entry in imports(path)
        if entry.module.startswith("omnipipe.text.")
        and level(entry.module.split(".")[2], TEXT_LAYERS)
        > level(path.relative_to(text).parts[0].removesuffix(".py"), TEXT_LAYERS)
    ]

    assert wrong == []


def test_no_room_holds_more_than_a_person_oversees() -> None:
    held = {name(folder): len(list(folder.glob("*.py"))) for folder in {path.parent for path in sources()}}

    assert {folder: num_files for folder, num_files in held.items() if num_files > MOST_FILES} == {}


def test_only_the_runners_import_ray() -> None:
    wrong = [
        f"{name(path)}:{entry.line}"
        for path in sources()
        if room(path) != "runners"
        for entry in imports(path)
        if top(entry.module) == "ray"
    ]

    assert wrong == []


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    wrong = [
        f"{name(path)}:{entry.line} imports {entry.module} when it is loaded"
        for path in sources()
        for entry in imports(path)
        if entry.at_load and top(entry.module) in HEAVY
    ]

    assert wrong == []


def loaded_with(module: Path, seen: set[Path]) -> set[Path]:
    """`module` and every file of ours that is loaded along with it."""
    if module in seen:
        return seen
    seen.add(module)
    for entry in imports(module):
        if not entry.at_load or top(entry.module) != "omnipipe":
            continue
        path = ROOT.joinpath(*entry.module.split("."))
        for file in (path.with_suffix(".py"), path / "__init__.py"):
            if file.exists():
                loaded_with(file, seen)
    return seen


def test_the_command_line_starts_without_slow_libraries() -> None:
    files = loaded_with(PACKAGE / "__init__.py", set()) | loaded_with(PACKAGE / "cli" / "main.py", set())

    wrong = [
        f"{name(path)}:{entry.line} imports {entry.module} when it is loaded"
        for path in sorted(files)
        for entry in imports(path)
        if entry.at_load and top(entry.module) in SLOW_TO_LOAD
    ]

    assert wrong == []


def test_imports_are_absolute() -> None:
    wrong = [
        f"{name(path)}:{entry.line}" for path in sources() for entry in imports(path) if entry.module.startswith(".")
    ]

    assert wrong == []


def test_sub_packages_are_empty_but_for_promised_import_paths() -> None:
    filled = {
        str(path.parent.relative_to(PACKAGE))
        for path in sources()
        if path.name == "__init__.py" and path.parent != PACKAGE and path.read_text(encoding="utf-8").strip()
    }

    assert filled <= PROMISED_INITS


def every_python_file() -> list[Path]:
    folders = (PACKAGE, ROOT / "tests", ROOT / "benchmarks", ROOT / "pipelines", ROOT / "docs")
    return [path for folder in folders for path in sorted(folder.rglob("*.py")) if "training" not in path.parts]


@pytest.mark.parametrize("path", every_python_file(), ids=name)
def test_files_and_functions_fit_a_reader(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    functions = [
        node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]

    assert source.count("\n") <= 400
    assert [f.name for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > 60] == []


@pytest.mark.parametrize("path", every_python_file(), ids=name)
def test_no_dumping_ground_no_mock_no_loose_end(path: Path) -> None:
    source = path.read_text(encoding="utf-8")

    assert path.stem not in {"utils", "util", "helpers", "misc", "common"}
    assert not {top(entry.module) for entry in imports(path)} & {"mock", "pytest_mock"}
    assert not any(entry.module.startswith("unittest.mock") for entry in imports(path))
    assert [text for text in comments(source) if re.search(r"\b(TODO|FIXME|XXX)\b(?!.*issue \d+)", text)] == []


def test_little_is_written_twice() -> None:
    """Less than 1 % of the lines that are not blank stand in blocks of eight that occur again."""
    lines = {
        path: [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()] for path in sources()
    }
    blocks: dict[tuple[str, ...], list[tuple[Path, int]]] = {}
    for path, stripped in lines.items():
        for start in range(len(stripped) - 7):
            blocks.setdefault(tuple(stripped[start : start + 8]), []).append((path, start))

    twice = {(path, start + k) for at in blocks.values() if len(at) > 1 for path, start in at for k in range(8)}

    assert len(twice) < 0.01 * sum(map(len, lines.values())), sorted({name(path) for path, _ in twice})


def test_no_set_of_texts_is_gone_through_in_its_own_order() -> None:
    """It is another one in each process: a page came out in two ways, and rows must not depend on who made them."""
    found = []
    for path in sources():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        sets = {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign) and _is_set(node.value)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        loops = [node.iter for node in ast.walk(tree) if isinstance(node, ast.For | ast.comprehension)]
        found += [
            f"{name(path)}:{loop.lineno}"
            for loop in loops
            if _is_set(loop) or (isinstance(loop, ast.Name) and loop.id in sets)
        ]
    assert not found


def _is_set(node: ast.expr) -> bool:
    """Whether `node` makes a set that is no set of numbers, as far as can be seen."""
    if isinstance(node, ast.Set):
        return not any(isinstance(one, ast.Constant) and isinstance(one.value, int) for one in node.elts)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "frozenset"


def comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


@pytest.mark.parametrize(("section", "layers"), [("Rooms and arrows", LAYERS), ("The text layer", TEXT_LAYERS)])
def test_the_documented_layers_are_the_tested_ones(section: str, layers: Sequence[frozenset[str]]) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    told = page.partition(f"## {section}\n")[2].partition("\n## ")[0]
    listed = re.findall(r"^\d+\. (`[^\n]*)$", told, flags=re.MULTILINE)

    assert [set(re.findall(r"`(\w+)`", line.split(":")[0])) for line in listed] == [set(rooms) for rooms in layers]

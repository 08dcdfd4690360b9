"""Pipelines as files: what loads, what is refused, and where the refusal says the mistake is."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import omnipipe
from omnipipe import ConfigError, Pipeline, load_pipeline
from omnipipe.pipeline import find_conflict
from omnipipe.pipeline_file import shipped_pipelines
from omnipipe.stages.layout import Layout
from omnipipe.stages.ocr import Ocr
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.user_module import modules_by_value

ROOT = Path(__file__).resolve().parent.parent

OWN_STAGE = """
from collections.abc import Sequence
from omnipipe import Page, Pipeline, Stage
from omnipipe.stages.read import Read

class Shout(Stage):
    mark: str = "!"
    def process(self, pages: Sequence[Page]) -> Sequence[Page]:
        return pages

pipeline = Pipeline("own", (Read(), Shout(mark="?")))
"""


def write(folder: Path, text: str, name: str = "p.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ConfigError) as raised:
        load_pipeline(path)
    return str(raised.value)


def test_a_file_becomes_its_stages_with_their_settings(tmp_path: Path) -> None:
    path = write(
        tmp_path, "name: mine\nstages:\n  - read: {text_layer: false}\n  - render\n  - ocr:\n      engine: fast\n"
    )

    pipeline = load_pipeline(path)

    assert pipeline == Pipeline("mine", (Read(text_layer=False), Render(), Ocr(engine="fast")))


def test_a_file_without_a_name_is_called_like_itself(tmp_path: Path) -> None:
    assert load_pipeline(write(tmp_path, "stages: [read]\n", "letters.yml")).name == "letters"


@pytest.mark.parametrize("name", ["custom_stage", "default", "ocr", "text_layer"])
def test_shipped_pipelines_load_by_name(name: str) -> None:
    assert load_pipeline(name).name == name
    assert name in shipped_pipelines()


def test_the_documented_pipelines_load(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "pipelines.md").read_text(encoding="utf-8")
    write(tmp_path, (ROOT / "pipelines" / "custom_stage.py").read_text(encoding="utf-8"), "custom_stage.py")
    blocks = re.findall(r"```yaml\n(.*?)```", page, flags=re.DOTALL)

    loaded = [load_pipeline(write(tmp_path, block, f"block{i}.yaml")) for i, block in enumerate(blocks)]

    assert [len(pipeline.stages) for pipeline in loaded] == [3, 5, 2]
    assert [name for name in shipped_pipelines() if f"| `{name}` |" not in page] == []


def test_the_default_pipeline_takes_text_layers_first_and_ocr_for_the_rest() -> None:
    assert load_pipeline("default").stages == (Read(), Render(), Ocr(), Layout())


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("stages:\n  - read: {text_layr: true}\n", "2:12", ["text_layr", "Did you mean 'text_layer'?"]),
        ("stages:\n  - read: {text_layer: perhaps}\n", "2:24", ["text_layer", "'perhaps'", "boolean"]),
        ("stages:\n  - read\n  - render: {dpi: -1}\n", "3:19", ["dpi", "-1", "greater than 0"]),
        ("stages:\n  - read\n  - rendr\n", "3:5", ["rendr", "Did you mean 'render'?", "ocr"]),
        ("stages:\n  - read\n  - ocr\n", "3:5", ["Ocr", "Put render before it"]),
        ("stages:\n  - render\n  - ocr\n", "2:5", ["begins with read"]),
        ("stages:\n  - read\n  - read\n", "3:5", ["has it once"]),
        ("stages: []\n", "1:9", ["empty list"]),
        ("stages: read\n", "1:9", ["no list"]),
        ("name: x\n", "1:1", ["'stages' is missing"]),
        ("stages: [read]\nsteps: [ocr]\n", "2:1", ["steps", "Did you mean 'stages'?"]),
        ("stages: [read]\nname: 7\n", "2:7", ["7 is no name"]),
        ("stages:\n  - {read: {}, render: {}}\n", "2:5", ["one name"]),
        ("stages:\n  - read: 5\n", "2:11", ["5", "not a mapping"]),
        ("stages:\n  - 3\n", "2:5", ["3 is no stage name"]),
        ("stages: [read]\nstages: [read]\n", "2:1", ["twice"]),
        ("stages:\n  - read: {headings: true, headings: false}\n", "2:28", ["'headings'", "twice"]),
        (
            "stages: [read, render, ocr: {engine: rapidocr, languages: [ara]}]\n",
            "1:29",
            ["no letters of ara"],
        ),
        ("stages:\n  - read: {\n", "3:1", ["not YAML"]),
        ("stages:\n  - re\0ad\n", "2:7", ["not YAML", "U+0000"]),
        ("stages:\n  - read\n  - render\n  - ocr: {languages: eng}\n", "4:22", ["'eng'", "a valid list"]),
        ("stages:\n\t- read\n", "2:1", ["not YAML"]),
        ("stages:\n  - read: {lists: !!python/name:os.system x}\n", "2:19", ["could not", "python/name"]),
        ("stages:\n  - read\n  - nowhere.py:Stage\n", "3:5", ["nowhere.py does not exist"]),
        ("stages:\n  - read\n  - no_such_module:Stage\n", "3:5", ["no_such_module"]),
        ("stages:\n  - read\n  - omnipipe.page:Page\n", "3:5", ["is no stage"]),
    ],
)
def test_a_mistake_is_refused_with_its_place(tmp_path: Path, text: str, place: str, words: list[str]) -> None:
    path = write(tmp_path, text)

    message = refusal(path)

    assert message.startswith(f"{path}:{place}: ")
    assert [word for word in words if word not in message] == []
    assert "\n" not in message


@pytest.mark.parametrize("text", ["", "- read\n", "just words\n"])
def test_a_file_that_is_no_mapping_is_refused_with_what_to_write(tmp_path: Path, text: str) -> None:
    assert "list of stages" in refusal(write(tmp_path, text))


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_bytes(b"name: \xe4\n")

    assert "UTF-8" in refusal(path)


def test_an_alias_that_contains_itself_does_not_hang(tmp_path: Path) -> None:
    assert "p.yaml:" in refusal(write(tmp_path, "stages:\n  - read: &a {lists: *a}\n"))


def test_a_file_that_is_nested_too_deep_is_refused(tmp_path: Path) -> None:
    depth = 3_000

    assert "too deep" in refusal(write(tmp_path, f"stages: {'[' * depth}{']' * depth}\n"))


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(ConfigError, match=r"unknown pipeline 'defualt'. Did you mean 'default'\? .*text_layer"):
        load_pipeline("defualt")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "does not exist" in refusal(tmp_path / "none.yaml")


def test_a_python_file_gives_its_pipeline(tmp_path: Path) -> None:
    pipeline = load_pipeline(write(tmp_path, OWN_STAGE, "own.py"))

    assert [type(stage).__name__ for stage in pipeline.stages] == ["Read", "Shout"]
    assert pipeline.stages[1].model_dump() == {"mark": "?"}


def test_the_code_of_an_own_stage_is_part_of_the_config_hash(tmp_path: Path) -> None:
    before = load_pipeline(write(tmp_path, OWN_STAGE, "own.py")).config_hash
    after = load_pipeline(
        write(tmp_path, OWN_STAGE.replace("return pages", "return list(pages)"), "own2.py")
    ).config_hash

    assert before != after


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("pipeline = 5\n", "of type int"),
        ("x = 1\n", "no variable 'pipeline'"),
        ("x = 1\ny = x / 0\n", "own.py:2: ZeroDivisionError: division by zero"),
        ("def f(:\n", "own.py:1:7: SyntaxError"),
        ("import no_such_module_here\n", "own.py:1: ModuleNotFoundError"),
        ("from omnipipe import Pipeline\npipeline = Pipeline('x', ())\n", "without stages"),
    ],
)
def test_a_mistake_in_a_python_file_is_refused_with_its_place(tmp_path: Path, code: str, words: str) -> None:
    assert words in refusal(write(tmp_path, code, "own.py"))


def test_a_mistake_in_a_python_file_has_its_place_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, a relative name had no line."""
    write(tmp_path, "x = 1\n1 / 0", "zero.py")
    write(tmp_path, "x = 1\ndef (", "syntax.py")
    monkeypatch.chdir(tmp_path)

    assert refusal(Path("zero.py")) == "zero.py:2: ZeroDivisionError: division by zero"
    assert refusal(Path("syntax.py")).startswith("syntax.py:2:5: SyntaxError: ")


def test_a_python_file_that_ends_the_program_is_refused(tmp_path: Path) -> None:
    """Before, `sys.exit()` in it ended the run before its start, with exit code 0."""
    path = write(tmp_path, "import sys\nsys.exit(0)", "exits.py")

    assert refusal(path) == f"{path}:2: sys.exit(0) ends the program. Put it below: if __name__ == '__main__':"


def test_yaml_can_name_a_stage_in_a_file_beside_it(tmp_path: Path) -> None:
    write(tmp_path, OWN_STAGE, "own.py")
    path = write(tmp_path, "stages:\n  - read\n  - own.py:Shout: {mark: '?'}\n")

    assert load_pipeline(path).stages[1].model_dump() == {"mark": "?"}


def test_yaml_can_name_a_stage_in_a_module_beside_it(tmp_path: Path) -> None:
    write(tmp_path, OWN_STAGE, "own_stage_module.py")
    path = write(tmp_path, "stages:\n  - read\n  - own_stage_module:Shout\n")

    assert load_pipeline(path).stages[1].model_dump() == {"mark": "!"}
    assert "own_stage_module" in [module.__name__ for module in modules_by_value()]


def test_an_installed_package_can_bring_a_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, OWN_STAGE, "stage_plugin.py")
    installed = tmp_path / "stage_plugin-1.0.dist-info"
    installed.mkdir()
    write(installed, "Metadata-Version: 2.1\nName: stage-plugin\nVersion: 1.0\n", "METADATA")
    write(installed, "[omnipipe.stages]\nshout = stage_plugin:Shout\n", "entry_points.txt")
    monkeypatch.syspath_prepend(tmp_path)
    path = write(tmp_path, "stages: [read, shout: {mark: x}]\n")

    assert load_pipeline(path).stages[1].model_dump() == {"mark": "x"}
    assert "shout" in refusal(write(tmp_path, "stages: [read, shoutt]\n"))


def test_a_file_among_installed_packages_travels_as_well(tmp_path: Path) -> None:
    """The shipped pipeline with a stage of its own lies there when omnipipe is installed from a wheel."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    stage = type(load_pipeline(write(folder, OWN_STAGE, "installed.py")).stages[1])

    assert stage.__module__ in [module.__name__ for module in modules_by_value()]


def test_own_stages_travel_to_a_process_that_does_not_have_their_file(tmp_path: Path) -> None:
    """What a Ray worker does: unpickle a stage whose file is not on its import path."""
    write(tmp_path, "MARK = '#'\n", "own_neighbour.py")
    source = OWN_STAGE.replace("class Shout", "import own_neighbour\n\nclass Shout").replace(
        '"!"', "own_neighbour.MARK"
    )
    path = write(tmp_path, source.replace('Shout(mark="?")', "Shout()"), "travels.py")
    send = (
        "import sys\nfrom ray import cloudpickle\nfrom omnipipe import load_pipeline\n"
        "from omnipipe.user_module import modules_by_value\n"
        f"pipeline = load_pipeline({str(path)!r})\n"
        "for module in modules_by_value():\n    cloudpickle.register_pickle_by_value(module)\n"
        "sys.stdout.buffer.write(cloudpickle.dumps(pipeline))\n"
    )
    receive = "import pickle, sys\nprint(pickle.loads(sys.stdin.buffer.read()).stages[1].mark)\n"

    sent = subprocess.run([sys.executable, "-c", send], capture_output=True, check=True, timeout=120)
    got = subprocess.run(
        [sys.executable, "-c", receive], input=sent.stdout, capture_output=True, check=True, timeout=120, cwd="/"
    )

    assert got.stdout.strip() == b"#"


def test_conflicts_are_found_in_pipelines_built_in_python() -> None:
    conflict = find_conflict((Read(), Ocr()))

    assert conflict is not None
    assert conflict.position == 1
    assert find_conflict((Read(), Render(), Ocr())) is None


def test_load_pipeline_is_a_public_name() -> None:
    assert omnipipe.load_pipeline is load_pipeline

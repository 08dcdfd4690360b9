"""The command line as a user meets it: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docs.make_cli import TARGET, reference
from omnipipe.cli.choice import choose_pipeline, parse_concurrency, read_passwords
from omnipipe.cli.main import run_command
from omnipipe.cli.option import LayoutChoice, OcrChoice
from omnipipe.errors import ConfigError, InputError
from omnipipe.stages.layout import Layout
from omnipipe.stages.ocr import Ocr
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from tests.pdfs import pdf_of_texts

COMMANDS = ("run", "extract", "verify", "compact", "export", "backends", "models", "doctor", "config")


def omnipipe(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "omnipipe.cli.main", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.pdf"
    path.write_bytes(pdf_of_texts([f"This is page {number} of a letter that we wrote to you." for number in (1, 2, 3)]))
    return path


def test_help_names_every_command() -> None:
    done = omnipipe("--help")

    assert done.returncode == 0
    assert [command for command in COMMANDS if f"\n  {command} " not in done.stdout] == []
    assert done.stderr == ""


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith("Usage: omnipipe " + command)


def test_the_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command(["--version"]) == 0
    assert re.fullmatch(r"omnipipe \d+\.\d+\.\d+\n", capsys.readouterr().out)


def test_the_documented_command_line_is_the_real_one() -> None:
    """To bring docs/cli.md up to date: python docs/make_cli.py."""
    assert TARGET.read_text(encoding="utf-8") == reference()


MISTAKES = [
    (["rnu"], "Did you mean 'run'?"),
    (["verify", "{pdf}"], "letter.pdf is no folder"),
    (["export", "{out}", "--to", "text", "-o", ""], "-o is an empty text"),
    (["compact", "{out}", "-o", ""], "-o is an empty text"),
    (["run", "x", "--ocrr", "off"], "--ocr"),
    (["run", "{pdf}"], "--output"),
    (["run", "{pdf}", "-o", "{out}", "--ocr", "abbyy"], "rapidocr"),
    (["run", "{pdf}", "-o", "{out}", "-p", "defualt"], "Did you mean 'default'?"),
    (["run", "{pdf}", "-o", "{out}", "--pages", "3-1"], "3-1"),
    (["run", "{pdf}", "-o", "{out}", "--pages", "0"], "pages count from 1"),
    (["run", "{pdf}", "-o", "{out}", "--concurrency", "8:1"], "8:1"),
    (["run", "{pdf}", "-o", "{out}", "--max-failed", "lots"], "lots"),
    (["run", "{pdf}", "-o", "{out}", "--limit", "0"], "--limit"),
    (["run", "{pdf}", "-o", "{out}", "--retry", "bad", "--runner", "local"], "bad"),
    (["run", "{pdf}", "-o", "{out}", "--password-file", "{out}.none"], "--password-file"),
    (["run", "{pdf}", "-o", "{out}", "--force-ocr", "--ocr", "off"], "exclude each other"),
    (["run", "{pdf}", "-o", "{out}", "--force-ocr", "-p", "text_layer"], "--ocr rapidocr"),
    (["run", "{pdf}", "-o", "{pdf}/out", "--runner", "local"], "{pdf}"),
    (["run", "{pdf}", "-o", "s3://bucket/out", "--runner", "local"], "s3://bucket/out"),
    (["run", "{folder}/none.pdf", "-o", "{out}", "--runner", "local"], "none.pdf"),
    (["run", "{folder}/no_folder/", "-o", "{out}", "--runner", "local"], "no_folder"),
    (["run", "{pdf}", "-o", "{folder}", "--runner", "local"], "{folder}"),
    (["extract", "{folder}"], "omnipipe run {folder} -o OUT"),
    (["extract", "{folder}/none.pdf"], "none.pdf"),
    (["extract", "{pdf}", "--pages", "9"], "has 3 pages"),
    (["extract", "{pdf}", "-p", "{folder}/none.yaml"], "none.yaml"),
    (["verify", "{folder}"], "{folder}"),
    (["compact", "{folder}", "-o", "{out}"], "{folder}"),
    (["export", "{folder}", "--to", "markdown", "-o", "{out}"], "{folder}"),
    (["compact", "{folder}", "-o", "s3://bucket/out"], "s3://bucket/out"),
    (["export", "{folder}", "--to", "markdown", "-o", "s3://bucket/out"], "s3://bucket/out"),
    (["export", "{folder}", "--to", "docx", "-o", "{out}"], "markdown"),
    (["config", "show", "-p", "nothing"], "nothing"),
]


@pytest.mark.parametrize(("arguments", "words"), MISTAKES, ids=[" ".join(arguments) for arguments, _ in MISTAKES])
def test_a_users_mistake_is_exit_code_2_and_says_what_would_be_right(
    arguments: list[str], words: str, letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"pdf": str(letter), "out": str(tmp_path / "out"), "folder": str(tmp_path)}

    code = run_command([argument.format(**names) for argument in arguments])

    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    assert words.format(**names) in said.err
    assert "Traceback" not in said.err
    assert not (tmp_path / "out" / "pages").exists() or not list((tmp_path / "out" / "pages").iterdir())


def test_an_engine_that_is_not_installed_is_named_before_ray_starts(
    letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline = tmp_path / "p.yaml"
    pipeline.write_text("stages: [read, render, ocr: {engine: tesseract, languages: [xyz]}]\n")

    code = run_command(["run", str(letter), "-o", str(tmp_path / "out"), "-p", str(pipeline)])

    assert code == 2
    assert "Install with: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_mistake_ends_a_real_process_without_a_traceback(tmp_path: Path) -> None:
    done = omnipipe("run", tmp_path / "none", "-o", tmp_path / "out", "--runner", "local")

    assert done.returncode == 2
    assert done.stderr.startswith("omnipipe: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_run_its_proof_and_its_exports_from_the_command_line(letter: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"

    first = omnipipe("run", letter, "-o", run, "--runner", "local", "--json", "-q")
    again = omnipipe("run", letter, "-o", run, "--runner", "local", "--json", "-q")
    verified = omnipipe("verify", run, "--json")
    compacted = omnipipe("compact", run, "-o", tmp_path / "large", "--json")
    exported = omnipipe("export", run, "--to", "markdown", "-o", tmp_path / "md")

    assert [done.returncode for done in (first, again, verified, compacted, exported)] == [0, 0, 0, 0, 0], first.stderr
    assert json.loads(first.stdout)["statuses"] == {"ok": 3}
    assert json.loads(first.stdout)["pages_this_run"] == 3
    assert json.loads(again.stdout)["pages_this_run"] == 0
    assert json.loads(verified.stdout)["ok"] is True
    assert json.loads(compacted.stdout)["rows"] == 3
    assert "page 2 of a letter" in (tmp_path / "md" / "letter.md").read_text(encoding="utf-8")


def test_verify_finds_a_lost_file(letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert run_command(["run", str(letter), "-o", str(run), "--runner", "local", "-q"]) == 0
    for path in (run / "pages").iterdir():
        path.unlink()

    code = run_command(["verify", str(run)])

    assert code == 1
    assert "wrong: " in capsys.readouterr().out


@pytest.mark.parametrize("how", ["quiet", "plain", "json"])
def test_a_warning_is_said_once(letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str) -> None:
    out = str(tmp_path / "run")
    run_command(["run", str(letter), "-o", out, "--runner", "local", "--pages", "9", "--progress", how])

    assert capsys.readouterr().err.count("1 document of 1 has no such page") == 1


def test_another_pipeline_into_the_same_run_is_refused(
    letter: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = ["run", str(letter), "-o", str(tmp_path / "run"), "--runner", "local", "-q"]
    assert run_command(run) == 0

    code = run_command([*run, "--force-ocr"])

    said = capsys.readouterr().err
    assert code == 2
    assert "text_layer" in said
    assert "--fresh" in said


def test_max_failed_ends_in_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.pdf"
    bad.write_bytes(b"<html>not a pdf</html>")

    code = run_command(["run", str(bad), "-o", str(tmp_path / "run"), "--runner", "local", "-q", "--max-failed", "0"])

    assert code == 1
    assert "--max-failed" in capsys.readouterr().err


def test_the_command_line_wins_over_the_environment(letter: Path) -> None:
    from_environment = omnipipe("extract", letter, OMNIPIPE_PAGES="2")
    from_both = omnipipe("extract", letter, "--pages", "3", OMNIPIPE_PAGES="2")

    assert "page 2" in from_environment.stdout
    assert "page 3" not in from_environment.stdout
    assert "page 3" in from_both.stdout
    assert "page 2" not in from_both.stdout


def test_the_environment_wins_over_the_pipeline_file(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMNIPIPE_OCR", "fast")

    assert run_command(["config", "show", "--json"]) == 0

    assert json.loads(capsys.readouterr().out)["stages"][2]["ocr"]["engine"] == "fast"


def test_config_show_prints_a_file_that_is_the_same_pipeline(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["config", "show", "-p", "custom_stage"]) == 0
    shown = tmp_path / "custom_stage.yaml"
    shown.write_text(capsys.readouterr().out, encoding="utf-8")

    assert choose_pipeline(str(shown)).config_hash == choose_pipeline("custom_stage").config_hash


def test_the_schema_accepts_the_shipped_pipelines_and_refuses_unknown_settings(
    capsys: pytest.CaptureFixture[str],
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    yaml = pytest.importorskip("yaml")
    assert run_command(["config", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    shipped = [yaml.safe_load(path.read_text()) for path in (Path(__file__).parents[2] / "pipelines").glob("*.yaml")]

    for pipeline in shipped:
        jsonschema.validate(pipeline, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"stages": [{"read": {"text_layr": True}}]}, schema)


def test_ocr_options_change_the_loaded_pipeline() -> None:
    assert choose_pipeline("default", ocr=OcrChoice.off).stages == (Read(), Layout())
    assert choose_pipeline("default", force_ocr=True).stages == (Read(text_layer=False), Render(), Ocr(), Layout())
    with_ocr = choose_pipeline("text_layer", ocr=OcrChoice.fast).stages
    assert [type(stage) for stage in with_ocr] == [Read, Render, Ocr, Layout]


def test_layout_is_a_mode_of_its_stage_which_comes_behind_ocr() -> None:
    assert choose_pipeline("default", layout=LayoutChoice.never).stages[-1] == Layout(mode="never")
    assert choose_pipeline("text_layer", layout=LayoutChoice.always).stages == (Read(), Layout(mode="always"))
    hybrid = [type(stage).__name__ for stage in choose_pipeline("hybrid", layout=LayoutChoice.auto).stages]
    assert hybrid == ["Read", "Render", "Ocr", "Layout", "Verify", "Render", "Extract"]


def test_another_engine_gets_the_picture_that_it_reads_best() -> None:
    stages = choose_pipeline("default", ocr=OcrChoice.tesseract).stages

    render, ocr = stages[1], stages[2]
    assert isinstance(render, Render)
    assert isinstance(ocr, Ocr)
    assert ocr.engine == "tesseract"
    assert render.policy == ocr.picture


def test_what_the_file_says_of_pictures_stays(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("stages: [read, render: {dpi: 99}, ocr]\n")

    render = choose_pipeline(str(path), ocr=OcrChoice.tesseract).stages[1]

    assert isinstance(render, Render)
    assert render.dpi == 99


def test_an_engine_that_does_not_fit_the_files_settings_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "p.yaml"
    path.write_text("stages: [read, render, ocr: {engine: tesseract, languages: [ara]}]\n")

    with pytest.raises(ConfigError, match="no letters of ara"):
        choose_pipeline(str(path), ocr=OcrChoice.rapidocr)


@pytest.mark.parametrize(("text", "bounds"), [(None, None), ("4", (4, 4)), ("1:8", (1, 8)), (" 2 : 3 ", (2, 3))])
def test_concurrency_is_a_number_or_two(text: str | None, bounds: tuple[int, int] | None) -> None:
    assert parse_concurrency(text) == bounds


@pytest.mark.parametrize("text", ["", "0", "3:2", "a:b", "1:", ":2", "-1", "1:2:3"])
def test_other_concurrency_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="MIN:MAX"):
        parse_concurrency(text)


def test_passwords_come_from_the_command_line_then_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_text("two words\n\nplain\ngiven\n", encoding="utf-8")

    assert read_passwords(["given"], path) == ("given", "two words", "plain")


def test_a_password_in_the_environment_may_have_blanks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNIPIPE_PASSWORD", "open sesame")

    assert read_passwords(None, None) == ("open sesame",)
    assert read_passwords(["other"], None) == ("other",)


def test_a_password_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "passwords"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(InputError, match="UTF-8"):
        read_passwords(None, path)


def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    path = tmp_path / "long.pdf"
    path.write_bytes(pdf_of_texts([f"Page {number} has a few words of text on it." for number in range(60)]))
    command = f"{sys.executable} -m omnipipe.cli.main extract {path} | head -n 1"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)

    assert done.stdout.startswith("Page 0")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "streams", "code", "said"),
    [
        ("--help", ">&- 2>&- <&-", 0, ""),
        ("verify nothing", ">&- 2>&- <&-", 2, ""),
        ("--help", "| true; exit ${PIPESTATUS[0]}", 141, ""),
        ("verify nothing", "2>&1 | true; exit ${PIPESTATUS[0]}", 2, ""),
        ("--help", ">/dev/full", 1, "No space left on device"),
        ("verify nothing", "2>/dev/full", 2, ""),
    ],
)
def test_streams_that_are_closed_or_full_cost_no_exit_code(arguments: str, streams: str, code: int, said: str) -> None:
    command = f"{sys.executable} -m omnipipe.cli.main {arguments} {streams}"

    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)

    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_current_folder_that_is_gone_is_said(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    command = f"cd {tmp_path}/gone && rmdir {tmp_path}/gone && {sys.executable} -m omnipipe.cli.main verify out"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}

    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120, env=environment
    )

    assert done.returncode == 2
    assert done.stderr == "omnipipe: the current folder has been removed. Go to another one with cd.\n"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for child processes")
@pytest.mark.parametrize(("asked", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_says_what_is_committed_and_how_to_go_on(tmp_path: Path, asked: signal.Signals, code: int) -> None:
    folder = tmp_path / "docs"
    folder.mkdir()
    for number in range(200):
        pages = [f"Document {number} page {page} with words." for page in range(40)]
        (folder / f"{number}.pdf").write_bytes(pdf_of_texts(pages))
    run = tmp_path / "run"
    command = [sys.executable, "-m", "omnipipe", "run", str(folder), "-o", str(run), "--runner", "local"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while not list(run.glob("pages/*.parquet")) and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.02)
        process.send_signal(asked)
        said = process.communicate(timeout=60)[1]
    finally:
        process.kill()
        process.wait()

    assert process.returncode == code, said
    assert "Traceback" not in said
    assert "are committed" in said
    assert "same command goes on" in said

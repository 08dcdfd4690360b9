"""The wheel that is built from the tree: typed, with the pipelines inside, and it runs outside of the tree."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

import omnipipe
from tests.pdfs import pdf_of_texts

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built offline, with the build backend of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of scripts of a new environment with the wheel, which borrows this environment's other libraries."""
    folder = tmp_path_factory.mktemp("installed") / "venv"
    venv.create(folder, with_pip=False, symlinks=True)
    scripts = folder / "bin"
    install = [sys.executable, "-m", "pip", "--python", str(scripts / "python"), "install", "--no-deps", "--no-index"]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True)
    libraries = next((folder / "lib").glob("python*")) / "site-packages"
    # A .pth file adds a folder behind the environment's own: the wheel's omnipipe is found first.
    (libraries / "borrowed.pth").write_text(sysconfig.get_paths()["purelib"])
    return scripts


def run(installed: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [str(installed / arguments[0]), *arguments[1:]],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheel_is_typed_and_holds_the_pipelines(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    shipped = {f"omnipipe/_pipelines/{path.name}" for path in (ROOT / "pipelines").glob("*.*")}

    assert "omnipipe/py.typed" in names
    assert shipped
    assert shipped <= names
    assert not [name for name in names if name.startswith(("tests/", "benchmarks/", "docs/"))]


def test_the_wheels_metadata_name_licence_version_and_command(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        files = {Path(name).name: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(files["METADATA"]).decode()
        entry_points = archive.read(files["entry_points.txt"]).decode()

    assert f"Version: {omnipipe.__version__}" in metadata
    assert "License-Expression: Apache-2.0" in metadata
    assert "LICENSE" in files
    assert "omnipipe = omnipipe.__main__:main" in entry_points


def test_the_installed_package_is_the_wheels(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "python", "-c", "import omnipipe; print(omnipipe.__file__)")

    assert Path(done.stdout.strip()).is_relative_to(installed.parent)


def test_the_installed_command_says_its_version(installed: Path, tmp_path: Path) -> None:
    done = run(installed, tmp_path, "omnipipe", "--version")

    assert done.returncode == 0
    assert omnipipe.__version__ in done.stdout


@pytest.mark.parametrize("pipeline", ["default", "text_layer"])
def test_the_installed_command_reads_a_pdf_outside_the_tree(installed: Path, tmp_path: Path, pipeline: str) -> None:
    (tmp_path / "letter.pdf").write_bytes(pdf_of_texts(["The harbour was closed in the winter of 1911."]))

    done = run(installed, tmp_path, "omnipipe", "extract", "letter.pdf", "-p", pipeline)

    assert done.returncode == 0, done.stderr
    assert "The harbour was closed in the winter of 1911." in done.stdout

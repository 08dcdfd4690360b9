"""Findings about this machine and its Python, each with the command that fixes it."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from omnipipe.cli.engine_diagnosis import engine_findings
from omnipipe.errors import MissingExtraError
from omnipipe.tasks.model_file import FETCH, MODEL_FILES, ModelFile

_GIB = 1 << 30
_MIN_MEMORY = 2 * _GIB
_MIN_DISK = 2 * _GIB
# Ray keeps its object store in /dev/shm and falls back to slow files below this.
_MIN_SHM = 1 * _GIB

_DISTRIBUTIONS = {
    "ray": ("ray", 'pip install "ray[data,default,serve]>=2.60,<3"'),
    "pyarrow": ("pyarrow", 'pip install "pyarrow>=20"'),
    "pydantic": ("pydantic", 'pip install "pydantic>=2.10"'),
    "numpy": ("numpy", 'pip install "numpy>=2"'),
    "pillow": ("PIL", 'pip install "pillow>=12"'),
    "pyyaml": ("yaml", 'pip install "pyyaml>=6"'),
    "psutil": ("psutil", 'pip install "psutil>=6"'),
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `is_needed`: the default pipeline cannot run without it."""

    name: str
    is_ok: bool
    found: str
    is_needed: bool = True
    fix: str | None = None


def diagnose() -> list[Finding]:
    """All findings, in the order to show them."""
    return [
        _python(),
        *(_distribution(name, module, fix) for name, (module, fix) in _DISTRIBUTIONS.items()),
        _guarded("pypdfium2", 'pip install "pypdfium2>=5"', _pdfium),
        _guarded("onnxruntime", 'pip install --force-reinstall "onnxruntime>=1.23"', _onnxruntime),
        _guarded("opencv", _OPENCV_FIX, _opencv),
        _guarded("rapidocr", 'pip install --force-reinstall "rapidocr>=3.10,<4"', _rapidocr),
        _guarded("tesseract", _TESSERACT_FIX, _tesseract, is_needed=False),
        *(_model(model) for model in MODEL_FILES),
        *_machine(),
        *(Finding(entry.name, entry.is_ok, entry.found, False, entry.fix) for entry in engine_findings()),
    ]


_OPENCV_FIX = 'pip uninstall -y opencv-python; pip install --force-reinstall "opencv-python-headless>=4.12"'
_TESSERACT_FIX = (
    'pip install "omnipipe[tesseract]"; language data: apt-get install tesseract-ocr-eng (Mac: brew install '
    "tesseract); data elsewhere: export TESSDATA_PREFIX=FOLDER"
)


def _python() -> Finding:
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()} ({sys.executable})"
    return Finding("python", sys.version_info >= (3, 11), found, fix="Use Python 3.11 or newer.")


def _distribution(name: str, module: str, fix: str) -> Finding:
    # Looked up and not imported: ray alone takes two seconds.
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Finding(name, False, "not installed", fix=fix)
    try:
        is_there = importlib.util.find_spec(module) is not None
    except ImportError:
        is_there = False
    if not is_there:
        return Finding(name, False, f"{version} is registered, but its module {module} is not there", fix=fix)
    return Finding(name, True, version)


def _guarded(name: str, fix: str, look: Callable[[], str], *, is_needed: bool = True) -> Finding:
    try:
        return Finding(name, True, look(), is_needed)
    except MissingExtraError as error:
        return Finding(name, False, str(error).partition(" Install with")[0], is_needed, fix)
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and "." not in str(error.name)
        found = "not installed" if missing else f"does not load: {str(error)[:200]}"
        return Finding(name, False, found, is_needed, fix)
    except Exception as error:
        return Finding(name, False, str(error)[:200] or type(error).__name__, is_needed, fix)


def _pdfium() -> str:
    import pypdfium2

    return f"{pypdfium2.PYPDFIUM_INFO.version}, pdfium build {pypdfium2.PDFIUM_INFO.build}"


def _onnxruntime() -> str:
    import onnxruntime

    return str(onnxruntime.__version__)


def _opencv() -> str:
    import cv2

    return str(cv2.__version__)


def _rapidocr() -> str:
    spec = importlib.util.find_spec("rapidocr")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("rapidocr is not installed", name="rapidocr")
    folder = Path(spec.submodule_search_locations[0]) / "models"
    models = sorted(path.name for path in folder.glob("*.onnx"))
    kinds = {kind for kind in ("det", "rec") if any(f"_{kind}_" in name for name in models)}
    if kinds != {"det", "rec"}:
        raise FileNotFoundError(f"the models (det, rec) are not in {folder}")
    return f"{metadata.version('rapidocr')}, models in the package: {len(models)}"


def _tesseract() -> str:
    import tesserocr

    from omnipipe.tasks.ocr_extraction.tesseract import find_tessdata

    folder = find_tessdata()
    languages = sorted(path.stem for path in folder.glob("*.traineddata"))
    shown = ", ".join(languages[:12]) + (", ..." if len(languages) > 12 else "")
    return f"tesserocr {tesserocr.__version__}, languages: {shown} ({folder})"


def _model(model: ModelFile) -> Finding:
    return _guarded(f"model {model.name}", FETCH, lambda: f"{model.does}: {model.checked()}", is_needed=False)


def _machine() -> Iterator[Finding]:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield Finding("cores", True, str(cores))
    memory = _memory()
    if memory is not None:
        text = f"{memory / _GIB:.1f} GiB"
        yield Finding(
            "memory", memory >= _MIN_MEMORY, text, False, "2 GiB or more: fewer workers with --concurrency 1:1"
        )
    shm = Path("/dev/shm")
    if shm.is_dir():
        usage = shutil.disk_usage(shm)
        text = f"{usage.total / _GIB:.1f} GiB, {usage.free / _GIB:.1f} GiB free"
        yield Finding("/dev/shm", usage.free >= _MIN_SHM, text, False, "In a container: docker run --shm-size=2g")
    usage = shutil.disk_usage(Path.cwd())
    text = f"{usage.free / _GIB:.1f} GiB free in {Path.cwd()}"
    yield Finding("disk", usage.free >= _MIN_DISK, text, False, "Make room, or run with -o on another disk.")


def _memory() -> int | None:
    """Bytes of memory that this process may use: the machine's, or its container's limit where that is lower."""
    try:
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return None
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        try:
            text = Path(limit).read_text(encoding="ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            total = min(total, int(text))
    return total

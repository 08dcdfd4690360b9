"""Taking a run directory: is it one of ours, is it free, and does it belong to this pipeline."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
import uuid
from pathlib import Path

from omnipipe.errors import OutputError
from omnipipe.ledger.layout import RunLayout
from omnipipe.ledger.lock import RunLock
from omnipipe.ledger.manifest import Manifest
from omnipipe.pipeline import Pipeline

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")
_SWEEP_SECONDS = 3600.0


def layout_of(run_dir: Path | str) -> RunLayout:
    """The layout of a local run directory.

    Raises:
        OutputError: `run_dir` is an object store.
    """
    scheme = _SCHEME.match(str(run_dir))
    if scheme:
        raise OutputError(
            f"{run_dir}: writing a run to {scheme[1]}:// is not built yet. Give -o a local or shared folder and copy "
            "the result afterwards."
        )
    return RunLayout(Path(run_dir).expanduser().absolute())


def take(layout: RunLayout, boot_id: str) -> RunLock:
    """Make the directory where there is none, and lock it.

    Raises:
        OutputError: It cannot be written, holds something else, or another driver holds it.
    """
    root = layout.root
    try:
        root.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(layout)
        lock = RunLock(layout, boot_id)
    except (NotADirectoryError, FileExistsError) as error:
        raise OutputError(f"{root} is not a directory. Choose another output with -o.") from error
    except OSError as error:
        raise OutputError(f"{root} cannot be written: {error.strerror}. Choose another output with -o.") from error
    try:
        for folder in layout.folders():
            folder.mkdir(exist_ok=True)
    except OSError as error:
        lock.release()
        raise OutputError(f"{root} cannot be written: {error.strerror}. Choose another output with -o.") from error
    return lock


def begin(layout: RunLayout, pipeline: Pipeline, boot_id: str, *, fresh: bool) -> tuple[Manifest, list[str]]:
    """The manifest of the run in a locked directory, a new one where there is none or `fresh`; and warnings.

    Raises:
        OutputError: The run there belongs to another pipeline, or its manifest is damaged.
    """
    try:
        manifest = Manifest.load(layout)
    except OutputError:
        if not fresh:
            raise
        manifest = None
        _clear(layout, None, boot_id)
    if manifest is not None and (fresh or manifest.is_clearing):
        _clear(layout, manifest, boot_id)
        manifest = None
    if manifest is None:
        if not fresh and next(layout.pages.glob("*.parquet"), None):
            raise OutputError(
                f"{layout.root} holds pages but no manifest.json. Put it back, or begin anew there with --fresh."
            )
        manifest = Manifest.of(uuid.uuid4().hex[:16], pipeline)
        manifest.write(layout)
    warnings = manifest.check(layout, pipeline)
    layout.run_tmp(manifest.run_id).mkdir(exist_ok=True)
    _sweep(layout)
    return manifest, warnings


def _refuse_foreign(layout: RunLayout) -> None:
    known = {folder.name for folder in layout.folders()} | {"lock", "lease", "manifest.json", "report.html"}
    names = {path.name for path in layout.root.iterdir() if not path.name.startswith(".")}
    if not layout.manifest.exists() and names - known - {"lost+found"}:
        example = min(names - known)
        raise OutputError(
            f"{layout.root} is not empty and no run of omnipipe (it holds {example[:60]!r}). "
            "Choose an empty or new directory with -o."
        )


def _clear(layout: RunLayout, manifest: Manifest | None, boot_id: str) -> None:
    gone = layout.tmp / f"gone-{boot_id}"
    if manifest is not None:
        # From here on a kill leaves a run that the next driver goes on clearing.
        Manifest(
            run_id=manifest.run_id,
            pipeline=manifest.pipeline,
            config_hash=manifest.config_hash,
            settings=manifest.settings,
            versions=manifest.versions,
            created_at=manifest.created_at,
            is_clearing=True,
        ).write(layout)
        # Late workers of the old run write through this folder: without it none can bring a row back.
        with contextlib.suppress(FileNotFoundError):
            layout.run_tmp(manifest.run_id).rename(gone)
    for folder in layout.folders():
        if folder in (layout.tmp, layout.logs):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(exist_ok=True)
    layout.manifest.unlink(missing_ok=True)
    shutil.rmtree(gone, ignore_errors=True)


def _sweep(layout: RunLayout) -> None:
    # A late worker of a killed driver may still be writing: only what is old is left over.
    oldest = time.time() - _SWEEP_SECONDS
    for path in layout.tmp.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink()

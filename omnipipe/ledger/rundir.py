"""Taking a run directory: is it one of ours, is it free, and does it belong to this pipeline."""

from __future__ import annotations

import contextlib
import re
import shutil
import time
import uuid
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

from omnipipe.errors import OutputError
from omnipipe.ledger.layout import RunLayout, local_path
from omnipipe.ledger.lock import RunLock
from omnipipe.ledger.manifest import Manifest
from omnipipe.pipeline import Pipeline

_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]+)://")
_SWEEP_SECONDS = 3600.0


def layout_of(run_dir: Path | str) -> RunLayout:
    """The layout of a local run directory.

    Raises:
        OutputError: `run_dir` is an object store, or no name that can be written.
    """
    scheme = _SCHEME.match(str(run_dir))
    if scheme:
        raise OutputError(
            f"{run_dir}: writing a run to {scheme[1]}:// is not built yet. Give -o a local or shared folder and copy "
            "the result afterwards."
        )
    return RunLayout(local_path(run_dir).absolute())


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
    if fresh or (manifest is not None and manifest.is_clearing):
        _clear(layout, manifest, boot_id)
        manifest = None
    if manifest is None:
        if left := next(_parts(layout), None):
            raise OutputError(
                f"{layout.root} holds parts of a run ({left.relative_to(layout.root)}) but no manifest.json. Put it "
                "back, or begin anew there with --fresh."
            )
        manifest = Manifest.of(uuid.uuid4().hex[:16], pipeline)
        manifest.write(layout)
    warnings = manifest.check(layout, pipeline)
    layout.run_tmp(manifest.run_id).mkdir(exist_ok=True)
    _sweep(layout)
    return manifest, warnings


def _refuse_foreign(layout: RunLayout) -> None:
    if layout.manifest.exists():
        return
    known = {folder.name for folder in layout.folders()} | {"lock", "lease", "report.html", "lost+found"}
    names = {path.name for path in layout.root.iterdir() if not path.name.startswith(".")} - known
    names |= {str(path.relative_to(layout.root)) for path in layout.entries() if not layout.is_own(path)}
    if names:
        raise OutputError(
            f"{layout.root} is not empty and no run of omnipipe (it holds {min(names)[:60]!r}). "
            "Choose an empty or new directory with -o."
        )


def _parts(layout: RunLayout) -> Iterator[Path]:
    return (path for path in layout.entries() if path.parent != layout.tmp and layout.is_own(path))


def _clear(layout: RunLayout, manifest: Manifest | None, boot_id: str) -> None:
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
    # Late workers of the old run write through its folder in `tmp`: without it none can bring a row back.
    passing = [path for path in layout.entries() if path.parent == layout.tmp and layout.is_own(path)]
    for number, path in enumerate(passing):
        with contextlib.suppress(FileNotFoundError):
            path.rename(layout.tmp / f"gone-{boot_id}-{number}")
    # Names of ours only: since the run began, the user may have put documents there.
    for path in [path for path in layout.entries() if layout.is_own(path)]:
        _remove(path)
    layout.manifest.unlink(missing_ok=True)


def _remove(path: Path) -> None:
    try:
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path} cannot be removed: {error.strerror}. Choose another output with -o.") from error


def _sweep(layout: RunLayout) -> None:
    # A late worker of a killed driver may still be writing: only what is old is left over.
    oldest = time.time() - _SWEEP_SECONDS
    own = [path for path in layout.entries() if path.parent == layout.tmp and layout.is_own(path)]
    for path in chain.from_iterable((path, *path.rglob("*")) for path in own):
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < oldest:
                path.unlink()

"""kill -9, again and again, then a run to the end: python -m benchmarks.kill --pages 3000 --kills 50

The same command is started, and at a random moment killed with all its processes (or only the driver, or one worker:
`--victims`). Moments are spread over the whole run, its start and its end included. Then the command runs to the end.
Counted: keys lost or doubled, result columns that differ from an undisturbed run, pages that failed, units committed
twice or started again after their commit, and units in flight at each kill.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pyarrow as pa

from benchmarks import record
from benchmarks.documents import add_document_options, documents
from benchmarks.runs import CLI, environment, run_command, unit_files

_START_SECONDS = 6.0
_PATIENCE_SECONDS = 600.0


@dataclass(slots=True)
class Tally:
    """What the kills did. A commit is told by its file's inode and modification time."""

    kills: Counter[str] = field(default_factory=Counter)
    before_any_unit: int = 0
    ended_by_itself: int = 0
    in_flight: list[int] = field(default_factory=list)
    rewritten: int = 0
    started_again: set[str] = field(default_factory=set)
    commits: dict[str, tuple[int, int]] = field(default_factory=dict)

    def note(self, output: Path) -> None:
        """Compare what is committed now with what was committed when last looked."""
        now = {path.name: (path.stat().st_ino, path.stat().st_mtime_ns) for path in unit_files(output)}
        self.rewritten += sum(now.get(name) != commit for name, commit in self.commits.items())
        self.commits = now
        self.in_flight.append(sum(f"{unit}.parquet" not in now for unit in _started(output)))

    def look(self, output: Path) -> None:
        """Note units that are being computed although they were committed when last noted."""
        # A worker that was killed between the commit and the removal of its record leaves one that is older.
        for unit, at in _started(output).items():
            commit = self.commits.get(f"{unit}.parquet")
            if commit is not None and at > commit[1]:
                self.started_again.add(unit)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_document_options(parser, pages=2_000)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--victims", nargs="+", default=["all"], choices=["all", "driver", "worker"])
    parser.add_argument("--pipeline", default="text_layer")
    args = parser.parse_args()
    chance = random.Random(args.seed)
    with tempfile.TemporaryDirectory(prefix="omnipipe-bench-") as scratch:
        paths = documents(args, Path(scratch))
        folder = paths[0].parent.parent
        whole, killed = Path(scratch) / "undisturbed", Path(scratch) / "killed"
        run_command(folder, whole, "-p", args.pipeline)
        units = len(unit_files(whole))
        tally = Tally()
        for number in range(args.kills):
            _kill_once(folder, killed, args, chance, units, args.kills - number, tally)
        run_command(folder, killed, "-p", args.pipeline)
        tally.note(killed)
        differences = compare(whole, killed)
    print(f"{units} units; kills: {dict(tally.kills)}, {tally.before_any_unit} of them before any unit was started")
    print(f"differences: {differences}")
    print(f"committed units written again: {tally.rewritten}, started again: {len(tally.started_again)}")
    print(f"units in flight when killed: {record.spread(tally.in_flight, 1)}")
    record.save(
        "kill" if args.victims == ["all"] else f"kill_{'_'.join(args.victims)}",
        {
            "pages": args.pages,
            "units": units,
            "kills": dict(tally.kills),
            "kills_before_any_unit": tally.before_any_unit,
            "runs_that_ended_before_their_kill": tally.ended_by_itself,
            "differences": differences,
            "committed_units_written_again": tally.rewritten,
            "committed_units_started_again": len(tally.started_again),
            "units_in_flight": record.spread(tally.in_flight, 1),
        },
    )
    if any(differences.values()) or tally.rewritten or tally.started_again:
        raise SystemExit(1)


def _kill_once(
    folder: Path,
    output: Path,
    args: argparse.Namespace,
    chance: random.Random,
    units: int,
    left: int,
    tally: Tally,
) -> None:
    """Start the command, wait for a random number of further commits (or a random time at its start), kill."""
    victim = chance.choice(args.victims)
    done = len(unit_files(output))
    more = int(chance.uniform(0, 2 * (units - done) / (left + 1)))
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*CLI, "run", str(folder), "-o", str(output), "-p", args.pipeline],
            stdout=said,
            stderr=said,
            env=environment(),
            start_new_session=True,
        )
        if more == 0:
            _wait_for(process, chance.uniform(0.1, _START_SECONDS), output, tally)
        else:
            _wait_for_commits(process, output, done + more, tally)
            _wait_for(process, chance.uniform(0, 0.3), output, tally)
        if process.poll() is not None:
            tally.ended_by_itself += 1
            return
        if not _started(output):
            tally.before_any_unit += 1
        tally.kills[victim] += 1
        _kill(process, victim, chance, output, tally)
    tally.note(output)


def _kill(process: subprocess.Popen[bytes], victim: str, chance: random.Random, output: Path, tally: Tally) -> None:
    family = psutil.Process(process.pid).children(recursive=True)
    if victim == "worker":
        workers = [child for child in family if _is_worker(child)]
        if workers:
            with suppress(psutil.NoSuchProcess):
                chance.choice(workers).kill()
        # The run lives on and replaces the worker; then it is killed as a whole, so that there is a run to go on with.
        _wait_for(process, chance.uniform(0.5, 5.0), output, tally)
        if process.poll() is not None:
            return
        family = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGKILL)
    if victim != "driver":
        for child in family:
            # Most end by themselves, at any moment.
            with suppress(psutil.NoSuchProcess):
                child.kill()
    process.wait()
    # Workers of a killed driver may write for another 1.4 s; the next start comes at once on purpose.


def _is_worker(process: psutil.Process) -> bool:
    try:
        title = process.cmdline()[0]
    except (psutil.Error, IndexError):
        return False
    return title.startswith("ray::") and "IDLE" not in title


def _wait_for(process: subprocess.Popen[bytes], seconds: float, output: Path, tally: Tally) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends and process.poll() is None:
        tally.look(output)
        time.sleep(0.01)


def _wait_for_commits(process: subprocess.Popen[bytes], output: Path, wanted: int, tally: Tally) -> None:
    ends = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < ends and process.poll() is None and len(unit_files(output)) < wanted:
        tally.look(output)
        time.sleep(0.01)


def _started(output: Path) -> dict[str, int]:
    found = {}
    for path in (output / "starts").glob("*"):
        try:
            found[path.stem] = path.stat().st_mtime_ns
        except FileNotFoundError:
            continue
    return found


def compare(undisturbed: Path, killed: Path) -> dict[str, int]:
    """Keys lost, doubled and added, result columns that differ, and pages that failed in one run only."""
    left, right = _rows(undisturbed), _rows(killed)
    left_keys, right_keys = left["page_id"].to_pylist(), right["page_id"].to_pylist()
    found = {
        "keys_lost": len(set(left_keys) - set(right_keys)),
        "keys_doubled": len(right_keys) - len(set(right_keys)),
        "keys_added": len(set(right_keys) - set(left_keys)),
        "pages_failed_in_one_only": abs(_failed(left) - _failed(right)),
    }
    same_keys = left_keys == right_keys
    found["columns_that_differ"] = (
        sum(not left[name].equals(right[name]) for name in left.column_names) if same_keys else len(left.column_names)
    )
    return found


def _rows(output: Path) -> pa.Table:
    import pyarrow.dataset as ds

    from omnipipe.schema import RESULT_COLUMNS

    table = ds.dataset(output / "pages", format="parquet").to_table(columns=list(RESULT_COLUMNS))
    return table.sort_by("page_id").combine_chunks()


def _failed(table: pa.Table) -> int:
    statuses: Sequence[str] = table["status"].to_pylist()
    return sum(status == "failed" for status in statuses)


if __name__ == "__main__":
    main()

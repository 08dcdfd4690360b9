"""`spool/`: answers that cost money or GPU time, kept from the moment they are there until their unit is committed."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import asdict
from pathlib import Path

from omnipipe.ledger.files import stopping
from omnipipe.model import Completion


class Spool:
    """The answers of one unit; see `omnipipe.stages.base.Answers`. May be used from several threads.

    One line an answer, appended in one write: the kernel has it when `keep` returns, so that no death of a process
    loses it. A line that a kill cut short is not read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known = _read(path)

    def find(self, key: str) -> Completion | None:
        """The answer kept under `key`, by this process or one before it."""
        return self._known.get(key)

    def keep(self, key: str, completion: Completion) -> None:
        """Append an answer.

        Raises:
            RunStopped: The disk is full.
        """
        line = json.dumps({"key": key, **asdict(completion)}, separators=(",", ":")).encode() + b"\n"
        with self._lock, stopping(self._path.parent):
            opened = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                size = os.fstat(opened).st_size
                if size and os.pread(opened, 1, size - 1) != b"\n":
                    line = b"\n" + line
                os.write(opened, line)
            finally:
                os.close(opened)
            self._known[key] = completion


def _read(path: Path) -> dict[str, Completion]:
    known: dict[str, Completion] = {}
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return known
    for line in lines:
        try:
            plain = json.loads(line)
            key = plain.pop("key")
            if isinstance(plain.get("token_ids"), list):
                plain["token_ids"] = tuple(plain["token_ids"])
            known[key] = Completion(**plain)
        except (ValueError, TypeError, KeyError, AttributeError):
            continue
    return known

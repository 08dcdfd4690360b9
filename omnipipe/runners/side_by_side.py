"""Passes that run beside each other in one process."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

_LOOK_SECONDS = 0.2


def go_side_by_side(works: Sequence[Callable[[], None]], complete: Callable[[int], None]) -> None:
    """Run all `works`, each in a thread; `complete` is told the index of each that has ended well.

    Raises:
        BaseException: What the first that failed raised, at once; threads of the others end with the process or with
            what they work on.
    """
    failed: list[BaseException] = []

    def run(index: int) -> None:
        try:
            works[index]()
            complete(index)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            failed.append(error)

    threads = [
        threading.Thread(target=run, args=(index,), name=f"omnipipe-pass-{index}", daemon=True)
        for index in range(len(works))
    ]
    for thread in threads:
        thread.start()
    while not failed and any(thread.is_alive() for thread in threads):
        for thread in threads:
            thread.join(_LOOK_SECONDS)
    if failed:
        raise failed[0]

"""Calls into PDFium that cost half of what ctypes takes by default, for what is called for each word or object."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Handle(ctypes.c_void_p):
    """A pointer that stays one: ctypes turns a plain `c_void_p` that a function returns into a number or None."""


def bare(function: object, result: object, *, by_address: bool = False) -> Callable[..., Any]:
    """`function` without types to convert arguments to, and without letting other threads run meanwhile.

    Arguments are pointers as `c_void_p` (or what it points to, by `byref`) and plain numbers as C's int. `result` is a
    type of ctypes, None where the result is not wanted. With `by_address` the first argument, a pointer, may be a plain
    number too: made into a `c_void_p` first it would cost as much as the call.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
    made: Callable[..., Any] = ctypes.PYFUNCTYPE(result)(address)  # type: ignore[arg-type]
    if by_address:
        made.argtypes = (ctypes.c_void_p,)  # type: ignore[attr-defined]
    return made

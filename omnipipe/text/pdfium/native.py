"""Calls into PDFium that cost half of what ctypes takes by default, for what is called for each word or object."""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

Pointer = Any
"""What a `bare` function takes for a pointer."""


class Handle(ctypes.c_void_p):
    """A pointer that stays one: ctypes turns a plain `c_void_p` that a function returns into a number or None."""


def bare(function: object, result: object, *, by_address: bool = False) -> Callable[..., Any]:
    """`function` without types to convert arguments to, and without letting other threads run meanwhile.

    Arguments are pointers (from `pointer_to` and `pointers` for what is passed often: of a `c_void_p` each call makes
    such an object first, which is a sixth of its cost) and plain numbers as C's int. `result` is a
    type of ctypes, None where the result is not wanted. With `by_address` the first argument, a pointer, may be a plain
    number too: made into a `c_void_p` first it would cost as much as the call.
    """
    address = ctypes.cast(function, ctypes.c_void_p).value  # type: ignore[arg-type]
    made: Callable[..., Any] = ctypes.PYFUNCTYPE(result)(address)  # type: ignore[arg-type]
    if by_address:
        made.argtypes = (ctypes.c_void_p,)  # type: ignore[attr-defined]
    return made


def pointer_to(raw: Any) -> Pointer:
    """An object of PDFium, as pypdfium2 has it, to be passed to a `bare` function."""
    return ctypes.byref(raw.contents)


def handle_of(raw: Any) -> Handle:
    """An object of PDFium, as pypdfium2 has it, as a plain pointer.

    `ctypes.cast` would tie `raw` to itself: garbage that only a collection frees, for each page that is read.
    """
    return Handle(ctypes.addressof(raw.contents))


def pointers(room: NDArray[Any]) -> list[Pointer]:
    """Where the numbers of `room`, which has one dimension and lasts longer, are: for what PDFium writes."""
    start, (step,) = room.ctypes.data, room.strides
    return [ctypes.byref(ctypes.c_char.from_address(start + step * i)) for i in range(len(room))]

"""Packing pages into units: small documents together, big ones split."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSize:
    """How big a unit may get, by rows and by estimated seconds of work.

    Units get smaller than `max_seconds` where a plan would otherwise have fewer than `num_units` units, so that
    the last unit does not keep one worker busy while the others wait; never smaller than `min_seconds`.
    """

    max_pages: int = 256
    max_seconds: float = 30.0
    min_seconds: float = 0.16
    num_units: int = 48
    text_page_seconds: float = 0.005
    ocr_page_seconds: float = 3.0

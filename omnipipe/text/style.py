"""The bits of a word's style."""

from __future__ import annotations

BOLD, ITALIC, MONO, MATH, SYMBOL = 1, 2, 4, 8, 16
"""Bits of a word's style."""

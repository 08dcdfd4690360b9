"""Text that reads like no language: by which letters follow which, in windows of pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from omnipipe.text.extreme import smallest
from omnipipe.text.trust.letters import LOW, letters
from omnipipe.text.words.script import CYRILLIC, FIRST_LETTER, GREEK, LATIN, SCRIPT, SPACE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from omnipipe.text.trust.letters import Letters

WINDOW = 40
"""Pairs of letters that are judged together."""

_NOISE = -1.2
"""Windows below this mean (bits a pair) read as no language; text that does is near +1, random letters near -2."""

_LONG, _DULL = 300, -0.5
"""From this many pairs on, a mean below the second number is enough."""

_WEAK = 0.3
"""Below this mean it is worth trying whether the letters are off by a constant."""

_MAX_SHIFT = 64
"""Letters are off by at most this."""

_MAX_SHIFTED = 2000
"""Characters that constants are tried on."""

_MARGIN = 0.01
"""Bits a pair; more than sums in another order differ by."""


Excuse = Callable[["NDArray[np.intp]", "NDArray[np.float32]"], "NDArray[np.bool_]"]
"""Says which pairs of letters, by their places and likelihoods, are right whatever they look like."""


class _Script(NamedTuple):
    """The pairs of letters of one script: places of the first, likelihoods in bits, which read like no language, and
    whether all of them together do."""

    at: NDArray[np.intp]
    bits: NDArray[np.float32]
    noise: NDArray[np.bool_] | None
    is_dull: bool


def garbled(
    units: NDArray[np.intp], counts: Sequence[int], excuse: Excuse | None = None
) -> tuple[float, int, float | None]:
    """The share of text that reads like no language, the constant that makes it read like one (0: none does), and how
    likely the pairs of Latin letters are in the mean. `counts` are the characters of each kind of `SCRIPT`."""
    likely: float | None = None
    found: list[_Script] = []
    for name, script in (("latin", LATIN), ("cyrillic", CYRILLIC), ("greek", GREEK)):
        if counts[script] < WINDOW // 2:
            continue
        alphabet = letters(name)
        code = alphabet.code.take(units, mode="wrap")
        at = _judged(code, alphabet).nonzero()[0]
        if len(at) < WINDOW // 2:
            continue
        bits: NDArray[np.float32] = alphabet.bits.take(_places(code, at, alphabet))
        mean = _mean(bits)
        if len(bits) >= 3 * WINDOW and name == "latin":
            likely = mean
        if name == "latin" and mean < _WEAK:
            shift = _shift(units[:_MAX_SHIFTED], mean)
            if shift:
                return 1.0, shift, mean
        found.append(_Script(at, bits, _noise(bits, mean), _is_dull(bits, mean)))
    return _worst(found, max(sum(counts[FIRST_LETTER:]), 1), excuse), 0, likely


def _worst(found: Sequence[_Script], num_letters: int, excuse: Excuse | None) -> float:
    """The share of text that reads like no language, of the script where it is largest."""
    worst = 0.0
    for script in found:
        if script.noise is None or not np.count_nonzero(script.noise):
            continue
        num_noise = num_left = int(np.count_nonzero(script.noise))
        if excuse is not None:
            num_left -= _num_excused(script, [other for other in found if other is not script], excuse)
        if script.is_dull and 2 * num_left >= num_noise:
            num_left = len(script.bits)
        weight = min(1.0, 1.4 * len(script.bits) / num_letters)
        worst = max(worst, num_left / len(script.bits) * weight)
    return worst


def _num_excused(script: _Script, others: Sequence[_Script], excuse: Excuse) -> int:
    """How many pairs of a script that read like no language are excused, by what they and the other scripts spell."""
    at = np.concatenate((script.at[script.noise], *(other.at for other in others)))
    bits = np.concatenate((script.bits[script.noise], *(other.bits for other in others)))
    order = at.argsort(kind="stable")
    is_own = order < len(at) - sum(len(other.at) for other in others)
    return int(np.count_nonzero(excuse(at[order], bits[order]) & is_own))


def _noise(bits: NDArray[np.float32], mean: float) -> NDArray[np.bool_] | None:
    """Which pairs stand in windows that read like no language; None where none do."""
    starts = np.arange(0, max(len(bits) - WINDOW // 2, 1), WINDOW)
    sums = np.add.reduceat(bits, starts)
    if smallest(sums) >= 0.0:
        # As on most pages.
        return None
    lengths = np.full(len(starts), WINDOW)
    lengths[-1] = len(bits) - starts[-1]
    # Short texts, names and lists above all, must be worse to count.
    noise = _NOISE if len(bits) >= _LONG // 2 else _NOISE - 0.4
    return np.repeat(sums / lengths < (_DULL if _is_dull(bits, mean) else noise), lengths)


def _is_dull(bits: NDArray[np.float32], mean: float) -> bool:
    return len(bits) >= _LONG and mean < _DULL


def _pair_bits(code: NDArray[np.uint8], alphabet: Letters) -> NDArray[np.float32]:
    """How likely each pair of letters is; `code` are characters as `Letters.code` has them."""
    places: NDArray[np.float32] = alphabet.bits.take(_places(code, _judged(code, alphabet).nonzero()[0], alphabet))
    return places


def _judged(code: NDArray[np.uint8], alphabet: Letters) -> NDArray[np.bool_]:
    """Which characters (of each row of `code`) are a pair with the one that follows."""
    letter = code != alphabet.edge
    inner = letter[..., :-1] & letter[..., 1:]
    # Codes and abbreviations of two letters say nothing.
    judged = np.zeros(inner.shape, bool)
    judged[..., 1:] = inner[..., :-1]
    judged[..., :-1] |= inner[..., 1:]
    judged &= inner
    # The alphabet itself, in order, is no sign of anything.
    judged &= code[..., 1:] != code[..., :-1] + 1
    return judged


def _places(code: NDArray[np.uint8], at: NDArray[np.intp], alphabet: Letters) -> NDArray[np.intp]:
    """Where the pairs that start at `at` stand in the table of an alphabet."""
    places = code.take(at) * np.intp(alphabet.width)
    places += code[1:].take(at)
    return places


def _mean(bits: NDArray[np.float32]) -> float:
    return float(np.add.reduce(bits) / np.float32(len(bits)))


def _shift(sample: NDArray[np.intp], mean: float) -> int:
    """The constant that turns letters into language, beyond doubt against their `mean` as they are; 0: none does."""
    alphabet = letters("latin")
    visible = SCRIPT.take(sample) != SPACE
    num_visible = int(np.count_nonzero(visible))
    shifts = _shifts_to_letters(sample[visible])
    if not len(shifts):
        return 0
    # Shifted by as much as it may be, this is no letter.
    moved = np.where(visible, sample, 0) + shifts[:, None]
    codes = alphabet.code.take(moved, mode="clip")
    best, found = max(0.4, mean + 0.7), 0
    for i in _likely(codes, best - _MARGIN, alphabet):
        bits = _pair_bits(codes[i], alphabet)
        likely = _mean(bits) if 2 * len(bits) > num_visible else LOW
        if likely > best and len(bits) * (likely - mean) > 40:
            best, found = likely, int(shifts[i])
    return found


def _likely(codes: NDArray[np.uint8], least: float, alphabet: Letters) -> list[int]:
    """The rows of `codes` whose pairs are as likely as `least` in the mean."""
    judged = _judged(codes, alphabet)
    pairs = codes[:, :-1] * np.uint16(alphabet.width)
    pairs += codes[:, 1:]
    bits = alphabet.bits.take(pairs, mode="wrap")
    bits *= judged
    return (bits.sum(axis=1) >= least * judged.sum(axis=1)).nonzero()[0].tolist()  # type: ignore[no-any-return]


def _shifts_to_letters(sample: NDArray[np.intp]) -> NDArray[np.intp]:
    """Constants that turn more than half of `sample` into Latin letters: no others can make it language."""
    points, numbers = np.unique(sample, return_counts=True)
    shifts = np.arange(-_MAX_SHIFT, _MAX_SHIFT + 1)
    alphabet = letters("latin")
    moved = alphabet.code.take(points + shifts[:, None], mode="clip") != alphabet.edge
    hits = moved.astype(np.float32) @ numbers.astype(np.float32)
    found: NDArray[np.intp] = shifts[(2 * hits > len(sample)) & (shifts != 0)]
    return found

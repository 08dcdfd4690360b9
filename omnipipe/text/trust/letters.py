"""Which letters follow which: tables of 56 Latin, 9 Cyrillic languages and Greek.

They are printed by benchmarks/text_letter_tables.py.

Each character stands for a pair of folded letters (the last row and column are the edge of a word): its likelihood in
bits above or below chance, in 62 steps from `LOW` to `HIGH`.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOW, HIGH = -6.0, 4.0
LEVELS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

# latin: 56 languages
LATIN = (
    "ZejlTRfYibgqhtTbKrpobcTKZazgF02f01MeX0W5Cb00cO6Z001R0Wh5T0e00jj9NM2Bi00MJaY000LGan30Tq1BUlOAMRUk00XO"
    "DdDB0NMkdaghYTeQeVgnitUWLtrmVWQSNbza000YL0FdC0O0Bc00TDGS000B0YfJ09h5PSeJ8Q4Mc00WOKe1K0Q0ik30FgA0HdAC"
    "NEGe30L8VWAC0G0igUhhjYeSKafofskXLiolTXOGObuf08Ck000S24ABJX000PLX70044XjCK4f00NfGUUJGf20SVccIL0O3gpED"
    "Yn6TDpSJhQLjB34XbfI90S2noZ0An00MiLCLTGfX05LEa180CAjpCUhmOkSnYVPHbl10CcnfQH0aEwRdZgQJYMXVbifrVW3pkcZb"
    "XCIYuj8G0e0BDU95Y6GjP0ePQVN00H0YC008E000G00B00600003a00000EpPOcqMRIoKSWaRjFBYYceRI0SOtkEYGpGBZmHeaNR"
    "eaAMcpdNO0PPtrD49rDDcp9KNLRlM0kUbiJL8VQrdQTWfKYHZPXdekRV1iggaHH8GWpl050i000e93G0Lb00OF4N200K0Zc0F0Z0"
    "40T7000MV40GG6N000Q0TH000K000R00100D2000H700000HaILQUJG6N8IRKTTN0JPUL6G0PEieJFHb0HKc1HCOTU5049IPCA0I"
    "8cunourmklpfmmrrorYjusnoeMef0"
)
# cyrillic: 9 languages
CYRILLIC = (
    "kmpkqaYlarnumxEjxpvgNfjjiKP000Pd00Tf0zr0O00j00i0Hb6Mm0lN0i0F0ACGZb0B0PS00V0iu9XQDpDCn0SVFblGgYXU0M0J"
    "G0XeJQ0Tf0020lnFMQYa00g00dHLl0ZKRg000R000S0b00L0000pxLVKSpMZl0PbYiqLfYMd610FC0OYLa07V0070tMZbcqRRbHd"
    "qmkwWVtpqEMIaQdG30008J008L0zg00BOhH0e06G8XW004LP000C000J0H0000000ZraYWWc00i0MJdhZONAOT060D90AMUE43S0"
    "000pPUcaheSnamhporbakqp7ecaceG0000Se000g0z045bW0D0Q0EdOiQAIbh00VILI00B000A00000qvDX00e00q0LeOSp0XXnj"
    "0EUGPBJW0C00b0000oqX0ddpVFt0VU8cpCCVdf0G1J209anXYii0000otRZLPsSTi0OHUSpJBGSf000B002S0U0Xc0000pzIKekv"
    "7Jv0fB8it1DfkjMBNUT07jccGhj0400xGnqipYgjeeiumsfYtnlTFXKYcE0000NW0J0b0zoB000h00c0PS0UsBrPSS00D020IM0O"
    "0MT0000eyQZZhtbNt0XSfZsLFedlEW6SN0DeOZ6ST0000sqFYGBo00m0ogRdmhOVxgBKIFC0WedY3dV0000nx8caFv90t0ZMOcsH"
    "qXbl0A0B00NghZ1OQ0000wQVfYkQOc6Scihk0blijo0MYYQH300BQ100HD0td0000R0Gb00900e0X0LN800000000000S0000De0"
    "QQIJ00Y00AFHf0HFQX0750E00JBY0BI0000nd0000f00k0H700I0I00L00P0000TgL8Lb0000ZiJA00j00f0VQ0ZO0E2WV00FE00"
    "0a0T0090000fi0FE0f00c0ZLEUUN31bd003E000Q090010000gI0000V00M00000X0400B00000000000000000A09S6QX6F60IN"
    "N7HDWAL000000H00000000000A0TBXRQ0X0VUbXe0UZVT0EQTKP00000CXH0000p07L78P0O0PaAPcOE0SU000L0Q000001F0000"
    "0r0INdQ2900UPfYe07cZaN0XFK40000c0000000b0290500000ALCR0000ND00CS0J00000000400Z0UOTYJ0S60ZORZ0JQBXJ0N"
    "U7FA00003500000sEFaGW0PG0QZcVe1AReXA0KaQM00000HQ0N400m0000000000000000000006000000000000000S00004000"
    "00N0900008E000000000000001000Vf060Af00N0HKL8C00JYU00010000000000000Z00000000000000000000000000000000"
    "000000wyxpyojuxewnwzwzrzwslnhomX0W0kJfc6Qb00"
)
# greek: 1 languages
GREEK = (
    "0PkZKP0ZqkkapR0komqffZ00zd50JZ0E0P0P000S0W0000000HY0O0g0b0fbJXKHY0g0000H0JEY000n0W0o00000Z0K00U000K5"
    "Pbfc0O0XxihVscQooooeQj5QtE000M0M0P00500J00000000B000NO000X0dPkh50BcnX0O0B0wZ000i0j0B00U00S0500W000J0"
    "tNZcfMaX0shkj0mKYqi00P0gvs005m0X0bBST00k0U5ca000ROi5H0l0c0h0eO00g000ST000YMpS00r0j0c00g50ja000bH00EP"
    "s0BVg0Tef050J0k00WjM000dtU000Y0B0M00000H000QM000005UZTM0BTiTglk00hjnhsMN00xl000m0K0j0VB00r0k0Y0050SJ"
    "rMb0l0fJrHBT50n005PESb0SMhH0Ej0mMdJEaE0QN0MrjRT0Xxq000uEp0r05550v0eB5X000gMQ0SE55BW0EXZl5Uejef05R50n"
    "a000Q0dBW00000a050B000000W000m0PNW00500V0d0E5000U50000H0P0000000000000000000E5P000X000Xk00JehJ00000d"
    "vcgrxHlYgmcqlSnuHswZagPZ0"
)

ALPHABETS = {
    "latin": "abcdefghijklmnopqrstuvwxyz",
    "cyrillic": "абвгдежзийклмнопрстуфхцчшщъыьэюяіїєјѓ",
    "greek": "αβγδεζηθικλμνξοπρστυφχψω",
}


class Letters:
    """One alphabet: `code` gives each UTF-16 unit its folded letter, or `edge`; `bits` is the table, flat."""

    def __init__(self, name: str, table: str) -> None:
        alphabet = ALPHABETS[name]
        self.edge = len(alphabet)
        self.width = self.edge + 1
        steps = np.array([LEVELS.index(c) for c in table], np.float32)
        self.bits: NDArray[np.float32] = LOW + steps * ((HIGH - LOW) / (len(LEVELS) - 1))
        self.code: NDArray[np.uint8] = np.full(0x10000, self.edge, np.uint8)
        for block in _BLOCKS[name]:
            for point in block:
                letter = _EXTRA.get(point) or (
                    chr(point).lower()
                    if chr(point).lower() in alphabet
                    else unicodedata.normalize("NFD", chr(point).lower())[0]
                )
                place = alphabet.find(letter)
                if place >= 0:
                    self.code[point] = place


_BLOCKS = {
    "latin": (range(0x41, 0x7B), range(0xC0, 0x250), range(0x1E00, 0x1F00), range(0xFF21, 0xFF5B)),
    "cyrillic": (range(0x400, 0x482), range(0x48A, 0x530)),
    "greek": (range(0x370, 0x400), range(0x1F00, 0x2000)),
}
_EXTRA = {
    0xC6: "a", 0xE6: "a", 0xD8: "o", 0xF8: "o", 0xDF: "s", 0x110: "d", 0x111: "d", 0x131: "i", 0x141: "l", 0x142: "l",
    0x152: "o", 0x153: "o", 0xD0: "d", 0xF0: "d", 0xDE: "t", 0xFE: "t", 0x3C2: "σ",
}  # fmt: skip

_TABLES = {"latin": LATIN, "cyrillic": CYRILLIC, "greek": GREEK}
_made: dict[str, Letters] = {}


def letters(name: str) -> Letters:
    """The alphabet `name` (latin, cyrillic, greek); made at first use."""
    if name not in _made:
        _made[name] = Letters(name, _TABLES[name])
    return _made[name]

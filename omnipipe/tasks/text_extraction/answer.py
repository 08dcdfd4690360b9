"""What every family does with an answer before its own parser: end marks, thoughts, code fences, formulas."""

from __future__ import annotations

import re

_END_MARKS = re.compile(
    r"(?:\s*(?:<\|(?:im_end|endoftext|end_of_text|end|eot_id)\|>|<｜end▁of▁sentence｜>|</s>|<end_of_utterance>))+\s*\Z"
)
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>", re.DOTALL)
_FENCE = re.compile(r"\A\s*```[ \t]*(\w*)[ \t]*\r?\n(.*?)(?:\r?\n?[ \t]*```)?\s*\Z", re.DOTALL)
_ENVELOPES = frozenset({"markdown", "md", "html", "json", "xml", "yaml", "doctags"})

# No formula begins inside another: an opening mark that is never closed must not be tried from every other one.
_INLINE = re.compile(r"\\\(((?:(?!\\\().)+?)\\\)")
_DISPLAY = re.compile(r"\\\[((?:(?!\\\[).)+?)\\\]", re.DOTALL)


def clean(text: str) -> str:
    """`text` without end marks, a thinking model's thoughts, and a code fence around all of it."""
    said = _END_MARKS.sub("", text)
    if said.lstrip().startswith("<think>"):
        said = _THOUGHTS.sub("", said)
    return unfenced(said).strip()


def unfenced(text: str) -> str:
    """`text` without the code fence that is around the whole of it; also one that an answer's end cut off.

    A page that is itself a listing of code keeps its fence: only the names of document formats, or none, are envelopes.
    """
    found = _FENCE.match(text) if text.lstrip().startswith("```") else None
    if found is None:
        return text
    language, inside = found[1].lower(), found[2]
    is_envelope = language in _ENVELOPES or (language in ("", "text") and "```" not in inside)
    return inside if is_envelope else text


def with_dollars(text: str) -> str:
    r"""`text` with formulas in `\(...\)` and `\[...\]` as `$...$` and `$$...$$`, which markdown readers know."""
    if "\\(" in text:
        text = _INLINE.sub(lambda found: f"${found[1].strip()}$", text)
    if "\\[" in text:
        text = _DISPLAY.sub(lambda found: f"$${found[1].strip()}$$", text)
    return text

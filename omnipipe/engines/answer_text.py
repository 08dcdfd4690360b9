"""An answer's text while its tokens come: whole characters only, cut at the first stop text, and seen to loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence

_UNFINISHED = "\ufffd"


class AnswerText:
    """Grows by tokens. `decode` turns token ids into text without special tokens; `text` has no stop text in it."""

    def __init__(self, decode: Callable[[list[int]], str], stop: Sequence[str] = ()) -> None:
        self._decode = decode
        self._stop = tuple(stop)
        self._tokens: list[int] = []
        # Texts are decoded from the token before the last whole one: some tokenizers drop a leading space.
        self._start = 0
        self._end = 0
        self._said = 0
        self.text = ""
        self.is_stopped = False

    def add(self, token: int) -> str:
        """The piece of text that is sure since the call before; nothing while it may become a stop text."""
        if self.is_stopped:
            return ""
        self._tokens.append(token)
        known = self._decode(self._tokens[self._start : self._end])
        grown = self._decode(self._tokens[self._start :])
        if len(grown) <= len(known) or grown.endswith(_UNFINISHED):
            return ""
        self._start, self._end = self._end, len(self._tokens)
        return self._grow(grown[len(known) :])

    def finish(self) -> str:
        """The last piece, half characters included."""
        if self.is_stopped:
            return ""
        known = self._decode(self._tokens[self._start : self._end])
        self._grow(self._decode(self._tokens[self._start :])[len(known) :])
        piece, self._said = self.text[self._said :], len(self.text)
        return piece

    def _grow(self, piece: str) -> str:
        searched = max(0, len(self.text) - max(map(len, self._stop), default=0))
        self.text += piece
        found = [place for stop in self._stop if (place := self.text.find(stop, searched)) >= 0]
        if found:
            self.is_stopped = True
            self.text = self.text[: min(found)]
        sure = len(self.text) if self.is_stopped else len(self.text) - self._num_unsure()
        said, self._said = self._said, max(self._said, sure)
        return self.text[said : self._said]

    def _num_unsure(self) -> int:
        """Characters at the end that may be the beginning of a stop text."""
        sizes = [size for stop in self._stop for size in range(1, len(stop)) if self.text.endswith(stop[:size])]
        return max(sizes, default=0)

"""What the families of this package have in common: a prompt for each format, one picture, and a parser to fill in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

from omnipipe.errors import ConfigError
from omnipipe.generation import GenerationParams
from omnipipe.model import Completion, ImagePart, Message, ModelFamily, OutputFormat, Request, TextPart
from omnipipe.page import Block, Page
from omnipipe.tasks.text_extraction.answer import clean


class Answer(NamedTuple):
    """What a parser made of an answer; `flags` come after those that the page has."""

    text: str
    blocks: tuple[Block, ...] = ()
    flags: tuple[str, ...] = ()
    text_format: str = "markdown"
    language: str | None = None


class PageFamily(ModelFamily):
    """A family that is asked about one page at a time, with one picture and one prompt."""

    prompts: ClassVar[Mapping[OutputFormat, str]]
    """The prompt for each format that the model itself can answer in; an empty one sends the picture alone."""
    prompt_first: ClassVar[bool] = False
    """Whether the prompt goes before the picture, as far as the chat template keeps the order."""

    def request(
        self,
        page: Page,
        params: GenerationParams,
        *,
        output_format: OutputFormat = "markdown",
        prompt: str | None = None,
    ) -> Request:
        """See `ModelFamily.request`.

        Raises:
            ConfigError: The family does not know the format.
            ValueError: The page has no picture.
        """
        if output_format not in self.output_formats:
            raise ConfigError(
                f"output_format {output_format!r} is not supported by {self.label}."
                f" Use one of: {', '.join(self.output_formats)}"
            )
        if page.image is None:
            raise ValueError(f"page {page.id} has no picture to ask about")
        if prompt is None:
            prompt = self.prompts.get(output_format, self.prompts["markdown"])
        parts: tuple[TextPart | ImagePart, ...] = (ImagePart(page.image),)
        if prompt:
            words = (TextPart(prompt),)
            parts = words + parts if self.prompt_first else parts + words
        return Request(id=page.id, messages=(Message("user", parts),), params=params)

    def parse(self, page: Page, completion: Completion) -> Page:
        """See `ModelFamily.parse`; status, route and measures are whose who asked."""
        said = clean(completion.text)
        answer = self.read(said, page) if said else Answer("")
        flags = answer.flags if answer.text.strip() else (*answer.flags, "no_text_found")
        return page.with_(
            text=answer.text,
            text_format=answer.text_format,
            blocks=answer.blocks,
            flags=tuple(dict.fromkeys((*page.flags, *flags))),
            language=answer.language or page.language,
        )

    def read(self, said: str, page: Page) -> Answer:
        """What `said`, an answer that is not empty and has no fences around it, means for `page`."""
        return Answer(said)

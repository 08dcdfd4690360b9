"""What all routes work with."""

from __future__ import annotations

from dataclasses import dataclass, field

from omnipipe.online.engine_service import EngineService
from omnipipe.online.jobs.store import JobStore
from omnipipe.online.service import DocumentService
from omnipipe.online.settings import ServeSettings
from omnipipe.online.web.auth import Keys
from omnipipe.online.web.page_image import PagePictures
from omnipipe.online.web.quotas import Quotas


@dataclass(kw_only=True)
class Online:
    """What the routes work with. Whoever makes it opens, starts and closes the store, the services and the engines."""

    documents: DocumentService
    store: JobStore
    engines: EngineService
    settings: ServeSettings
    keys: Keys
    quotas: Quotas = field(init=False)
    pictures: PagePictures = field(init=False)

    def __post_init__(self) -> None:
        self.quotas = Quotas(self.store, self.keys)
        self.pictures = PagePictures()

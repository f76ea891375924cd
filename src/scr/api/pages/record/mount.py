"""Where the pages of citizens and carers are put on an application."""

from __future__ import annotations

from fastapi import FastAPI

from scr.api.access.visits import Visits
from scr.api.pages.dress import Dress
from scr.api.pages.record.home import HomePage
from scr.api.pages.record.site import My
from scr.api.services import Services


def mount_my(app: FastAPI, services: Services, visits: Visits) -> None:
    """``/my``, and what all pages of the frame wear."""
    Dress.load(services.settings.home).mount(app)
    my = My(visits)
    app.include_router(HomePage(my).router())

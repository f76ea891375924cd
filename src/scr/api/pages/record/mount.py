"""Where the pages of citizens and carers are put on an application."""

from __future__ import annotations

from fastapi import FastAPI

from scr.access.looked import Teller
from scr.access.proxies import Proxies
from scr.api.access.people_build import acting_of, mine_of
from scr.api.access.proving import Proving
from scr.api.access.visits import Visits
from scr.api.pages.dress import Dress
from scr.api.pages.record.carers import CarersPages
from scr.api.pages.record.choices import ChoicesPages
from scr.api.pages.record.choosing import ChoosingPage
from scr.api.pages.record.could import CouldPage
from scr.api.pages.record.home import HomePage
from scr.api.pages.record.looked import LookedPages
from scr.api.pages.record.site import My
from scr.api.pages.record.whose import WhosePages
from scr.api.services import Services, now_ms


def mount_my(app: FastAPI, services: Services, visits: Visits, proving: Proving) -> None:
    """``/my``, and what all pages of the frame wear."""
    Dress.load(services.settings.home).mount(app)
    my = My(visits)
    app.include_router(HomePage(my, services.database).router())
    names = {ods.value: provider.name for ods, provider in services.providers.items()}
    teller, acting = Teller(services.policy, names), acting_of(services)
    app.include_router(CarersPages(my, services, acting, teller).router())
    proxies = Proxies(services.database, services.keys, services.policy, now_ms)
    mine = mine_of(services, proxies)
    app.include_router(LookedPages(my, mine, proving).router())
    app.include_router(CouldPage(my, mine, acting).router())
    app.include_router(ChoicesPages(my, mine, acting).router())
    app.include_router(ChoosingPage(my, mine, acting).router())
    app.include_router(WhosePages(my, acting).router())

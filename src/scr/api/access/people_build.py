"""What people do about who sees their record, put together."""

from __future__ import annotations

from fastapi import FastAPI

from scr.access.proxies import Proxies
from scr.api.access.acting import Acting
from scr.api.access.mine import Mine
from scr.api.access.people_routes import PeopleRoutes
from scr.api.access.visits import Visits
from scr.api.limits import Limits
from scr.api.services import Services, now_ms


def acting_of(services: Services) -> Acting:
    """Who acts for whom, of a deployment."""
    limits = Limits(services.database, services.keys, now_ms)
    return Acting(services.database, services.keys, services.policy, limits)


def mine_of(services: Services, proxies: Proxies) -> Mine:
    """Looks, questions, choices and previews, of a deployment."""
    names = {ods.value: provider.name for ods, provider in services.providers.items()}
    return Mine(services.database, services.keys, services.policy, services.broker, proxies, names)


def mount_people(app: FastAPI, services: Services, visits: Visits, proxies: Proxies) -> None:
    """Their JSON API."""
    routes = PeopleRoutes(visits, acting_of(services), mine_of(services, proxies))
    app.include_router(routes.router())

"""What a worker of ``scr serve`` begins with, checked before anything of it is opened."""

from __future__ import annotations

from starlette.types import ASGIApp

from scr.api.app import create_app
from scr.api.draining import Drain
from scr.api.intake import by_sender
from scr.api.logs import set_up_logs
from scr.api.oauth.build import check_sign_in
from scr.api.services import open_keys, read_configuration
from scr.api.signin.build import check_upstreams
from scr.data import DataFiles
from scr.settings import Settings, load


def application() -> ASGIApp:
    """What the server process serves: the settings come from its environment.

    Raises Invalid at the first mistake, with file and line.
    """
    settings = load().settings
    set_up_logs(settings.log_level)
    check(settings)
    return create_app(settings, listen=settings.intake, drain=Drain(signalled=True))


def check(settings: Settings) -> None:
    """Read all that a server begins with. Raises Invalid at the first mistake, with file and line."""
    _, _, providers = read_configuration(DataFiles(settings.home))
    by_sender(providers, several_issuers=len(settings.issuers) > 1)
    open_keys(settings)
    check_sign_in(settings)
    check_upstreams(settings)

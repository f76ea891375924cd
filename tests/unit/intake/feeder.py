"""One provider's feed of registrations into an intake: what the tests of counting and of drift send."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.intake.file_unit import Desk
from scr.intake.receive import Intake, Receipt
from scr.mapping.adapter import load_adapter
from scr.mapping.provider import DropFolderConnection, Feed, Provider
from scr.store import profiles
from scr.store.engine import Database
from scr.store.keys import KeyRing
from scr.store.profiles import DriftEvent

NOW = 1_772_020_800_000
HEADER = "NHS_Number,Family_Name,Given_Name,Date_of_Birth,Sex,Postcode,Practice_Code,Registered_On,Note"
ROW = "9990001014,Sample,Ada,1941-07-05,F,ZZ99 1AA,A81001,1999-03-02,{}"
_numbers = count()


class Feeder:
    """One provider's feed into an intake, with a policy."""

    def __init__(
        self, database: Database, keys: KeyRing, policy: str, clock: Callable[[], int] = lambda: NOW
    ) -> None:
        feed = {"name": "list", "adapter": "gp-registrations", "drift": policy}
        self.feed = Feed.model_validate({**feed, "connection": DropFolderConnection(kind="drop-folder")})
        self.provider = Provider(
            ods=OdsCode("Z9901"), name="X", organisation_type="gp-practice", go_live=None, feeds=(self.feed,)
        )
        adapter = load_adapter(DataFiles(), "gp-registrations")
        desk = Desk(keys, adapter.maps)
        providers = {self.provider.ods: self.provider}
        self.intake = Intake(database, keys, desk, {adapter.name: adapter}, providers, clock)
        self.database = database

    async def send(self, *rows: str, header: str = HEADER) -> Receipt:
        """Send a file; the last column makes each row another one."""
        text = "\n".join([header, *(row.format(next(_numbers)) for row in rows)])
        return await self.intake.receive(self.provider, self.feed, text.encode())

    def events(self) -> list[DriftEvent]:
        """What was noticed."""
        return self.database.read_now(lambda conn: profiles.events(conn, 0))

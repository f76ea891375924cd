"""The tables, the same on SQLite and PostgreSQL.

A table of a person has the person's opaque key as first column of its primary key, so that one
person's rows lie together (on SQLite: without a rowid, clustered) and a PostgreSQL that shards by
it answers from one shard. In the clear stand opaque keys and ids, types, sources, versions, times
and states; everything else is sealed bytes or a keyed hash. Instants are milliseconds UTC.
"""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import SQLModel

from scr.store.tables.alerts import AlertRow
from scr.store.tables.apps import ApprovalRow, GrantRow, LaunchRow, RefreshRow
from scr.store.tables.audit import AuditChainRow, AuditSealRow, AuditTableRow
from scr.store.tables.citizens import ChallengeRow, NoticeChoiceRow, NoticeRow
from scr.store.tables.claims import ClaimRow
from scr.store.tables.delegations import CapacityRow, DelegationRow, LookQuestionRow
from scr.store.tables.in_force import InForceRow
from scr.store.tables.limits import LimitRow
from scr.store.tables.links import BarRow, LinkRow, MovedRow
from scr.store.tables.looks import JobRow, LastLookRow
from scr.store.tables.messages import LongPayloadRow, MessageRow, QuarantineRow, WaitingRow
from scr.store.tables.misuse import (
    MisuseCursorRow,
    MisuseDayRow,
    MisuseFindingRow,
    MisuseStaffRow,
    MisuseVipRow,
    MisuseVisitRow,
)
from scr.store.tables.people import (
    PersonDoubtRow,
    PersonIndexRow,
    PersonRow,
    PersonTraceRow,
    RelationshipRow,
)
from scr.store.tables.providers import (
    CoverageDayRow,
    DriftEventRow,
    FeedProfileRow,
    LossDayRow,
    OnboardingEventRow,
)
from scr.store.tables.record import (
    HeldRow,
    LocatorRow,
    PulledRow,
    ResourceHistoryRow,
    ResourceRow,
    SnapshotRow,
)
from scr.store.tables.sharing import SharingRow
from scr.store.tables.sign_in import ClientRow, SessionRow, SpentRow
from scr.store.tables.terminology import CodeGapRow, RemapRow
from scr.store.tables.turns import ErasureRow, KeyTurnRow

metadata = SQLModel.metadata


def _table(row: type[SQLModel]) -> Table:
    return metadata.tables[str(row.__tablename__)]


PERSON = _table(PersonRow)
PERSON_INDEX = _table(PersonIndexRow)
PERSON_TRACE = _table(PersonTraceRow)
RELATIONSHIP = _table(RelationshipRow)
PERSON_DOUBT = _table(PersonDoubtRow)
CLAIM = _table(ClaimRow)
DELEGATION = _table(DelegationRow)
CAPACITY = _table(CapacityRow)
LOOK_QUESTION = _table(LookQuestionRow)
LINK = _table(LinkRow)
MOVED = _table(MovedRow)
LINK_BAR = _table(BarRow)
HELD = _table(HeldRow)
RESOURCE = _table(ResourceRow)
HISTORY = _table(ResourceHistoryRow)
LOCATOR = _table(LocatorRow)
SHARING = _table(SharingRow)
MESSAGE = _table(MessageRow)
LONG_PAYLOAD = _table(LongPayloadRow)
QUARANTINE = _table(QuarantineRow)
WAITING = _table(WaitingRow)
SNAPSHOT = _table(SnapshotRow)
PULLED = _table(PulledRow)
LAST_LOOK = _table(LastLookRow)
JOB = _table(JobRow)
AUDIT = _table(AuditTableRow)
AUDIT_CHAIN = _table(AuditChainRow)
AUDIT_SEAL = _table(AuditSealRow)
ONBOARDING = _table(OnboardingEventRow)
LOSS_DAY = _table(LossDayRow)
COVERAGE_DAY = _table(CoverageDayRow)
FEED_PROFILE = _table(FeedProfileRow)
DRIFT = _table(DriftEventRow)
CODE_GAP = _table(CodeGapRow)
REMAP = _table(RemapRow)
CLIENT = _table(ClientRow)
SPENT = _table(SpentRow)
SESSION = _table(SessionRow)
APP_GRANT = _table(GrantRow)
APP_REFRESH = _table(RefreshRow)
APP_LAUNCH = _table(LaunchRow)
APP_APPROVAL = _table(ApprovalRow)
ATTEMPTS = _table(LimitRow)
IN_FORCE = _table(InForceRow)
ALERT = _table(AlertRow)
NOTICE = _table(NoticeRow)
NOTICE_CHOICE = _table(NoticeChoiceRow)
CHALLENGE = _table(ChallengeRow)
KEY_TURN = _table(KeyTurnRow)
ERASURE = _table(ErasureRow)
MISUSE_CURSOR = _table(MisuseCursorRow)
MISUSE_VISIT = _table(MisuseVisitRow)
MISUSE_DAY = _table(MisuseDayRow)
MISUSE_STAFF = _table(MisuseStaffRow)
MISUSE_VIP = _table(MisuseVipRow)
MISUSE_FINDING = _table(MisuseFindingRow)

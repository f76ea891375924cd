"""The rules, as tables in the order in which they are asked. Each is one small function.

A rule gives the reason to deny, or None. The first that denies decides, unless a broken glass lifts its
kind of denial: then the next ones are asked all the same. A rule knows nothing of those before it, but
that they did not deny.
"""

from __future__ import annotations

from scr.consent.rules.actor import ACTOR_RULES as ACTOR_RULES
from scr.consent.rules.entry import CONSENT_RULE as CONSENT_RULE
from scr.consent.rules.entry import ENTRY_RULES as ENTRY_RULES
from scr.consent.rules.person import PERSON_RULES as PERSON_RULES
from scr.consent.rules.rule import Ask as Ask
from scr.consent.rules.rule import AskEntry as AskEntry
from scr.consent.rules.rule import AskWhole as AskWhole
from scr.consent.rules.rule import Rule as Rule

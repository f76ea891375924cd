"""What a choice about sharing does and what it costs, in the words of its person's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scr.api.pages.tongue import N_, Tongue
from scr.consent.policy import Policy
from scr.consent.sharing import Asker, SharingRule
from scr.fhir.dates import LONDON, utc
from scr.fhir.privacy_consent import ALWAYS
from scr.fhir.shown.plain import Language
from scr.fhir.shown.words import heading_title

_COSTS_PART = N_("People who cannot see it may ask you again, do a test again, or decide without knowing it.")
_COSTS_FROM = N_(
    "They only know what they wrote themselves and what you tell them. This is so in an emergency too."
)
_COSTS_ALL = N_(
    "In an emergency nobody sees your allergies, your medicines or your wishes. "
    "Each place that cares for you still has its own notes."
)
_COSTS_SEALED = N_(
    "Everybody else may ask you again, do a test again, or decide without knowing it. "
    "This is so in an emergency too. They are told that you keep something back, and not what it is."
)


@dataclass(frozen=True, slots=True)
class ChoiceWords:
    """Tells of rules. ``names`` are of organisations by ODS code, ``carers`` of carers by subject."""

    tongue: Tongue
    policy: Policy
    names: Mapping[str, str]
    carers: Mapping[str, str]

    def does(self, rule: SharingRule) -> Sequence[str]:
        """What a rule does, in sentences."""
        say, what = self.tongue.say, self._what(rule)
        if rule.sealed:
            told = [say(N_("Only the place that wrote it can see %(what)s. You see it too."), {"what": what})]
        elif not rule.askers and rule.deny:
            told = [say(N_("Nobody who cares for you can see %(what)s."), {"what": what})]
        elif not rule.askers:
            told = [say(N_("Everybody who cares for you can see %(what)s."), {"what": what})]
        else:
            pattern = N_("%(who)s cannot see %(what)s.") if rule.deny else N_("%(who)s can see %(what)s.")
            told = [say(pattern, {"who": self._all(map(self._who, rule.askers)), "what": what})]
        if rule.unless and not rule.sealed:
            told.append(say(N_("This leaves out those that you let see it.")))
        if rule.ends < ALWAYS[1]:
            last = utc(rule.ends - 1).astimezone(LONDON).date()
            told.append(say(N_("It ends after %(day)s."), {"day": self.tongue.day(last)}))
        return told

    def costs(self, rule: SharingRule) -> str:
        """What it costs the person."""
        if not rule.deny:
            return self.tongue.say(N_("They can see it until you change this, or until it ends."))
        if rule.sealed:
            return self.tongue.say(_COSTS_SEALED)
        if not rule.whole:
            return self.tongue.say(_COSTS_PART)
        return self.tongue.say(_COSTS_FROM if rule.askers else _COSTS_ALL)

    def _who(self, asker: Asker) -> str:
        say, value = self.tongue.say, asker.value
        if asker.kind == "organisation":
            return say(N_("Everybody at %(name)s"), {"name": self.names.get(value, value)})
        if asker.kind == "role":
            role = self.policy.roles.get(value)
            name = value if role is None else say(role.name)
            return say(N_("Everybody who works as %(name)s"), {"name": name})
        if asker.kind == "author":
            return say(N_("The place that wrote it"))
        if asker.kind == "person":
            return self.carers.get(value) or say(N_("A person who acts for you"))
        return say(N_("One professional"))

    def _what(self, rule: SharingRule) -> str:
        say, parts = self.tongue.say, []
        if rule.things:
            parts.append(say(N_("one thing in your record")) if len(rule.things) == 1 else
                         say(N_("%(count)s things in your record"), {"count": len(rule.things)}))  # fmt: skip
        if rule.labels:
            marked = [self._label(one) for one in rule.labels]
            parts.append(say(N_("what is marked “%(name)s”"), {"name": self._all(marked)}))
        if rule.headings or rule.types:
            language: Language = "cy" if self.tongue.code == "cy" else "en"
            titles = [heading_title(one, language, plain=True) for one in rule.headings]
            parts.append("“" + self._all([*titles, *rule.types]) + "”")
        if rule.dated:
            parts.append(say(N_("what is from a certain time")))
        if rule.sources:
            told = self._all([self.names.get(one, one) for one in rule.sources])
            parts.append(say(N_("what %(name)s wrote"), {"name": told}))
        return ", ".join(parts) or say(N_("your record"))

    def _label(self, token: str) -> str:
        code = token.rpartition("|")[2]
        label = self.policy.labels.labels.get(code)
        return code if label is None else self.tongue.say(label.name)

    @staticmethod
    def _all(names: Iterable[str]) -> str:
        return ", ".join(names)


def all_does(words: ChoiceWords, rules: Sequence[SharingRule]) -> Sequence[str]:
    """What the rules of a choice do; who is let see what is sealed is told with what seals it."""
    sealed = {exception for rule in rules if rule.sealed for exception in rule.unless}
    return [sentence for rule in rules if rule not in sealed for sentence in words.does(rule)]


def all_costs(words: ChoiceWords, rules: Sequence[SharingRule]) -> Sequence[str]:
    """What they cost, each once."""
    sealed = {exception for rule in rules if rule.sealed for exception in rule.unless}
    return list(dict.fromkeys(words.costs(rule) for rule in rules if rule not in sealed))

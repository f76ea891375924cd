"""Statuses, interpretations and a few codes in the words of somebody who is no clinician.

What has no words here is shown as it came.
"""

from __future__ import annotations

from scr.fhir.shown.plain import Language
from scr.fhir.shown.words import Words, of

_STATUSES: Words = {
    "active": ("current", "cyfredol"),
    "amended": ("changed since it was first written", "newidiwyd ers ei ysgrifennu gyntaf"),
    "accepted": ("accepted", "derbyniwyd"),
    "appended": ("added to since", "ychwanegwyd ato ers hynny"),
    "arrived": ("arrived", "wedi cyrraedd"),
    "available": ("ready", "yn barod"),
    "booked": ("booked", "wedi'i drefnu"),
    "cancelled": ("cancelled", "wedi'i ganslo"),
    "checked-in": ("arrived", "wedi cyrraedd"),
    "completed": ("finished", "wedi gorffen"),
    "corrected": ("corrected", "wedi'i gywiro"),
    "current": ("", ""),
    "declined": ("declined", "gwrthodwyd"),
    "differential": ("one of several possibilities", "un o sawl posibilrwydd"),
    "draft": ("draft", "drafft"),
    "entered-in-error": ("entered by mistake", "cofnodwyd drwy gamgymeriad"),
    "failed": ("did not work", "ni weithiodd"),
    "final": ("", ""),
    "finished": ("ended", "wedi dod i ben"),
    "fulfilled": ("attended", "mynychwyd"),
    "inactive": ("no longer active", "ddim yn weithredol mwyach"),
    "in-progress": ("going on now", "yn digwydd nawr"),
    "intended": ("planned", "wedi'i gynllunio"),
    "noshow": ("missed", "wedi'i golli"),
    "not-done": ("not done", "heb ei wneud"),
    "not-taken": ("not taken", "heb ei gymryd"),
    "on-hold": ("paused", "wedi'i oedi"),
    "onhold": ("paused", "wedi'i oedi"),
    "onleave": ("away for a while", "i ffwrdd am ychydig"),
    "partial": ("part of it is ready", "mae rhan yn barod"),
    "pending": ("waiting for an answer", "yn aros am ateb"),
    "planned": ("planned", "wedi'i gynllunio"),
    "preliminary": ("first result, it may change", "canlyniad cyntaf, gall newid"),
    "proposed": ("proposed", "wedi'i gynnig"),
    "provisional": ("possible, not confirmed", "posibl, heb ei gadarnhau"),
    "ready": ("ready", "yn barod"),
    "received": ("received", "derbyniwyd"),
    "recurrence": ("came back", "wedi dychwelyd"),
    "refuted": ("ruled out", "wedi'i ddiystyru"),
    "registered": ("not ready yet", "ddim yn barod eto"),
    "rejected": ("not accepted", "heb ei dderbyn"),
    "relapse": ("came back", "wedi dychwelyd"),
    "remission": ("in remission", "mewn gwellhad"),
    "requested": ("asked for", "gofynnwyd amdano"),
    "resolved": ("in the past", "yn y gorffennol"),
    "retired": ("no longer used", "ddim yn cael ei ddefnyddio mwyach"),
    "revoked": ("withdrawn", "wedi'i dynnu'n ôl"),
    "stopped": ("stopped", "wedi'i stopio"),
    "superseded": ("replaced by a newer one", "wedi'i ddisodli gan un newydd"),
    "suspended": ("paused", "wedi'i oedi"),
    "triaged": ("being looked at", "yn cael ei ystyried"),
    "unconfirmed": ("not confirmed", "heb ei gadarnhau"),
    "unknown": ("not known whether current", "ddim yn hysbys a yw'n gyfredol"),
    "waitlist": ("on the waiting list", "ar y rhestr aros"),
    "Immunization.completed": ("given", "rhoddwyd"),
    "Immunization.not-done": ("not given", "ni roddwyd"),
    "MedicationAdministration.completed": ("given", "rhoddwyd"),
    "MedicationAdministration.not-done": ("not given", "ni roddwyd"),
    "Procedure.completed": ("done", "wedi'i wneud"),
    "Condition.confirmed": ("", ""),
    "AllergyIntolerance.confirmed": ("", ""),
    "Organization.active": ("", ""),
    "Location.active": ("", ""),
}


_READINGS: Words = {
    "H": ("High", "Uchel"),
    "HI": ("High", "Uchel"),
    "HU": ("Very high", "Uchel iawn"),
    "HH": ("Very high", "Uchel iawn"),
    "L": ("Low", "Isel"),
    "LO": ("Low", "Isel"),
    "LU": ("Very low", "Isel iawn"),
    "LL": ("Very low", "Isel iawn"),
    "N": ("Normal", "Normal"),
    "A": ("Outside the usual range", "Y tu allan i'r ystod arferol"),
    "AA": ("Far outside the usual range", "Ymhell y tu allan i'r ystod arferol"),
    "OR": ("Outside the usual range", "Y tu allan i'r ystod arferol"),
    "PA": ("May be outside the usual range", "Gall fod y tu allan i'r ystod arferol"),
    "POS": ("Positive", "Cadarnhaol"),
    "NEG": ("Negative", "Negyddol"),
    "DET": ("Found", "Canfuwyd"),
    "ND": ("Not found", "Heb ei ganfod"),
    "S": ("Responds to this medicine", "Yn ymateb i'r feddyginiaeth hon"),
    "R": ("Does not respond to this medicine", "Ddim yn ymateb i'r feddyginiaeth hon"),
    "U": ("Much higher than before", "Llawer uwch nag o'r blaen"),
    "D": ("Much lower than before", "Llawer is nag o'r blaen"),
    "B": ("Better", "Gwell"),
    "W": ("Worse", "Gwaeth"),
    "above": ("Above the range given", "Uwchlaw'r ystod a roddir"),
    "below": ("Below the range given", "Islaw'r ystod a roddir"),
}


_CODES: Words = {
    "male": ("male", "gwryw"),
    "female": ("female", "benyw"),
    "mild": ("mild", "ysgafn"),
    "moderate": ("moderate", "cymedrol"),
    "severe": ("severe", "difrifol"),
    "high": ("can be serious", "gall fod yn ddifrifol"),
    "low": ("not thought to be serious", "ni chredir ei fod yn ddifrifol"),
    "unable-to-assess": ("not known", "ddim yn hysbys"),
}


def status_words(kind: str, status: str, language: Language) -> str:
    """A status in words; nothing where it says only what everybody expects."""
    for key in (f"{kind}.{status}", status):
        if key in _STATUSES:
            return of(_STATUSES, key, language)
    return status


def reading_words(code: str, language: Language) -> str:
    """How a result was interpreted, by the code of it; empty for a code without words."""
    return of(_READINGS, code, language)


def code_words(code: str, language: Language) -> str:
    """The words of a code that stands for itself; empty for one without."""
    return of(_CODES, code, language)

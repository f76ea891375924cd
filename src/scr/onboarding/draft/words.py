"""What a column's name says: whom it is about, what part of them or of an event it is, which sort of thing.

Tables of words, as suppliers in England write their headers; the first that fits holds.
"""

from __future__ import annotations

import re
from functools import cache

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_LETTERS = re.compile(r"[\W_]+")
_DAY_OF = re.compile(r"(?<![A-Z])Do([BD])(?![a-z])")
_SPELLINGS = """
nhs number: nhsno nhsnumber nhsnum
birth date: dob
death date: dod
next of kin: nok
number: no num nr
reference: ref
phone: tel telephone
mobile: mob
mobile phone: mobile
postcode: pcode
family name: surname sname lname lastname
given name: firstname fname forename forenames
appointment: appt
diagnosis: dx
medication: rx meds medicines medications
address: addr
quantity: qty
description: desc
organisation: org organization
department: dept
blood pressure: bp
heart rate: hr
respiratory rate: rr
temperature: temp
weight: wt
height: ht
oxygen saturation: spo2
allergies: allergy
hospital: hosp
admission: adm
discharge: disch
dnacpr: dnar
"""
"""What is meant: how suppliers write it."""
_SPELT = {
    spelling: meant
    for meant, _, spellings in (line.partition(": ") for line in _SPELLINGS.strip().splitlines())
    for spelling in spellings.split()
}

_ABOUT = (
    (
        "contact",
        r"next of kin|emergency contact|relative|carer|main contact|contact (name|phone|mobile|"
        r"number|relationship|email)|(primary|family) contact|contacts|related person|relationship",
    ),
    ("gp", r"gp|surgery|general practitioner|gp practice|registered practice|practice"),
    (
        "provider",
        r"provider|care home|home name|hospital name|agency|organisation|supplier|cqc|store|depot|"
        r"managing",
    ),
    (
        "staff",
        r"worker|consultant|clinician|nurse|prescriber|assessor|practitioner|staff|therapist|"
        r"author|((assessed|recorded|entered|requested|referred|prescribed|completed|seen|ordered|"
        r"created|updated|reviewed|signed|delivered|written|given) by)|coordinator|manager|"
        r"lead professional|doctor|responsible|user name|referrer|requester",
    ),
)
"""Whom a field is about, if it is not the person of the record."""

_PARTS = (
    ("nhs", r"nhs number|nhs|nhs id"),
    ("sex", r"sex|gender|administrative gender"),
    ("death", r"death( date)?|date of death|deceased.*|died.*"),
    ("birth", r"birth( ?date)?|date of birth|(person |patient |client |resident )?(birth date|born)"),
    ("ethnicity", r"ethnic.*"),
    ("language", r"language|preferred language|first language"),
    ("title", r"title|salutation|name prefix|prefix"),
    ("preferred", r"known as|preferred name|likes to be called|nickname"),
    ("relationship", r".*relationship.*|relation"),
    ("family", r".*family( name)?|last|(.* )?name last|.*last name|.*family name.*"),
    (
        "given",
        r"first|given|middle|(.* )?name (first|middle)|.*given( names?)?|.*first names?|"
        r".*middle names?|.*given name.*",
    ),
    ("postcode", r".*post ?code.*|zip( code)?|.*postal code.*"),
    ("email", r".*e ?mail.*"),
    ("phone", r".*phone.*|contact number|.*mobile.*|landline|.*telecom.*"),
    ("address", r".*address.*|street|town|city|county|house (number|name)|(property|line) ?\d?"),
    (
        "money",
        r".*\b(cost|price|fee|fees|invoice|funding|funder|budget|payment|charge|vat|amount paid|"
        r"rate card)\b.*",
    ),
    ("status", r".*(status|state)|active|is active|attended|attendance( outcome)?|current"),
    ("outcome", r".*outcome.*|.*result of .*|disposal|.*disposition.*"),
    ("duration", r".*duration.*|length|minutes|.*mins"),
    (
        "end",
        r".*\b(end|ended|finish|finished|discharge|discharged|discharge date|left|leaving|closed|"
        r"close|returned|return|expiry|expires|to|until|stop|stopped|ceased|completed|collected|"
        r"collection|departure|resolved)( date| on| time| date time)?|date (to|left|closed|ended|"
        r"returned|discharged|collected|completed|resolved)",
    ),
    ("due", r".*\b(due|next|planned|expected|review date|scheduled|target)\b.*"),
    (
        "start",
        r".*\b(start|started|begin|began|admission|admitted|admission date|from|issued|issue|"
        r"commenced|loan|loaned|delivered|delivery|opened|open|received|referral|referred|arrival|"
        r"arrived|moved in|onset|effective|entry|diagnosed|diagnosis|administered|given|requested|"
        r"recorded|prescribed|event|incident|contact|assessment|appointment|visit|clinic|"
        r"attendance|taken|installed|placed)( date| on| time| at| date time)|date (of .*|from|"
        r"admitted|in|issued|started|referred|received|loaned|delivered|recorded|opened|moved in|"
        r"seen|installed|fitted|given)|.*\b(start|started|admitted|issued|commenced|loaned|"
        r"delivered|opened|onset|moved in|installed|recorded at|taken|seen)",
    ),
    ("time", r".*\btime|.*\btime of .*|slot"),
    ("date", r"date|.*\bdate\b.*|day|when|on|.*timestamp.*|.* at"),
    (
        "id",
        r".*\b(id|identifier|number|reference|mrn|uid|guid|uuid|key|urn|pin|code)|mrn|crn|"
        r"asset tag|barcode|serial.*|tag",
    ),
    (
        "note",
        r".*(notes?|comments?|remarks?|narrative|details|summary|text|instructions|information|"
        r"observations made|free text|history|presenting.*|about me|what matters.*|how to .*)\b.*",
    ),
    ("description", r".*description.*"),
    ("quantity", r".*quantity.*|number of .*|count|units|how many|.*per week"),
    ("unit", r".*units?|uom"),
    ("priority", r".*priority.*|urgency|urgent"),
    ("reason", r".*(reason|indication|cause|purpose|why)\b.*"),
    (
        "place",
        r".*\b(room|bed|floor|wing|ward|location|site|bay|unit|clinic|hospital|building)( name|"
        r" number)?",
    ),
    (
        "type",
        r".*\b(type|category|class|kind|specialty|speciality|setting|level|mode|method|group|"
        r"route|component|service|department)( name| description)?",
    ),
    ("name", r".*\bname\b.*|name|patient|resident|client|service user|person"),
)  # fmt: skip
"""What part of a person or of an event a field is."""

_PERSON_ID = re.compile(
    r"\b(resident|client|patient|person|service user|hospital|mrn|crn|pas|local|district|rio|emis|swift|"
    r"mosaic|liquidlogic|unique|record|casenote|pid|la person)\b.*|mrn|crn"
)


def words_of(name: str) -> str:
    """A column's name as words in small letters, its abbreviations spelt out: ``nhs number``."""
    return _words(name)


@cache
def _words(name: str) -> str:
    name = name.replace("DoLS", "dols").replace("ReSPECT", "respect")
    name = _DAY_OF.sub(lambda m: f" do{m[1].lower()} ", name)
    spaced = _NOT_LETTERS.sub(" ", _CAMEL.sub(" ", name)).lower().replace("nhs no", "nhs number")
    spaced = re.sub(
        r"\bd o b\b", "dob", spaced.replace("date of birth", "birth date").replace("date birth", "birth date")
    )
    spaced = re.sub(r"\b(fore|sur|last|first|given|family) ?names?\b", lambda m: m[1] + "name", spaced)
    spaced = spaced.replace("givenname", "given name").replace("familyname", "family name")
    spaced = re.sub(r"\bdate of death\b", "death date", spaced)
    return " ".join(_SPELT.get(word, word) for word in spaced.split())


@cache
def about(words: str) -> str:
    """Whom a field is about: "" for the person, ``contact``, ``gp``, ``provider``, ``staff``."""
    return next((who for who, pattern in _ABOUT if re.search(rf"\b({pattern})\b", words)), "")


@cache
def part(words: str) -> str:
    """What part it is: ``birth``, ``status``, ``start`` …; "" where the name does not say."""
    return next((name for name, pattern in _PARTS if re.fullmatch(pattern, words)), "")


def is_person_id(words: str) -> bool:
    """Whether an identifier is the person's and not an event's."""
    return _PERSON_ID.fullmatch(words) is not None


_GIVEN = """
ada adam agnes ahmed alan albert alice amelia amir amy andrew angela ann anna anne anthony arthur barbara
beatrice ben beryl betty brenda brian carol caroline catherine charles charlotte chris christine
christopher clare clive colin daisy daniel david dawn deborah derek diana donald doreen doris dorothy
douglas edith edward eileen elaine eleanor elizabeth ellen elsie emily emma eric ernest ethel eva evelyn
fatima florence frances frank fred frederick gareth gary geoffrey george gerald gillian gladys gordon
grace graham hannah harold harry hassan hazel heather helen henry hilda hugh ian ibrahim irene iris isabel
ivy jack jacqueline james jane janet jean jennifer jessica jill joan joanne john joseph joyce judith julia
julie june karen kate kathleen keith kenneth kevin laura lee leonard leslie lilian linda louise lucy lynn
mabel malcolm margaret maria marie marion marjorie mark martin mary maureen mavis michael michelle
mohammed muhammad muriel nancy neil nicola nigel nora norma norman olive oliver olivia omar pamela
patricia patrick paul pauline peggy peter philip phyllis priya rachel raj ralph ray raymond rebecca
richard rita robert robin roger ronald rose roy ruby ruth sally sam samantha samuel sandra sarah sheila
shirley simon sofia sophie stanley stella stephen steven stuart susan sylvia terence teresa thomas tracey
valerie vera veronica victor victoria vincent violet vivian walter wendy wilfred william winifred yusuf
yvonne zainab zoe
"""
GIVEN_NAMES = frozenset(_GIVEN.split())
"""Common given names: a column with some of them holds people, whatever its header says."""
_TITLES = "mr mrs miss ms mx dr rev sir lady prof professor master lord dame"
TITLES = frozenset(_TITLES.split())

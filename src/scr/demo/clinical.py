"""The clinical vocabulary of the demonstration: few codes, each well known.

Codes are SNOMED CT (UK edition; medicines are dm+d virtual products, which are SNOMED CT codes too),
ICD-10 as hospitals write it (no dot, `X` for a missing fourth character) and Read v2 where a GP
system would still show it. Local codes are the laboratory's own.
"""

from __future__ import annotations

from dataclasses import dataclass

SNOMED = "http://snomed.info/sct"
READ_V2 = "http://read.info/readv2"
DMD = "https://dmd.nhs.uk"


@dataclass(frozen=True, slots=True)
class Coded:
    """A SNOMED CT code and its term."""

    code: str
    term: str


@dataclass(frozen=True, slots=True)
class Drug:
    """A virtual medicinal product: how it is taken by default and otherwise, and its issue."""

    code: str
    term: str
    dosage: str
    other_dosage: str
    quantity: int
    unit: str = "tablet"


@dataclass(frozen=True, slots=True)
class Disease:
    """A long-term condition, what is taken for it, what is measured for it, and whom it befalls.

    ``chance`` is per cent among those of at least ``from_age`` years.
    """

    code: str
    term: str
    icd10: str
    read: str
    from_age: int
    chance: int
    drugs: tuple[str, ...] = ()
    panels: tuple[str, ...] = ()


DRUGS: dict[str, Drug] = {
    "metformin": Drug(
        "325278007",
        "Metformin 500mg tablets",
        "One to be taken twice a day with meals",
        "Two to be taken twice a day with meals",
        56,
    ),
    "gliclazide": Drug(
        "325242002",
        "Gliclazide 80mg tablets",
        "One to be taken each morning",
        "One to be taken twice a day",
        28,
    ),
    "ramipril": Drug(
        "318906001",
        "Ramipril 10mg capsules",
        "One to be taken each day",
        "One to be taken at night",
        28,
        "capsule",
    ),
    "amlodipine": Drug(
        "319284000",
        "Amlodipine 10mg tablets",
        "One to be taken each day",
        "Half a tablet to be taken each day",
        28,
    ),
    "furosemide": Drug(
        "317971007",
        "Furosemide 20mg tablets",
        "One to be taken each morning",
        "Two to be taken each morning",
        28,
    ),
    "digoxin": Drug(
        "317896006",
        "Digoxin 125microgram tablets",
        "One to be taken each day",
        "Half a tablet to be taken each day",
        28,
    ),
    "aspirin": Drug(
        "319773006",
        "Aspirin 75mg dispersible tablets",
        "One to be taken each day",
        "One to be taken on alternate days",
        28,
    ),
    "clopidogrel": Drug(
        "319799004", "Clopidogrel 75mg tablets", "One to be taken each day", "Stopped before surgery", 28
    ),
    "atorvastatin": Drug(
        "320030001",
        "Atorvastatin 20mg tablets",
        "One to be taken at night",
        "Two to be taken at night",
        28,
    ),
    "salbutamol": Drug(
        "39113611000001102",
        "Salbutamol 100micrograms/dose inhaler CFC free",
        "One or two puffs to be inhaled up to four times a day when required",
        "Two puffs to be inhaled four times a day",
        1,
        "inhaler",
    ),
    "citalopram": Drug(
        "321987003",
        "Citalopram 20mg tablets",
        "One to be taken each day",
        "Half a tablet to be taken each day",
        28,
    ),
    "omeprazole": Drug(
        "317291008",
        "Omeprazole 20mg gastro-resistant capsules",
        "One to be taken each day",
        "One to be taken twice a day",
        28,
        "capsule",
    ),
    "levothyroxine": Drug(
        "374296008",
        "Levothyroxine sodium 100microgram tablets",
        "One to be taken each morning",
        "One to be taken on alternate mornings",
        28,
    ),
    "paracetamol": Drug(
        "322236009",
        "Paracetamol 500mg tablets",
        "One or two to be taken up to four times a day when required",
        "Two to be taken four times a day",
        100,
    ),
    "amoxicillin": Drug(
        "323510009",
        "Amoxicillin 500mg capsules",
        "One to be taken three times a day",
        "One to be taken three times a day",
        21,
        "capsule",
    ),
    "doxycycline": Drug(
        "324059006",
        "Doxycycline 100mg capsules",
        "Two on the first day, then one each day",
        "One to be taken each day",
        8,
        "capsule",
    ),
    "allopurinol": Drug(
        "330062008",
        "Allopurinol 300mg tablets",
        "One to be taken each day",
        "Half a tablet to be taken each day",
        28,
    ),
}

DISEASES: dict[str, Disease] = {
    "hypertension": Disease(
        "38341003", "Hypertensive disorder", "I10X", "G2...00", 40, 34, ("amlodipine", "ramipril"), ("renal",)
    ),
    "diabetes": Disease(
        "44054006",
        "Type 2 diabetes mellitus",
        "E119",
        "C10F.00",
        38,
        14,
        ("metformin", "gliclazide", "atorvastatin"),
        ("hba1c", "renal", "lipids"),
    ),
    "asthma": Disease("195967001", "Asthma", "J459", "H33..00", 4, 12, ("salbutamol",)),
    "copd": Disease(
        "13645005", "Chronic obstructive pulmonary disease", "J449", "H3...00", 50, 9, ("salbutamol",)
    ),
    "heart-failure": Disease(
        "84114007", "Heart failure", "I509", "G58..00", 62, 12, ("furosemide", "ramipril"), ("renal",)
    ),
    "atrial-fibrillation": Disease(
        "49436004", "Atrial fibrillation", "I489", "G573000", 60, 14, ("digoxin",), ("renal",)
    ),
    "heart-disease": Disease(
        "414545008",
        "Ischaemic heart disease",
        "I259",
        "G3...00",
        50,
        12,
        ("aspirin", "atorvastatin"),
        ("lipids",),
    ),
    "stroke": Disease(
        "230690007",
        "Cerebrovascular accident",
        "I64X",
        "G66..00",
        58,
        7,
        ("clopidogrel", "atorvastatin"),
        ("lipids",),
    ),
    "kidney": Disease(
        "709044004", "Chronic kidney disease", "N189", "1Z1..00", 60, 15, (), ("renal", "blood-count")
    ),
    "depression": Disease("35489007", "Depressive disorder", "F329", "E2B..00", 18, 14, ("citalopram",)),
    "anxiety": Disease("197480006", "Anxiety disorder", "F419", "E200.00", 16, 10, ("citalopram",)),
    "dementia": Disease("52448006", "Dementia", "F03X", "Eu02z00", 72, 16, (), ("blood-count",)),
    "osteoarthritis": Disease("396275006", "Osteoarthritis", "M199", "N05..00", 50, 24, ("paracetamol",)),
    "hypothyroidism": Disease(
        "40930008", "Hypothyroidism", "E039", "C04..00", 35, 8, ("levothyroxine",), ("thyroid",)
    ),
    "reflux": Disease(
        "235595009", "Gastro-oesophageal reflux disease", "K219", "J10y400", 30, 13, ("omeprazole",)
    ),
    "gout": Disease("90560007", "Gout", "M109", "C34..00", 45, 6, ("allopurinol",), ("renal",)),
    "epilepsy": Disease("84757009", "Epilepsy", "G409", "F25..00", 5, 2),
    "frailty": Disease("248279007", "Frailty", "R54X", "2Jd..00", 80, 30, (), ("blood-count",)),
    # Befalls nobody by chance: it is restricted, and the story says whom to ask for to see it withheld.
    "hiv": Disease("86406008", "Human immunodeficiency virus infection", "B24X", "A788.00", 18, 0),
}

RASH = Coded("271807003", "Eruption of skin")
ANAPHYLAXIS = Coded("39579001", "Anaphylaxis")
HIVES = Coded("126485001", "Urticaria")
VOMITING = Coded("422400008", "Vomiting")

ALLERGIES: dict[str, tuple[Coded, Coded, str]] = {
    "penicillin": (Coded("91936005", "Allergy to penicillin"), RASH, "moderate"),
    "peanut": (Coded("91935009", "Allergy to peanut"), ANAPHYLAXIS, "severe"),
    "aspirin": (Coded("293586001", "Allergy to aspirin"), HIVES, "moderate"),
    "egg": (Coded("91930004", "Allergy to edible egg"), VOMITING, "mild"),
    "latex": (Coded("300916003", "Allergy to latex"), RASH, "mild"),
    "erythromycin": (Coded("91931000", "Allergy to erythromycin"), VOMITING, "mild"),
}
FOOD_ALLERGIES = frozenset({"91935009", "91930004"})
DRUG_ALLERGIES = frozenset({"91936005", "293586001", "91931000"})
NO_KNOWN_ALLERGY = Coded("716186003", "No known allergy")

INFLUENZA = Coded("86198006", "Administration of influenza vaccine")
PNEUMOCOCCAL = Coded("12866006", "Administration of pneumococcal vaccine")
MMR = Coded("38598009", "Administration of measles and mumps and rubella vaccine")

BLOOD_PRESSURE = Coded("75367002", "Blood pressure")
SYSTOLIC = Coded("72313002", "Systolic arterial pressure")
DIASTOLIC = Coded("1091811000000102", "Diastolic arterial pressure")
BODY_WEIGHT = Coded("27113001", "Body weight")
SMOKER = Coded("77176002", "Smoker")
NEVER_SMOKED = Coded("266919005", "Never smoked tobacco")
EX_SMOKER = Coded("8517006", "Ex-smoker")

EMERGENCIES: tuple[tuple[Coded, str], ...] = (
    (Coded("29857009", "Chest pain"), "R074"),
    (Coded("267036007", "Dyspnea"), "R060"),
    (Coded("1912002", "Fall"), "W19X"),
    (Coded("25064002", "Headache"), "R51X"),
    (Coded("21522001", "Abdominal pain"), "R104"),
)
ADMISSIONS: tuple[tuple[Coded, str], ...] = (
    (Coded("233604007", "Pneumonia"), "J189"),
    (Coded("68566005", "Urinary tract infectious disease"), "N390"),
    (Coded("5913000", "Fracture of neck of femur"), "S720"),
    (Coded("84114007", "Heart failure"), "I509"),
    (Coded("22298006", "Myocardial infarction"), "I219"),
)

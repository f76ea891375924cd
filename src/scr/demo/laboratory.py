"""What the laboratory of the demonstration measures: SNOMED CT (UK) codes, and its own short ones."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Analyte:
    """One thing that a laboratory measures; ``spread`` is how far a value strays from ``usual``."""

    code: str
    term: str
    local: str
    unit: str
    low: float
    high: float
    usual: float
    spread: float
    digits: int = 0

    def value(self, stray: float) -> float:
        """A value that strays so many spreads from the usual one."""
        return round(max(0.1, self.usual + self.spread * stray), self.digits)


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of measurements that is asked for together."""

    code: str
    term: str
    local: str
    analytes: tuple[Analyte, ...]


_SODIUM = Analyte("1000661000000107", "Serum sodium level", "NA", "mmol/L", 133, 146, 139, 4)
_POTASSIUM = Analyte("1000651000000109", "Serum potassium level", "K", "mmol/L", 3.5, 5.3, 4.4, 0.6, 1)
_CREATININE = Analyte("1000731000000107", "Serum creatinine level", "CREA", "umol/L", 50, 110, 88, 35)
_EGFR = Analyte(
    "1011481000000105",
    "eGFR (estimated glomerular filtration rate) using creatinine Chronic Kidney Disease "
    "Epidemiology Collaboration equation per 1.73 square metres",
    "EGFR",
    "mL/min/1.73m2",
    60,
    120,
    72,
    18,
)
_HBA1C = Analyte(
    "999791000000106",
    "Haemoglobin A1c level - International Federation of Clinical Chemistry and Laboratory "
    "Medicine standardised",
    "HBA1C",
    "mmol/mol",
    20,
    42,
    55,
    14,
)
_HAEMOGLOBIN = Analyte("1022431000000105", "Haemoglobin estimation", "HB", "g/L", 115, 165, 132, 18)
_WHITE = Analyte("1022541000000102", "Total white cell count", "WBC", "10*9/L", 4.0, 11.0, 7.2, 3.0, 1)
_PLATELETS = Analyte("1022651000000100", "Platelet count", "PLT", "10*9/L", 150, 400, 260, 80)
_CHOLESTEROL = Analyte("1005671000000105", "Serum cholesterol level", "CHOL", "mmol/L", 2.0, 5.0, 5.0, 1.1, 1)
_TSH = Analyte("1022791000000101", "Serum TSH level", "TSH", "mU/L", 0.3, 4.2, 2.6, 2.0, 1)

PROFILES: dict[str, Profile] = {
    "renal": Profile(
        "1000971000000107",
        "Urea and electrolytes level",
        "UE",
        (_SODIUM, _POTASSIUM, _CREATININE, _EGFR),
    ),
    "blood-count": Profile("26604007", "Full blood count", "FBC", (_HAEMOGLOBIN, _WHITE, _PLATELETS)),
    "hba1c": Profile("999791000000106", _HBA1C.term, "HBA1C", (_HBA1C,)),
    "lipids": Profile("1005671000000105", _CHOLESTEROL.term, "LIPID", (_CHOLESTEROL,)),
    "thyroid": Profile("1022791000000101", _TSH.term, "TFT", (_TSH,)),
}

"""EDIFACT as the NHS's pathology and screening messages use it (PMIP: MEDRPT NHS002, NHS003, NHS004)."""

from scr.decode.edifact.interchange import decode
from scr.decode.edifact.syntax import ServiceString

__all__ = ["ServiceString", "decode"]

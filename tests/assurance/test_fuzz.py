"""A little of the fuzzing, in every run; and that it would find what it looks for."""

from __future__ import annotations

import pytest
from tests.assurance.fuzz import TooMuch, attack, bounded, hold
from tests.assurance.readers import Reader, readers


def test_a_few_changed_payloads_for_each_reader() -> None:
    """Nothing that reads fails otherwise than it declares, or does more than what it was given is worth."""
    for number, reader in enumerate(readers().values()):
        attack(reader, 3, number)


def test_a_sample_as_it_is_costs_far_less_than_is_allowed() -> None:
    """The limits are far from what whole samples take, in work and in memory."""
    for reader in list(readers().values())[::6]:
        hold(reader, reader.samples[0], memory=True)


def test_what_is_looked_for_is_found() -> None:
    """A failure that is not declared, endless work, and memory out of all proportion."""

    sample = b"MSH|"

    def fails(raw: bytes) -> None:
        if raw != sample:
            raise KeyError("undeclared")

    def works(_raw: bytes) -> None:
        while True:
            len(())

    with pytest.raises(KeyError):
        attack(Reader("fails", fails, (sample,)), 20, 1)
    with pytest.raises(TooMuch), bounded(1, memory=False, calls=10_000):
        works(b"")
    with pytest.raises(TooMuch), bounded(1, memory=True):
        len(bytes(300 << 20))

"""The Welsh of the pages."""

from __future__ import annotations

import re

from tests.unit.api.pages.catalogue import said, written

from scr.api.pages.tongue import tongue

_PLACE = re.compile(r"%\((\w+)\)[a-z]")


def test_whatever_a_page_says_it_says_in_welsh() -> None:
    """No string of a page lacks its Welsh, and the catalogue holds none that no page says."""
    pages, catalogue = said(), written()
    assert sorted(map(str, pages.keys() - catalogue.keys())) == []
    assert sorted(map(str, catalogue.keys() - pages.keys())) == []
    assert len(pages) > 20


def test_the_welsh_is_there_and_holds_the_same_values() -> None:
    """Each entry is filled in, none is uncertain, and its values are those of the English."""
    for key, message in written().items():
        english = key if isinstance(key, str) else key[1]
        forms = [message.string] if isinstance(message.string, str) else list(message.string or [""])
        assert all(forms), key
        assert not message.fuzzy, key
        for form in forms:
            assert set(_PLACE.findall(form)) <= set(_PLACE.findall(english)), key
        assert set(_PLACE.findall(english)) == set(_PLACE.findall(forms[0])), key


def test_a_string_without_welsh_is_said_in_english() -> None:
    """So that nothing is left out of a page."""
    assert tongue("cy").say("nobody says this: %(what)s", {"what": 1}) == "nobody says this: 1"
    assert tongue("cy").say("Sign out") != "Sign out"

"""What stands in addresses and forms of ours that nobody else can make: keyed hashes of what they are for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

from scr.api.oauth.asked import Pairs, only
from scr.api.pages.sessions import same
from scr.api.signin.person import SignedIn
from scr.store.keys import KeyRing

_SINCE = "scr_since"
_SINCE_VALUE = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})\Z")
_BACK_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Marks:
    """Makes and reads them. ``now`` gives milliseconds since 1970."""

    keys: KeyRing
    now: Callable[[], int]

    def sent_to_sign_in(self, pairs: Pairs) -> str:
        """An app's request as a query, with since when a sign-in for it counts: from now on."""
        since = self.now() // 1000
        return urlencode([*pairs, (_SINCE, f"{since}.{self._since(since, pairs)}")])

    def back_from_sign_in(self, pairs: Pairs) -> tuple[Pairs, int | None]:
        """The app's own parameters; and since when, in seconds, a sign-in counts that we sent it for."""
        rest = [(name, value) for name, value in pairs if name != _SINCE]
        match = _SINCE_VALUE.match(only(pairs, _SINCE))
        if match is None:
            return rest, None
        since = int(match[1])
        ours = same(match[2], self._since(since, rest))
        return rest, since if ours and since >= self.now() // 1000 - _BACK_SECONDS else None

    def form(self, cookie: str, who: SignedIn, query: str) -> str:
        """What the form must hold: of this browser, this sign-in and this request alone."""
        return self.keys.blind(
            "authorize form", f"{cookie}\x1f{who.issuer}\x1f{who.login}\x1f{who.signed_in}\x1f{query}"
        )

    def _since(self, since: int, pairs: Pairs) -> str:
        return self.keys.blind("authorize since", f"{since}\x1f{urlencode(pairs)}")

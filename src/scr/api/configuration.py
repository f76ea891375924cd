"""The files that say how a deployment works, read and checked together."""

from __future__ import annotations

from scr.consent.policy import Policy, load_policy
from scr.data import DataFiles
from scr.fhir.identifiers import OdsCode
from scr.mapping.adapter import Adapter, load_adapter
from scr.mapping.provider import Provider, load_providers
from scr.terminology.conceptmap import ConceptMaps


def read_configuration(
    files: DataFiles,
) -> tuple[Policy, dict[str, Adapter], dict[OdsCode, Provider]]:
    """Policy, providers, and the adapters that they use.

    Raises Invalid at the first mistake, with file and line. An adapter that nobody uses is not read: a
    draft that somebody works on does not stop the server.
    """
    policy, providers, maps = load_policy(files), load_providers(files), ConceptMaps.load(files)
    used = {feed.adapter for provider in providers.values() for feed in provider.feeds}
    return policy, {name: load_adapter(files, name, maps) for name in sorted(used)}, providers

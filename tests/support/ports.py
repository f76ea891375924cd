"""Ports for servers of the tests that have to be told theirs before they start."""

from __future__ import annotations

import itertools
import os
import socket

from scr.demo.deploy import Ports

_LOWEST, _COUNT = 15_000, 17_000
"""Below those that the system itself picks: none is given to another between the choice and the use."""
_next = itertools.count(os.getpid() * 199)


def free_port() -> int:
    """A port that nobody listens on, and that this run has given to nobody else."""
    for number in _next:
        port = _LOWEST + number % _COUNT
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
    raise AssertionError


def demo_ports() -> Ports:
    """Ports for every service of a demonstration."""
    return Ports(*(free_port() for _ in range(6)))

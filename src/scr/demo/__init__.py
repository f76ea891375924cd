"""The demonstration: simulated suppliers on real sockets, and synthetic people."""

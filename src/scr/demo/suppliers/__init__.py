"""The simulated suppliers: they play systems of other people, and use none of scr's own decoders."""

"""A question answered: located, gathered, assembled, accounted for."""

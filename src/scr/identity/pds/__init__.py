"""The Personal Demographics Service: what it says about a number, and how it is asked."""

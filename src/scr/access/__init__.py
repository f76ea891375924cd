"""What citizens and carers do with a record: whose they may see, on what right, and what they say of it."""

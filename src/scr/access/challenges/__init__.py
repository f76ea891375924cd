"""That an entry is wrong, as the person says: until when its source has to answer, and what it answered."""

"""The release of terminologies that is in force: one read-only file, and how it is asked."""

"""What several sources say of one person: joined, listed and compared, beside the originals."""

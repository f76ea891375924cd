"""The rows of a long file, mapped by another process while those before them are filed."""

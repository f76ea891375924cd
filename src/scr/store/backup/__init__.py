"""Backups, made while everything goes on; and a database out of one, once it was found to be whole."""

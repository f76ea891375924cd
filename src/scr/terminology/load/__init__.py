"""Loaders: what publishers distribute, read into a release. One module a format."""

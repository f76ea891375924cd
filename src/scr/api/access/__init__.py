"""The access of citizens and carers, over HTTP: the boundary, and the JSON API."""

"""What a record looks like to people: entries as lines, series of results, a chart of them, a timeline.

Pure: the faces turn it into pages and print. Everything that a source wrote is text, and nothing of it is
markup (docs/viewer.md).
"""

"""Configuration as data: where the files are, and YAML that knows its lines."""

from scr.data.files import FOLDERS, DataFiles, Folder, packaged_root
from scr.data.lines import Document, load_yaml

__all__ = ["FOLDERS", "DataFiles", "Document", "Folder", "load_yaml", "packaged_root"]

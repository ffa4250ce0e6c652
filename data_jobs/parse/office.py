"""What the Office formats share: the properties of the document."""

from zipfile import ZipFile

from data_jobs.errors import UnreadableFileError
from data_jobs.parse.archive import read_entry
from data_jobs.parse.safe_xml import parse_xml

_PROPERTIES = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "description": "description",
    "category": "category",
    "language": "language",
    "created": "created_at",
    "modified": "modified_at",
}
# What writers put where nobody gave a value.
_NO_VALUE = frozenset({"word document", "powerpoint presentation", "python-docx", "openpyxl"})


def core_properties(archive: ZipFile) -> dict[str, str]:
    """Return the title, author, dates and so on that `docProps/core.xml` holds."""
    try:
        root = parse_xml(read_entry(archive, "docProps/core.xml"), "docProps/core.xml")
    except (KeyError, UnreadableFileError):
        # The text counts; a document may lack its properties.
        return {}
    found: dict[str, str] = {}
    for child in root:
        name = _PROPERTIES.get(str(child.tag).rpartition("}")[2])
        text = (child.text or "").strip()
        if name and text and text.lower() not in _NO_VALUE:
            found[name] = text
    return found

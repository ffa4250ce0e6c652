"""Pages on the web as sources: listed, visited politely, and stored as files to be parsed."""

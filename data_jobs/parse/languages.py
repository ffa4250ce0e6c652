"""Programming languages, by the names of files and by how scripts begin."""

import re
from pathlib import PurePath

_BY_SUFFIX = {
    "bash": "sh bash zsh",
    "c": "c h",
    "c#": "cs",
    "c++": "cpp cc cxx hpp hh hxx",
    "clojure": "clj",
    "css": "css scss sass less",
    "dart": "dart",
    "elixir": "ex exs",
    "glsl": "glsl frag vert",
    "go": "go",
    "haskell": "hs",
    "ini": "ini cfg conf",
    "java": "java",
    "javascript": "js mjs cjs jsx",
    "kotlin": "kt kts",
    "lua": "lua",
    "perl": "pl pm",
    "php": "php",
    "powershell": "ps1",
    "python": "py pyi",
    "r": "r",
    "ruby": "rb",
    "rust": "rs",
    "scala": "scala",
    "sql": "sql",
    "swift": "swift",
    "toml": "toml",
    "typescript": "ts tsx",
    "yaml": "yaml yml",
}
_LANGUAGES = {
    f".{suffix}": language for language, names in _BY_SUFFIX.items() for suffix in names.split()
}
_INTERPRETERS = {
    "python": "python", "sh": "bash", "bash": "bash", "zsh": "bash", "node": "javascript",
    "ruby": "ruby", "perl": "perl", "lua": "lua", "php": "php",
}  # fmt: skip
_SHEBANG = re.compile(r"#!\s*(?:/\S*/)?(?:env\s+(?:-S\s+)?)?(?:\S*/)?([a-z]+)")


def language_of(text: str, suffix: str) -> str | None:
    """Return the language of a source file, by its first line or its suffix, such as ``.py``."""
    found = _SHEBANG.match(text)
    named = _INTERPRETERS.get(found[1]) if found else None
    return named or _LANGUAGES.get(PurePath(f"x{suffix}").suffix.lower())

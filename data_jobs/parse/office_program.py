"""LibreOffice as a converter: headless, each run with a profile of its own, one at a time.

The profile forbids macros, links and all else that is active in a document, and names a
proxy that is not there, so that no document makes it fetch anything.
"""

from pathlib import Path

from data_jobs.errors import UnreadableFileError, UnsupportedTypeError
from data_jobs.parse.base import ParseLimits
from data_jobs.parse.programs import find_program, run_program, scratch_folder
from data_jobs.parse.slots import slot

INSTALL = (
    "apt-get install --no-install-recommends "
    "libreoffice-writer libreoffice-impress libreoffice-calc"
)
_WAIT_SECONDS = 3_600.0
_SETTINGS = (
    ("org.openoffice.Office.Common/Security/Scripting", "DisableMacrosExecution", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "DisableActiveContent", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "BlockUntrustedRefererLinks", "true"),
    ("org.openoffice.Office.Common/Security/Scripting", "MacroSecurityLevel", "3"),
    ("org.openoffice.Office.Writer/Content/Update", "Link", "0"),
    ("org.openoffice.Office.Calc/Content/Update", "Link", "1"),
    ("org.openoffice.Inet/Settings", "ooInetProxyType", "2"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPProxyName", "127.0.0.1"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPProxyPort", "9"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPSProxyName", "127.0.0.1"),
    ("org.openoffice.Inet/Settings", "ooInetHTTPSProxyPort", "9"),
    ("org.openoffice.Inet/Settings", "ooInetNoProxy", ""),
)
_ITEM = '<item oor:path="/{}"><prop oor:name="{}" oor:op="fuse"><value>{}</value></prop></item>'
_REGISTRY = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<oor:items xmlns:oor="http://openoffice.org/2001/registry">{}</oor:items>'
)


def office_program() -> str | None:
    """Return where LibreOffice is."""
    return find_program("soffice", "libreoffice")


def convert(path: Path, suffix: str, wanted: str, folder: Path, limits: ParseLimits) -> Path:
    """Convert the file at `path`, which is of the kind `suffix`, to `wanted` in `folder`.

    Raises `UnsupportedTypeError` without LibreOffice, `LimitExceededError` when it
    takes too long, and `UnreadableFileError` when nothing comes out.
    """
    program = office_program()
    if program is None:
        raise UnsupportedTypeError(f"This kind of file needs LibreOffice: {INSTALL}")
    source = folder / f"source.{suffix}"
    source.symlink_to(path.resolve())
    seconds = min(limits.options.office.seconds, limits.seconds)
    with scratch_folder(limits) as profile, slot("office", 1, _WAIT_SECONDS):
        _write_profile(profile)
        command = [program, f"-env:UserInstallation={profile.as_uri()}", "--headless"]
        command += ["--norestore", "--nolockcheck", "--nodefault", "--nologo"]
        command += ["--convert-to", wanted, "--outdir", str(folder), str(source)]
        done = run_program(command, seconds, environment={"HOME": str(profile)})
    found = folder / f"source.{wanted}"
    if not found.is_file() or found.stat().st_size == 0:
        told = " ".join(done.stderr.decode("utf-8", "replace").split())[-200:]
        raise UnreadableFileError(
            f"LibreOffice cannot read the file; it may be damaged or encrypted. {told}".strip()
        )
    return found


def _write_profile(profile: Path) -> None:
    items = "".join(_ITEM.format(*setting) for setting in _SETTINGS)
    (profile / "user").mkdir()
    (profile / "user" / "registrymodifications.xcu").write_text(_REGISTRY.format(items))

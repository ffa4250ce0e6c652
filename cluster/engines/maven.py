"""Engines from their published jars: what Maven fetches, and a small main that javac compiles.

`java/<engine>` beside this file holds the sources. Each `<name>.xml` there is a pom whose jars
come into the folder `<name>`; all `*.java` are compiled against those of `lib.xml`, into
`classes`. Both are kept outside the checkout, and made anew when a source changes.
"""

import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock

from cluster.errors import MissingEngineError

_SOURCES = Path(__file__).parent / "java"
_VERSION = re.compile(r'^JAVA_VERSION="(?:1\.)?(\d+)', re.MULTILINE)
_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Built:
    """An engine's jars and classes in `folder`, and the JDK to run them with."""

    folder: Path
    jdk: Path

    def command(self, *arguments: str) -> list[str]:
        """Return the command `java` with `arguments`."""
        return [str(self.jdk / "bin/java"), *arguments]


def built(engine: str, java: int) -> Built:
    """Return `engine`, ready to be run by a JDK of release `java` or newer.

    Raises `MissingEngineError` where there is no such JDK, no Maven or no network.
    """
    sources, jdk = _SOURCES / engine, _jdk(java)
    if jdk is None or shutil.which("mvn") is None:
        raise MissingEngineError(
            f"{engine} needs mvn and a JDK {java} or newer; see scripts/programs engines"
        )
    cache = Path.home() / ".cache/pmoves-engines"
    cache.mkdir(parents=True, exist_ok=True)
    folder = cache / f"{engine}-{_fingerprint(sources, jdk)}"
    with FileLock(cache / f"{engine}.lock"):
        if not folder.exists():
            with TemporaryDirectory(dir=cache) as temporary:
                _build(engine, sources, jdk, Path(temporary) / "made")
                (Path(temporary) / "made").rename(folder)
    return Built(folder, jdk)


def _build(engine: str, sources: Path, jdk: Path, target: Path) -> None:
    fetch = ["mvn", "--batch-mode", "--quiet", "dependency:copy-dependencies"]
    for pom in sorted(sources.glob("*.xml")):
        jars = target / pom.stem
        _run(engine, [*fetch, f"--file={pom}", f"-DoutputDirectory={jars}"], jdk)
    javac = [str(jdk / "bin/javac"), "-d", str(target / "classes"), "-cp", f"{target}/lib/*"]
    _run(engine, [*javac, *map(str, sorted(sources.glob("*.java")))], jdk)


def _run(engine: str, command: Sequence[str], jdk: Path) -> None:
    done = subprocess.run(
        command,
        env=os.environ | {"JAVA_HOME": str(jdk)},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
    )
    if done.returncode:
        raise MissingEngineError(
            f"{engine} cannot be made ready: {command[0]} ended with {done.returncode}: "
            f"{done.stdout}{done.stderr}"
        )


def _fingerprint(sources: Path, jdk: Path) -> str:
    digest = hashlib.sha256((jdk / "release").read_bytes())
    for path in sorted(sources.iterdir()):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _jdk(least: int) -> Path | None:
    """Return the home of the oldest JDK here whose release is `least` or newer."""
    found = [(release, home) for home in _homes() if (release := _release(home)) >= least]
    return min(found)[1] if found else None


def _homes() -> Iterator[Path]:
    if home := os.environ.get("JAVA_HOME"):
        yield Path(home)
    if javac := shutil.which("javac"):
        yield Path(javac).resolve().parents[1]
    with suppress(OSError):
        yield from Path("/usr/lib/jvm").iterdir()


def _release(home: Path) -> int:
    if not (home / "bin/javac").exists() or not (home / "release").exists():
        return 0
    match = _VERSION.search((home / "release").read_text())
    return int(match[1]) if match else 0

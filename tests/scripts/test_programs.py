"""The script that installs Debian's programs."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROGRAMS = Path(__file__).parents[2] / "scripts" / "programs"
_LACKING = """#!/bin/sh
echo "$@" >>"$0.calls"
case " $* " in *" maven "*) exit 100 ;; esac
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A folder of programs: root's, with a package manager whose archive lacks Maven."""
    for name in ("sh", "ls", "grep"):
        found = shutil.which(name)
        assert found
        (tmp_path / name).symlink_to(found)
    for name, script in (("apt-get", _LACKING), ("id", "#!/bin/sh\necho 0\n")):
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    return tmp_path


def install(path: Path, *groups: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAMS, *groups],
        env={**os.environ, "PATH": str(path)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_an_archive_lacks_keeps_nothing_else_away(path: Path) -> None:
    done = install(path, "engines", "browser")
    assert done.returncode == 0, done.stderr
    calls = (path / "apt-get.calls").read_text().splitlines()
    together, *singly = [call.partition("recommends ")[2] for call in calls if "install" in call]
    assert {"maven", "redis-server", "chromium"} <= set(together.split())
    assert singly == together.split()
    assert "maven could not be installed" in done.stderr


def test_one_call_installs_what_the_archive_has(path: Path) -> None:
    assert install(path, "browser").returncode == 0
    calls = (path / "apt-get.calls").read_text().splitlines()
    assert [call for call in calls if "install" in call] == [
        "install -y -qq --no-install-recommends chromium"
    ]


def test_an_unknown_group_is_refused(path: Path) -> None:
    assert install(path, "engine").returncode == 2

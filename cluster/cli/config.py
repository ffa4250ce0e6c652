"""`pmoves config`."""

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson
from cluster.cli.output import print_json, print_table, remark, say

config_app = typer.Typer(no_args_is_help=True, help="Settings: what they are and whence.")


@config_app.command("show")
def show(as_json: AsJson = False) -> None:
    """Print every setting with its value and where that comes from; secrets are masked."""
    from dataclasses import asdict

    from cluster.config_report import read_settings, require_usable, rows

    report = read_settings()
    found = rows(report, require_usable(report))
    if as_json:
        print_json({"settings": [asdict(row) for row in found]})
        return
    print_table(("SETTING", "VALUE", "FROM"), [(row.name, row.value, row.origin) for row in found])
    for note in report.notes:
        remark(note)


@config_app.command("check")
def check(as_json: AsJson = False) -> None:
    """Name every wrong value, unknown name and missing key, at once; exit 1 if there are any."""
    from dataclasses import asdict

    from cluster.config_report import read_settings

    report = read_settings()
    faults = report.all_faults
    if as_json:
        print_json({"faults": [asdict(fault) for fault in faults], "notes": report.notes})
    else:
        for line in [*map(str, faults), *report.notes]:
            say(line)
        say(f"{len(faults)} wrong" if faults else "all settings are right")
    if faults:
        raise typer.Exit(FAILURE)

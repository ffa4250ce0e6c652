"""`pmoves doctor`."""

from typing import TYPE_CHECKING, Annotated

import typer

from cluster.cli.group import FAILURE
from cluster.cli.options import AsJson
from cluster.cli.output import print_json, say

if TYPE_CHECKING:
    from cluster.doctor.finding import Finding


Deep = Annotated[
    bool, typer.Option("--deep", help="Compare remote engines with the corpus, item by item.")
]


def doctor(deep: Deep = False, as_json: AsJson = False) -> None:
    """Check everything that the mesh needs, and say what to do; exit 1 if something fails."""
    from dataclasses import asdict

    from cluster.doctor.examine import examine

    findings = []
    for finding in examine(deep=deep):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    if any(finding.level == "fail" for finding in findings):
        raise typer.Exit(FAILURE)


def _print(finding: "Finding") -> None:
    say(f"{finding.level:<5}{finding.name}: {finding.detail}")
    if finding.advice:
        say(f"     {finding.advice}")

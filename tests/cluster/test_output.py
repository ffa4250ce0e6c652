"""What is printed never commands the terminal."""

import pytest

from cluster.cli.output import print_json, print_table, remark, say

HOSTILE = "a\x1b[2Jb\x9b31mc\x7f\rd"
SHOWN = "a�[2Jb�31mc��d"


def test_control_codes_are_shown_and_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    remark(HOSTILE)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == (f"{SHOWN}\n", f"{SHOWN}\n")


def test_tables_and_json_hold_none_either(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["name"], [[HOSTILE]])
    print_json({"name": HOSTILE})
    printed = capsys.readouterr().out
    assert not {"\x1b", "\x9b", "\x7f", "\r"} & set(printed)


def test_lines_tabs_and_other_scripts_stay(capsys: pytest.CaptureFixture[str]) -> None:
    say("tea\t茶\nçay 🫖")
    assert capsys.readouterr().out == "tea\t茶\nçay 🫖\n"

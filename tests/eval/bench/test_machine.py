from importlib.metadata import version

from eval.bench.machine import this_machine


def test_what_is_not_installed_is_left_out() -> None:
    machine = this_machine("numpy", "no-such-package")
    assert machine.versions == {"numpy": version("numpy")}
    assert str(machine).endswith(f"numpy {version('numpy')}")

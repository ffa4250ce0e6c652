"""What a machine is, read from the files that its kernel shows."""

from pathlib import Path

import pytest

from cluster.tiers.detecting import Machine, detect, label
from cluster.tiers.joining import environment_lines, start_line
from retrieval.placement import TIER_LABEL


def files(root: Path, texts: dict[str, str]) -> Path:
    for name, text in texts.items():
        path = root / "proc" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return root


def test_a_machine_that_shows_nothing_is_a_cpu(tmp_path: Path) -> None:
    assert detect(tmp_path) == Machine("cpu")


def test_cards_of_the_driver_are_counted(tmp_path: Path) -> None:
    information = "Model: \t\t NVIDIA H200\nIRQ:   \t\t 120\n"
    folder = "driver/nvidia/gpus"
    root = files(
        tmp_path,
        {f"{folder}/0000:0{n}:00.0/information": information for n in (1, 2)},
    )
    assert detect(root) == Machine("gpu", 2, "H200")


def test_a_jetson_has_one_gpu_that_nobody_counts(tmp_path: Path) -> None:
    root = files(
        tmp_path,
        {
            "device-tree/model": "NVIDIA Jetson AGX Orin Developer Kit\0",
            "device-tree/compatible": "nvidia,p3737-0000+p3701-0000\0nvidia,tegra234\0",
        },
    )
    machine = detect(root)
    assert machine == Machine("jetson", 1, "Jetson AGX Orin Developer Kit")
    assert machine.labels("attic") == {
        TIER_LABEL: "jetson",
        "pmoves.io/gpu-class": "jetson-agx-orin-developer-kit",
        "pmoves.io/site": "attic",
    }


def test_another_board_with_a_device_tree_is_no_jetson(tmp_path: Path) -> None:
    root = files(tmp_path, {"device-tree/compatible": "raspberrypi,5-model-b\0brcm,bcm2712\0"})
    assert detect(root) == Machine("cpu")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NVIDIA GeForce RTX 5090", "nvidia-geforce-rtx-5090"),
        ("  Studio (über)  ", "studio-ber"),
        ("-._", ""),
        ("x" * 100, "x" * 63),
    ],
)
def test_any_text_becomes_the_value_of_a_label(text: str, value: str) -> None:
    assert label(text) == value


def test_the_line_names_head_labels_and_gpus() -> None:
    line = start_line(Machine("gpu", 2, "H200"), "10.0.0.5:6379")
    assert line == (
        "ray start --address=10.0.0.5:6379 "
        "--labels=pmoves.io/tier=gpu,pmoves.io/gpu-class=h200 --num-gpus=2 --disable-usage-stats"
    )
    assert start_line(Machine("cpu")).startswith("ray start --head ")


def test_the_line_offers_what_a_node_has_of_ones_own() -> None:
    line = start_line(Machine("cpu"), resources={"memory": 1024.0, "rerank_slots": 4.0})
    assert """ --memory=1024 '--resources={"rerank_slots": 4.0}' """ in line


def test_ray_is_told_to_ask_for_a_token() -> None:
    assert "export RAY_AUTH_MODE=token" in environment_lines()

"""`cluster/config/llm.yaml` is one that Ray reads; nothing here runs it, for want of vLLM."""

import ast
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from retrieval.llm.providers import endpoint_of
from retrieval.llm.settings import LlmSettings
from tests.docs.pages import ROOT

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("ray")]
FILE = ROOT / "cluster/config/llm.yaml"


@pytest.fixture(scope="module")
def config() -> Any:
    """The file."""
    return yaml.safe_load(FILE.read_text("utf-8"))


@pytest.fixture(scope="module", autouse=True)
def _ray() -> None:
    with warnings.catch_warnings():
        # Ray declares its own models in a way that pydantic has left behind.
        warnings.simplefilter("ignore")
        import ray.llm._internal.serve.core.configs.llm_config
        import ray.serve.schema  # noqa: F401


def test_serve_reads_it(config: Any) -> None:
    from ray.serve.schema import ServeDeploySchema

    read = ServeDeploySchema.model_validate(config)
    (application,) = read.applications
    assert (application.name, application.route_prefix) == ("llm", "/")
    assert read.http_options.host == "127.0.0.1"


def test_the_builder_that_it_names_is_there(config: Any) -> None:
    (application,) = config["applications"]
    module, _, name = application["import_path"].partition(":")
    # Without vLLM the module cannot be imported, only read.
    spec = find_spec("ray.serve")
    assert spec is not None
    folder = (spec.submodule_search_locations or [""])[0]
    source = Path(folder, *module.split(".")[2:], "__init__.py").read_text("utf-8")
    assert name in {node.name for node in ast.parse(source).body if hasattr(node, "name")}


def test_rays_own_class_takes_each_model(config: Any) -> None:
    # The public name is in the module that cannot be imported without vLLM.
    from ray.llm._internal.serve.core.configs.llm_config import LLMConfig

    (application,) = config["applications"]
    (model,) = application["args"]["llm_configs"]
    assert LLMConfig.model_validate(model).model_id == "qwen3-8b"
    with pytest.raises(ValidationError, match="engine_arguments"):
        LLMConfig.model_validate(model | {"engine_arguments": {}})


def test_the_settings_beside_it_lead_there(config: Any) -> None:
    text = FILE.read_text("utf-8")
    given = dict(word.split("=", 1) for word in text.split() if word.startswith("PMOVES_LLM__"))
    fields = {name.removeprefix("PMOVES_LLM__").lower(): value for name, value in given.items()}
    settings = LlmSettings.model_validate(fields)
    port = config["http_options"]["port"]
    assert endpoint_of(settings).url == f"http://127.0.0.1:{port}/v1/chat/completions"
    (model,) = config["applications"][0]["args"]["llm_configs"]
    assert settings.model == model["model_loading_config"]["model_id"]

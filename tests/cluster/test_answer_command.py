"""`pmoves answer`, on a corpus in this process and on a gateway."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from cluster.cli.app import app
from retrieval.corpus.store import Corpus
from tests.openai_server import OpenAiServer, serving

DRAFT = {
    "sentences": [
        {"text": "Water of eighty degrees.", "passages": [1]},
        {"text": "Perhaps milk.", "passages": [9]},
    ]
}


def pmoves(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.fixture
def model(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAiServer]:
    """A language model that the environment names."""
    server = OpenAiServer(reply=lambda _: json.dumps(DRAFT), key="k-1")
    with serving(server) as url:
        values = {"PROVIDER": "vllm", "URL": url, "MODEL": "m", "API_KEY": "k-1", "TRIES": "1"}
        for name, value in values.items():
            monkeypatch.setenv(f"PMOVES_LLM__{name}", value)
        yield server


@pytest.fixture(params=["in process", "over HTTP"])
def reach(request: pytest.FixtureRequest, model: OpenAiServer) -> list[str]:
    """The options by which the command reaches the corpus, both ways."""
    if request.param == "in process":
        return []
    return ["--url", request.getfixturevalue("gateway")]


def test_each_sentence_stands_with_its_source(reach: list[str], model: OpenAiServer) -> None:
    result = pmoves("answer", "hot water for leaves", "--k", "1", *reach)
    assert result.exit_code == 0, result.output
    sentence, source = result.stdout.splitlines()
    assert sentence == "Water of eighty degrees. [1]"
    assert source == "[1] Tea, brewed · page 3 · file:///tea.pdf"
    assert "left out: 1 that named no passage" in result.stderr
    told: dict[str, Any] = json.loads(model.calls[0].body["messages"][1]["content"])
    assert (told["question"], len(told["passages"])) == ("hot water for leaves", 1)


def test_as_json_it_is_the_response_of_the_api(reach: list[str], model: OpenAiServer) -> None:
    model.reply = lambda _: '{"sentences": []}'
    result = pmoves("answer", "hot water for leaves", "--json", *reach)
    assert json.loads(result.stdout)["known"] is False
    plain = pmoves("answer", "hot water for leaves", *reach)
    assert plain.stdout == "The passages that were found do not say.\n"


def test_a_model_that_refuses_is_an_error(model: OpenAiServer) -> None:
    model.key = "another"
    refused = pmoves("answer", "hot water for leaves")
    assert refused.exit_code == 1
    assert "does not take the key (401)" in refused.stderr
    assert "set PMOVES_LLM__API_KEY" in refused.stderr


def test_without_a_model_it_says_how_to_turn_it_on(gateway: str) -> None:
    for reach, code in (([], 2), (["--url", gateway], 1)):
        refused = pmoves("answer", "hot water for leaves", *reach)
        assert refused.exit_code == code
        assert "PMOVES_LLM__PROVIDER, PMOVES_LLM__MODEL" in refused.stderr

"""Schemathesis over the whole API: every check, every phase, also in sequences of calls.

`make fuzz` runs it longer: `FUZZ_EXAMPLES` calls for each operation, from `FUZZ_SEED`.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Thread

import pytest
import uvicorn

from cluster.evaluation_routes import evaluation_routes
from eval.report import write_files
from retrieval.corpus.store import Corpus
from retrieval.llm.client import HttpChat
from retrieval.llm.settings import LlmSettings
from serve_apps.answering import Answering
from serve_apps.api import create_app
from serve_apps.services import Services
from serve_apps.settings import AppArgs, HttpSettings
from tests.embedders import WordEmbedder
from tests.eval.pages.material import collection, report_for, run_of
from tests.openai_server import OpenAiServer
from tests.serve_apps.support import client_of, item, services_over, upsert

EXAMPLES = os.environ.get("FUZZ_EXAMPLES", "3")
SEED = os.environ.get("FUZZ_SEED", "1")
CONFIG = Path(__file__).with_name("schemathesis.toml")
ENVIRONMENT = dict(os.environ) | {
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "SCHEMATHESIS_HOOKS": "tests.serve_apps.schemathesis_hooks",
}
pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(0 if "FUZZ_EXAMPLES" in os.environ else 600),
]


@pytest.fixture
def fuzzed(settings: AppArgs, roots: Path, word_embedder: WordEmbedder) -> Iterator[Services]:
    """The parts of a gateway with something in them, and with the limits of the settings."""
    settings.http = HttpSettings()
    corpus = Corpus.open(settings.corpus_uri, word_embedder.identity)
    (roots / "talk.md").write_text("# Talk")
    dataset = collection()
    run, folder = run_of(dataset), settings.home / "evaluations" / "now" / "harbour"
    run.save(folder)
    write_files(report_for(run, dataset), {}, folder)
    with services_over(corpus, word_embedder, settings) as made:
        asyncio.run(_fill(made))
        yield made


async def _fill(services: Services) -> None:
    async with client_of(create_app(services)) as client:
        await upsert(client, item("doc-1", "microphone stands"), item("doc-2", "lamps"))


@contextmanager
def served(services: Services) -> Iterator[str]:
    """Serve the application over HTTP from a thread; yield its address."""
    llm = LlmSettings(provider="vllm", url="http://llm.test", model="m")
    draft = '{"sentences": [{"text": "Stands.", "passages": [1]}]}'
    chat = HttpChat(llm, OpenAiServer(reply=lambda _: draft).transport())
    answering = Answering(chat, services.settings, services.metrics)
    answered = replace(services, answering=answering)
    app = create_app(answered, more=evaluation_routes(answered))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical", lifespan="on")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            thread.join(0.05)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


def test_no_call_breaks_the_api(fuzzed: Services, tmp_path: Path) -> None:
    with served(fuzzed) as url:
        command = [sys.executable, "-m", "schemathesis.cli", "--config-file", str(CONFIG)]
        command += ["run", f"{url}/openapi.json"]
        # Stopped jobs and deleted documents are still shown, with their state.
        command += [
            "--checks=all",
            "--exclude-checks=use_after_free",
            "--seed",
            SEED,
            "--max-examples",
            EXAMPLES,
        ]
        command += ["--generation-deterministic"] * ("FUZZ_SEED" not in os.environ)
        command += ["--continue-on-failure", "--no-color", "--request-timeout=30"]
        found = subprocess.run(
            command, cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, check=False
        )
    told = (found.stdout + found.stderr).splitlines()
    assert found.returncode == 0, "\n".join(line[:400] for line in told)

"""A real Elasticsearch 9, from its published jars, on a free loopback port.

Its core lacks some modules: `GET /`, delete-by-query, scripts, and security.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from cluster.engines.maven import Built, built
from cluster.engines.process import Running, running
from cluster.mesh.ports import any_free_port

_JAVA = 21
_VERSION = "9.1.0"
_MODULES = {
    "modules/transport-netty4": "org.elasticsearch.transport.netty4.Netty4Plugin",
    "plugins/english": "EnglishPlugin",
}
# Java's own threads take little of two cores, and it starts sooner.
_FRUGAL = ("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_EXPORTS = ("node", "plugins")


@contextmanager
def elasticsearch(folder: Path, port: int | None = None) -> Iterator[Running]:
    """Run Elasticsearch with its data in `folder`; start it there again to find them again."""
    engine, port = built("elasticsearch", _JAVA), port or any_free_port()
    _lay_out(engine, folder)
    url = f"http://127.0.0.1:{port}"
    with running(_command(engine, folder, port), lambda: _is_up(url), folder) as process:
        yield Running(url, process)


def _command(engine: Built, folder: Path, port: int) -> list[str]:
    return engine.command(
        *_FRUGAL,
        f"--module-path={engine.folder / 'lib'}",
        "--add-modules=ALL-MODULE-PATH,jdk.net,jdk.management.agent",
        *(
            f"--add-exports=org.elasticsearch.server/org.elasticsearch.{name}=ALL-UNNAMED"
            for name in _EXPORTS
        ),
        "--enable-native-access=ALL-UNNAMED,org.apache.lucene.core",
        f"--class-path={folder / 'main'}",
        "Main",
        str(folder),
        str(port),
    )


def _is_up(url: str) -> bool:
    return httpx.get(f"{url}/_cluster/health", timeout=5).is_success


def _lay_out(engine: Built, home: Path) -> None:
    # Elsewhere than the plugin's class, which may not be there twice.
    for name in ("config", "main"):
        (home / name).mkdir(parents=True, exist_ok=True)
    shutil.copy(engine.folder / "classes/Main.class", home / "main")
    for module, class_name in _MODULES.items():
        target = home / module
        if target.exists():
            continue
        jars = engine.folder / target.name
        if jars.exists():
            shutil.copytree(jars, target)
        else:
            target.mkdir(parents=True)
            jar = [str(engine.jdk / "bin/jar"), "-c", "-f", str(target / "classes.jar")]
            name = f"{class_name}.class"
            subprocess.run([*jar, "-C", str(engine.folder / "classes"), name], check=True)
        (target / "plugin-descriptor.properties").write_text(
            f"description={target.name}\nname={target.name}\nversion={_VERSION}\n"
            f"classname={class_name}\njava.version={_JAVA}\nelasticsearch.version={_VERSION}\n"
        )

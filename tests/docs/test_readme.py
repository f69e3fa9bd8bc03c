"""The README's examples, run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from starlette.routing import Route

from nen_ref.http import ChunkResponse
from tests.conformance.servers import asgi_server

README = Path(__file__).parents[2] / "README.md"


def examples() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_server_and_client_of_the_readme(capsys: pytest.CaptureFixture[str]) -> None:
    server, client = examples()
    names: dict[str, object] = {}
    exec(compile(server, "README server", "exec"), names)
    app = names["app"]
    # The stream that the client's example reads; the server's example has no room for it.
    app.router.routes.append(Route("/api/tokens", lambda request: ChunkResponse(iter(["Once ", "upon"]))))  # type: ignore[attr-defined]
    with asgi_server(app) as url:  # type: ignore[arg-type]
        assert client.count("http://localhost:8000") == 1
        exec(compile(client.replace("http://localhost:8000", url), "README client", "exec"), {})
    assert capsys.readouterr().out == "{'paid': 42}\nOnce upon"


def test_examples_are_about_ten_lines_each() -> None:
    assert [len(example.strip().splitlines()) <= 12 for example in examples()] == [True, True]


def test_the_first_two_commands_are_the_whole_setup() -> None:
    commands = re.findall(r"^    (\S.*?)(?:\s+#.*)?$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert commands[:2] == ["make conformance", "make test"]

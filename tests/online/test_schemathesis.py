"""The OpenAPI document against the app that publishes it: requests made up from it, answers held against it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as effort
from hypothesis.errors import Unsatisfiable
from schemathesis import checks
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks as openapi_checks

from omnipipe.engines.echo import EchoConfig
from omnipipe.online.settings import ServeSettings
from omnipipe.pipeline import Pipeline
from omnipipe.stages.extract import Extract
from omnipipe.stages.read import Read
from omnipipe.stages.render import Render
from omnipipe.tasks.text_extraction.qwen.family import QwenText
from tests.online.live import Live, live

CHECKS = [
    checks.not_a_server_error,
    openapi_checks.status_code_conformance,
    openapi_checks.content_type_conformance,
    openapi_checks.response_headers_conformance,
    openapi_checks.response_schema_conformance,
]
EXAMPLES = 20
MOST_SECONDS = 10.0


class EchoText(EchoConfig):
    family = QwenText()
    reply: str | None = "# A title\n\nSome words that the model read."


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    pipeline = Pipeline("read", (Read(), Render(), Extract(engine=EchoText())))
    # A wish to wait for a day is granted, up to max_wait.
    settings = ServeSettings(data_dir=tmp_path_factory.mktemp("schema") / "data", max_wait=0.2, max_jobs=10_000)
    with live(pipeline, settings) as server:
        yield server


def test_every_answer_is_one_that_the_document_promises(server: Live, subtests: pytest.Subtests) -> None:
    schema = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    found = list(schema.get_all_operations())
    operations = [result.ok() for result in found if isinstance(result, Ok)]

    assert len(operations) == len(found)
    assert {"/v1/documents", "/v1/jobs/{job_id}", "/v1/chat/completions"} <= {
        operation.path for operation in operations
    }
    for operation in operations:
        for mode in schemathesis.GenerationMode:
            with subtests.test(operation.label, mode=mode.value):
                hold_to_its_word(operation, mode)


def hold_to_its_word(
    operation: schemathesis.APIOperation[Any, Any, Any, Any], mode: schemathesis.GenerationMode
) -> None:
    """Ask with requests that the document allows, or with those that it does not."""

    @given(case=operation.as_strategy(generation_mode=mode))
    @effort(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def ask(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(checks=CHECKS, timeout=MOST_SECONDS)

    # Where a request has no part that could be wrong there is nothing to ask.
    nothing_to_ask = suppress(Unsatisfiable) if mode is schemathesis.GenerationMode.NEGATIVE else nullcontext()
    with nothing_to_ask:
        ask()

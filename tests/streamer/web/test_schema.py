"""Whatever the description of REST allows, and what it does not, sent to a real service."""

from contextlib import suppress
from itertools import product
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from streamer.web.guard import OWN_HEADER
from tests.streamer.web.serving import PATIENCE_S, Served

EXAMPLES = 4
ENDLESS = r"^/camera/|^/api/events"
"""What waits for pictures or events; test_live and test_events have them."""


def test_every_answer_is_as_the_description_says(with_people: Served) -> None:
    schema = schemathesis.openapi.from_url(f"{with_people.url}/api/openapi.json")
    found = schema.exclude(path_regex=ENDLESS).get_all_operations()
    operations: list[Any] = [each.ok() for each in found if isinstance(each, Ok)]
    assert len(operations) > 25
    for operation, mode in product(operations, GenerationMode):

        @settings(
            max_examples=EXAMPLES, derandomize=True, database=None, deadline=None,
            phases=[Phase.generate], suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case: schemathesis.Case[Any]) -> None:
            case.call_and_validate(headers=dict([OWN_HEADER]), timeout=PATIENCE_S)

        with suppress(Unsatisfiable):  # nothing can be wrong with what has no parameters
            ask()

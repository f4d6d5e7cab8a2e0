"""One record of all refusals of a session."""

from __future__ import annotations

import dataclasses
import traceback
from collections.abc import Callable

import pytest

from siting.vocabulary import SitingError


@dataclasses.dataclass
class Tally:
    """Faults tried, refused in one line, and ended in another exception."""

    tried: list[str] = dataclasses.field(default_factory=list)
    refused: list[str] = dataclasses.field(default_factory=list)
    tracebacks: list[str] = dataclasses.field(default_factory=list)

    def refusal(self, name: str, act: Callable[[], object]) -> SitingError:
        """Error that refuses a fault; its text is one line with what was expected and found, and the fix."""
        self.tried.append(name)
        try:
            act()
        except SitingError as error:
            self.refused.append(name)
            assert_clear(str(error))
            return error
        except Exception:
            self.tracebacks.append(name)
            pytest.fail(f"{name}: a traceback in place of a refusal\n{traceback.format_exc()}")
        pytest.fail(f"{name}: accepted")


def assert_clear(text: str) -> None:
    """One line: expected, found, and something to do about it."""
    assert "\n" not in text
    assert "xpected " in text
    before, _, after = text.partition("found ")
    assert before
    assert after
    assert any(mark in text for mark in ("; ", " Run ")), text
    assert "Traceback" not in text


@pytest.fixture(scope="session")
def tally() -> Tally:
    return Tally()

"""What a run found out: its seed, its figures, and what did not hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median


@dataclass(slots=True)
class Report:
    """One run; `failures` is empty when everything held."""

    name: str
    seed: int
    figures: dict[str, object] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def expect(self, holds: object, failure: str) -> None:
        """Note a failure unless it holds."""
        if not holds:
            self.failures.append(failure)

    def text(self) -> str:
        """Return the report for people."""
        lines = [f"{self.name} (seed {self.seed}): {'FAILED' if self.failures else 'ok'}"]
        lines += [f"  {name}: {value}" for name, value in self.figures.items()]
        lines += [f"  FAILED: {failure}" for failure in self.failures[:50]]
        if len(self.failures) > 50:
            lines.append(f"  and {len(self.failures) - 50} more")
        return "\n".join(lines)


def spread(seconds: list[float]) -> str:
    """Return the median and the longest of some times in milliseconds."""
    if not seconds:
        return "-"
    return f"median {median(seconds) * 1000:.0f} ms, longest {max(seconds) * 1000:.0f} ms"


def counts(numbers: dict[str, int]) -> str:
    """Return counted things in one line."""
    return ", ".join(f"{name} {number}" for name, number in sorted(numbers.items())) or "none"

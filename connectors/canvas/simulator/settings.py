"""The settings of a simulated Canvas site."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_CHOICES = {
    "denied_status": (401, 403),
    "throttle_status": (403, 429),
    "enrollment_error_status": (400, 403),
    "enrollment_pages": ("numbered", "bookmark"),
    "report_result": ("complete", "error"),
}
_LOCALES = (
    *("ar", "ca", "cy", "da", "da-x-k12", "de", "el", "en", "en-AU", "en-CA", "en-CY", "en-GB"),
    *("en-NZ", "es", "es-ES", "fa", "fi", "fr", "fr-CA", "ga", "he", "hi", "ht", "hu", "hy", "id"),
    *("is", "it", "ja", "ko", "mi", "ms", "nb", "nb-x-k12", "nl", "nn", "pl", "pt", "pt-BR", "ru"),
    *("sl", "sv", "sv-x-k12", "th", "tr", "uk", "vi", "zh-Hans", "zh-Hant"),
)


@dataclass(slots=True)
class Settings:
    """What the installation, its release and its root account decide.

    `denied_status` answers a call that the caller may not make, `throttle_status` one beyond the
    bucket of its token: `high_water_mark`, `maximum`, `outflow` per second, `up_front_cost` while
    a call runs, `call_cost` for each that has run; with `throttle_every` each so manieth call is
    refused besides. `report_polls` and `import_polls` are the reads
    after which a job is done. `files_url` is another host to which downloads are redirected.
    `common_passwords`, `password_repeats` and `password_sequence` are rules that an account adds.
    """

    denied_status: int = 403
    throttle_status: int = 429
    enrollment_error_status: int = 400
    require_user_agent: bool = True
    search_min: int = 2
    high_water_mark: float = 600
    maximum: float = 800
    outflow: float = 10
    up_front_cost: float = 50
    call_cost: float = 0.5
    throttle_every: int = 0
    token_seconds: int = 3600
    scoped_includes: bool = False
    client_credentials: bool = True
    enrollment_pages: str = "numbered"
    admins_can_change_passwords: bool = False
    canvas_passwords: bool = True
    profiles: bool = False
    pronouns: tuple[str, ...] = ()
    avatars: bool = True
    allow_sis_import: bool = True
    password_min_length: int = 8
    common_passwords: tuple[str, ...] = ()
    password_repeats: int | None = None
    password_sequence: int | None = None
    blueprint_refuses_observers: bool = True
    report_polls: int = 2
    report_result: str = "complete"
    import_polls: int = 2
    files_url: str | None = None
    auth_providers: Mapping[int, str] = field(default_factory=lambda: {1: "canvas", 7: "saml"})
    locales: tuple[str, ...] = _LOCALES
    time_zone: str = "America/Denver"
    account_name: str = "Example University"

    def __post_init__(self) -> None:
        for name, choices in _CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} is one of {', '.join(map(str, choices))}")
        self.pronouns = tuple(self.pronouns)
        self.common_passwords = tuple(self.common_passwords)
        self.locales = tuple(self.locales)
        self.auth_providers = {int(key): kind for key, kind in self.auth_providers.items()}

"""Where settings come from: sources that leave a bad value to the model, which names it."""

from typing import Any

from pydantic.fields import FieldInfo
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource


class LenientEnvironment(EnvSettingsSource):
    """Reads the environment; a value that is no JSON stays text, for the model to judge."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return `value` parsed as JSON, or as it is."""
        return _decoded(super().decode_complex_value, field_name, field, value)


class LenientDotEnv(DotEnvSettingsSource):
    """Reads `.env` in the same way."""

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """Return `value` parsed as JSON, or as it is."""
        return _decoded(super().decode_complex_value, field_name, field, value)


def _decoded(decode: Any, field_name: str, field: FieldInfo, value: Any) -> Any:
    try:
        return decode(field_name, field, value)
    except ValueError:
        return value

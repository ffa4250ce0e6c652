"""Settings of picture descriptions."""

from pydantic import Field, SecretStr

from retrieval.settings import Group

_PROMPT = (
    "Describe this picture for somebody who searches for it, in two to five plain sentences: "
    "what it shows, where, and which words stand in it. Say nothing that you cannot see."
)


class VisionSettings(Group):
    """A vision model that describes pictures, behind an endpoint that speaks OpenAI's protocol."""

    url: str = Field(
        "",
        max_length=2_000,
        pattern=r"^(https?://.+)?$",
        description="Address of the endpoint up to `/v1`; empty: pictures are not described.",
    )
    model: str = Field("", max_length=500, description="Name of the model, as the endpoint has it.")
    api_key: SecretStr = Field(SecretStr(""), description="Bearer key for `url`.")
    prompt: str = Field(_PROMPT, max_length=4_000, description="What the model is asked.")
    seconds: float = Field(60.0, ge=0.1, le=3_600, description="Time for one description.")
    max_side: int = Field(
        1_024, ge=64, le=8_192, description="Pictures are sent no larger than that along a side."
    )
    max_tokens: int = Field(300, ge=1, le=8_192, description="Longest description, in tokens.")

"""What callers send: bodies and queries that refuse what they do not know."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

PAGE_MAX = 1000


def _writable(text: str) -> str:
    if text.isascii() and "\0" not in text:
        return text
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticCustomError("unwritable", "has a character that cannot be stored; remove it")
    return text


Text = Annotated[str, AfterValidator(_writable)]
"""A text without NUL (PostgreSQL refuses it) and half surrogate pairs (no UTF-8 carries them)."""


class Fields(BaseModel):
    """A body or query; an unknown field is refused with the known ones."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _only_known(cls, data: Any) -> Any:
        fields = cls.model_fields
        unknown = [key for key in data if key not in fields] if isinstance(data, dict) else []
        if unknown:
            raise PydanticCustomError(
                "unknown_field",
                "there is no field {name}; the fields are {known}",
                {"name": repr(unknown[0][:60]), "known": ", ".join(fields)},
            )
        return data


class Page(Fields):
    """Which part of a list."""

    limit: int = Field(100, ge=1, le=PAGE_MAX, description="how many at most")
    offset: int = Field(0, ge=0, le=10**9, description="how many to skip")


class SearchPage(Page):
    """Which part of a list, and of what is in it."""

    q: Text = Field("", max_length=200, description="only what has this text in it")

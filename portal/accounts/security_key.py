"""What a browser posts of a security key: JSON that anybody may have made, which counts as wrong where malformed."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from allauth.mfa.adapter import get_adapter
from cryptography.exceptions import InvalidSignature
from django import forms
from django.forms.fields import InvalidJSONInput

# What allauth and fido2 raise for malformed credentials and do not catch. RecursionError: nested too deeply.
_MALFORMED = (
    AttributeError,
    InvalidSignature,
    LookupError,
    NotImplementedError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)


# What Python raises for JSON that is nested too deeply, or has a number of too many digits.
_UNREADABLE = (RecursionError, ValueError)


class CredentialField(forms.JSONField):
    """A JSON object. Other JSON is invalid, and so is what Python cannot read.

    allauth verifies no credential that is false, as 0 is, and would store it as a key.
    """

    def to_python(self, value: object) -> object:  # type: ignore[override]
        try:
            credential = super().to_python(value)
        except _UNREADABLE as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error
        if credential is not None and not isinstance(credential, dict):
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return credential

    def bound_data(self, data: object, initial: object) -> object:
        try:
            return super().bound_data(data, initial)
        except _UNREADABLE:
            return InvalidJSONInput(data)


@contextmanager
def wrong_if_malformed() -> Iterator[None]:
    """Raise the ValidationError of a wrong factor where the block fails over a malformed credential."""
    try:
        yield
    except _MALFORMED as error:
        raise get_adapter().validation_error("incorrect_code") from error

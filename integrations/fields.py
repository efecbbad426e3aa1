"""Encrypted columns for secrets, safe where django-fernet-fields is not.

Writing: `bulk_update` encrypts each value (the stock field encrypts the repr of the SQL expression, other
rows' secrets included); any expression that would write something else raises TypeError.
Reading: a row that no key opens raises `KeyMissing`; lists that may meet one should `.defer()` the column.
Showing: serializers (`dumpdata`) get "", forms a password input that never holds the stored value.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db.models import Case, Field, Model, Value
from django.db.models.functions import Cast
from fernet_fields import EncryptedField as StockEncryptedField
from fernet_fields import EncryptedTextField as StockEncryptedTextField
from fernet_fields.hkdf import derive_fernet_key


class KeyMissing(InvalidToken):
    """No key in FERNET_KEYS opens a stored secret."""


@lru_cache(maxsize=8)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(derive_fernet_key(key)) for key in keys])


class _SafeSecret:
    """What both columns share; stands before the stock field in the bases."""

    name: str
    model: type[Model]

    @property
    def fernet(self) -> MultiFernet:
        # Not cached on the field as in the stock class, so that a change of the setting is seen.
        return _cipher(tuple(settings.FERNET_KEYS))

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if hasattr(value, "resolve_expression"):
            self._require_plain_values(value)
            return value  # its inner values come back here one by one when the SQL is made
        return super().get_db_prep_save(value, connection)  # type: ignore[misc]

    def _require_plain_values(self, expression: Any) -> None:
        """Raise TypeError unless `expression` only chooses between values of an encrypted column."""
        if isinstance(expression, Cast):
            self._require_plain_values(expression.get_source_expressions()[0])
        elif isinstance(expression, Case):
            for branch in [*(when.result for when in expression.cases), expression.default]:
                self._require_plain_values(branch)
        elif not (
            isinstance(expression, Value)
            and (expression.value is None or isinstance(expression.output_field, StockEncryptedField))
        ):
            raise TypeError(f"{self.name} is encrypted: it takes values, not a {type(expression).__name__} expression")

    def from_db_value(self, value: Any, expression: Any, connection: Any, *args: Any) -> Any:
        if value is None:
            return None
        try:
            return self._loads(self.fernet.decrypt(bytes(value)).decode())
        except InvalidToken:
            raise KeyMissing(f"no key in FERNET_KEYS opens {self.model._meta.label}.{self.name}") from None

    def _loads(self, text: str) -> Any:
        return text

    def value_to_string(self, instance: Model) -> str:
        return ""

    def save_form_data(self, instance: Model, data: Any) -> None:
        if data not in forms.Field.empty_values:
            setattr(instance, self.name, data)

    def formfield(self, **kwargs: Any) -> Any:
        # The admin would pass a textarea, a callable default a hidden input with the stored value.
        kwargs = {"form_class": SecretFormField, **kwargs, "widget": SecretInput, "show_hidden_initial": False}
        return Field.formfield(self, **kwargs)  # type: ignore[arg-type]


class EncryptedTextField(_SafeSecret, StockEncryptedTextField):
    """A secret text."""


class EncryptedJSONField(_SafeSecret, StockEncryptedField):
    """Secrets as one JSON object or list. A string assigned to it is read as JSON when cleaned."""

    def get_prep_value(self, value: Any) -> Any:
        return value if value is None else json.dumps(value, ensure_ascii=False)

    def _loads(self, text: str) -> Any:
        return json.loads(text)

    def to_python(self, value: Any) -> Any:
        return parse_json(value) if isinstance(value, str) else value

    def formfield(self, **kwargs: Any) -> Any:
        return super().formfield(**{"form_class": SecretJSONFormField, **kwargs})


def parse_json(text: str) -> Any:
    """The object or list in `text`, {} for none. Raises ValidationError without quoting the text."""
    if not text.strip():
        return {}
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict | list):
        raise ValidationError("Enter a JSON object.", code="invalid")
    return value


class SecretInput(forms.PasswordInput):
    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__({"autocomplete": "new-password", **(attrs or {})}, render_value=False)


class SecretFormField(forms.CharField):
    """Shows nothing; left empty, the stored secret stays."""

    widget = SecretInput

    def get_bound_field(self, form: Any, field_name: str) -> Any:
        if form.get_initial_for_field(self, field_name):
            self.required = False
        return super().get_bound_field(form, field_name)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(data)


class SecretJSONFormField(SecretFormField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        return parse_json(text) if text else ""

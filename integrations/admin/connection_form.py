"""The form of a connection, built from its system's fields in the registry.

Credentials are write-only: an input never holds what is stored, left empty it keeps it, and forgetting takes a tick.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.contrib.admin.widgets import AdminTextInputWidget
from django.core.exceptions import ValidationError

from connectors.errors import ConfigurationError
from connectors.tls import pool_options
from connectors.transport import require_safe_scheme
from integrations.engine.context import Field, System, open_connector, spec_of
from integrations.fields import KeyMissing, SecretInput
from integrations.models import Connection

from .integration_form import MapField

SETTING = "setting_"
CREDENTIAL = "credential_"
HIDDEN = ("secret", "pem")


class LongURLInput(forms.URLInput):
    def __init__(self) -> None:
        super().__init__({"class": "vTextField"})


class HiddenText(forms.Textarea):
    """For several lines that must not be shown again."""

    def format_value(self, value: Any) -> None:
        return None


class ConnectionForm(forms.ModelForm):
    """Base of `form_for`'s classes."""

    system: System
    keys_missing = False  # the stored credentials cannot be opened: all have to be entered again

    base_url = forms.URLField(label="Base URL", max_length=500, assume_scheme="https", widget=LongURLInput)
    tls_verify = forms.BooleanField(
        label="Check the server's certificate", required=False, initial=True, help_text="Leave this on."
    )
    tls_ca_bundle = forms.CharField(
        label="Certificate authority (PEM)",
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text="Only for a server whose certificate is signed by your own authority.",
    )
    tls_pin_sha256 = forms.CharField(
        label="Certificate's SHA-256",
        required=False,
        help_text="Pins exactly one certificate: 64 hexadecimal digits.",
    )
    forget = forms.MultipleChoiceField(
        label="Forget stored", required=False, widget=forms.CheckboxSelectMultiple, choices=()
    )

    class Meta:
        model = Connection
        fields = ("tenant", "name", "base_url")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stored = self._stored()
        for field in self.system.settings:
            self._fill(SETTING + field.name, (self.instance.settings or {}).get(field.name, field.default))
        for field in self.system.credentials:
            name = CREDENTIAL + field.name
            if name not in self.fields:  # a person who may only look
                continue
            stored = self.stored.get(field.name)
            if field.kind not in HIDDEN:
                self._fill(name, stored)
            elif stored:
                self.fields[name].required = False
                self.fields[name].help_text = "Stored. Leave empty to keep it. " + field.help
        tls = self.instance.tls or {}
        self.initial.update({f"tls_{name}": tls[name] for name in ("verify", "ca_bundle", "pin_sha256") if name in tls})
        self.fields["forget"].choices = self.forgettable()  # type: ignore[attr-defined]

    def _stored(self) -> dict[str, Any]:
        try:
            return dict(self.instance.credentials or {})
        except KeyMissing:
            self.keys_missing = True
            return {}

    def _fill(self, name: str, value: Any) -> None:
        if value is not None:
            self.initial[name] = value

    def forgettable(self) -> list[tuple[str, str]]:
        """Stored secrets that the system can do without, for a choice."""
        hidden = [field for field in self.system.credentials if field.kind in HIDDEN and not field.required]
        return [(field.name, field.label) for field in hidden if self.stored.get(field.name)]

    def clean_base_url(self) -> str:
        url: str = self.cleaned_data["base_url"].rstrip("/")
        safe_url(url)
        return url

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if self.errors:
            return cleaned
        missing = self.system.missing_credentials(self.credentials())
        if missing:
            raise ValidationError(f"Credentials: {missing}.")
        self._apply()
        try:
            open_connector(self.instance).close()  # reads the settings, calls nobody
            pool_options(spec_of(self.instance))  # reads the certificates and the pin
        except ConfigurationError as error:
            raise ValidationError(f"{error.message} {error.fix}".strip()) from None
        return cleaned

    def credentials(self) -> dict[str, Any]:
        """What will be stored: what was there, less what is to be forgotten, and what was entered."""
        forgotten = self.cleaned_data.get("forget") or ()
        kept = {name: value for name, value in self.stored.items() if name not in forgotten}
        for field in self.system.credentials:
            given = self.cleaned_data.get(CREDENTIAL + field.name)
            if given or field.kind not in HIDDEN:
                kept[field.name] = given or ""
        return {name: value for name, value in kept.items() if value}

    def settings(self) -> dict[str, Any]:
        values = {field.name: self.cleaned_data.get(SETTING + field.name) for field in self.system.settings}
        known = {name: value for name, value in values.items() if value not in (None, "")}
        others = {name: value for name, value in (self.instance.settings or {}).items() if name not in values}
        return others | known

    def _apply(self) -> None:
        """Put what was entered onto the connection."""
        connection = self.instance
        connection.system = self.system.name
        connection.base_url = self.cleaned_data["base_url"]
        connection.settings = self.settings()
        connection.credentials = self.credentials()
        tls = {name: self.cleaned_data.get(f"tls_{name}") for name in ("verify", "ca_bundle", "pin_sha256")}
        connection.tls = {name: value for name, value in tls.items() if value or name == "verify"}


def form_for(system: System) -> type[ConnectionForm]:
    """The form class of a system's connections."""
    fields: dict[str, Any] = {"system": system}
    fields |= {SETTING + field.name: _form_field(field) for field in system.settings}
    fields |= {CREDENTIAL + field.name: _form_field(field) for field in system.credentials}
    return type(f"{system.name.title()}ConnectionForm", (ConnectionForm,), fields)


def fieldsets_for(system: System, *, forget: bool = True) -> list[tuple[str | None, dict[str, Any]]]:
    settings = tuple(SETTING + field.name for field in system.settings)
    credentials = tuple(CREDENTIAL + field.name for field in system.credentials)
    return [
        (None, {"fields": ("tenant", "name", "base_url")}),
        (f"{system.label}: settings", {"fields": settings}),
        (
            "Credentials",
            {
                "fields": (*credentials, "forget") if forget else credentials,
                "description": "Kept encrypted and never shown again.",
            },
        ),
        ("Transport security", {"fields": ("tls_verify", "tls_ca_bundle", "tls_pin_sha256"), "classes": ("collapse",)}),
    ]


def _form_field(field: Field) -> forms.Field:
    common: dict[str, Any] = {"label": field.label, "required": field.required, "help_text": field.help}
    if field.kind == "secret":
        return _patterned(forms.CharField(widget=SecretInput({"class": "vTextField"}), **common), field)
    if field.kind == "pem":
        return forms.CharField(widget=HiddenText(attrs={"rows": 4, "autocomplete": "off"}), **common)
    if field.kind == "bool":
        return forms.BooleanField(**{**common, "required": False})
    if field.kind == "choice":
        blank = [] if field.required else [("", "---------")]
        return forms.ChoiceField(choices=[*blank, *((each, each) for each in field.choices)], **common)
    if field.kind == "number":
        return forms.IntegerField(min_value=1, **common)
    if field.kind == "map":
        return MapField(pattern=field.pattern, **common)
    if field.kind == "url":
        return forms.URLField(validators=[safe_url], assume_scheme="https", widget=LongURLInput, **common)
    return _patterned(forms.CharField(widget=AdminTextInputWidget, **common), field)


def _patterned(form_field: forms.CharField, field: Field) -> forms.CharField:
    if field.pattern:
        message = f"This does not look like {field.label[0].lower()}{field.label[1:]}. {field.help}".strip()

        def check(value: str) -> None:
            if not re.search(field.pattern, value):
                raise ValidationError(message)  # never quotes what was entered

        form_field.validators.append(check)
    return form_field


def safe_url(url: str) -> None:
    """Credentials travel over https, http is for loopback, and they stand in no URL. Raises ValidationError."""
    try:
        require_safe_scheme(url)
    except ConfigurationError as error:
        raise ValidationError(error.message) from None
    if "@" in urlsplit(url).netloc:
        raise ValidationError("User name and password belong under credentials, not into the address.")

"""The forms of an integration and its flows. The recipe decides which systems fit and which settings there are."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator

from integrations.display import format_duration, parse_duration
from integrations.engine.context import SYSTEMS
from integrations.models import Flow, Integration
from integrations.recipes.base import Recipe, SettingSpec

SETTING = "setting_"
SHORTEST = 60  # seconds; the sweep that rings the flows runs once a minute


class DurationField(forms.CharField):
    """Seconds, written as `15m`, `1h 30m` or `1d`."""

    def prepare_value(self, value: Any) -> Any:
        return format_duration(value) if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            seconds = parse_duration(text)
        except ValueError as error:
            raise ValidationError(f"{error}.") from None
        if not SHORTEST <= seconds <= 366 * 86400:
            raise ValidationError("Between 1m and 366d.")
        return seconds

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


class MapField(forms.CharField):
    """One text, or texts by name, written as `USD: TRADE, CAD: CADGRP`. Each must match `pattern`."""

    def __init__(self, *, pattern: str, **options: Any) -> None:
        super().__init__(**options)
        self._pattern = re.compile(pattern or ".*")

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(f"{name}: {text}" for name, text in value.items()) if isinstance(value, dict) else value

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value) or ""
        if ":" not in text:
            return self._checked(text) if text else ""
        parts = [part.partition(":") for part in text.split(",")]
        return {name.strip(): self._checked(each.strip()) for name, _, each in parts}

    def _checked(self, text: str) -> str:
        if not self._pattern.fullmatch(text):
            raise ValidationError(f"{text!r} does not have the form {self._pattern.pattern}.")
        return text

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return bool(initial != self.to_python(data))
        except ValidationError:
            return True


class ListField(forms.CharField):
    """Texts, written as `Issued to Supplier, ACH Credit Issued`."""

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        texts = (super().to_python(value) or "").split(",")
        return list(dict.fromkeys(text.strip() for text in texts if text.strip()))

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool((initial or []) != self.to_python(data))


class FlowForm(forms.ModelForm):
    every = DurationField(
        label="every", help_text="15m, 1h, 1d", widget=forms.TextInput(attrs={"size": 8, "aria-label": "interval"})
    )

    class Meta:
        model = Flow
        fields = ("enabled", "every")


class IntegrationForm(forms.ModelForm):
    """Base of `form_for`'s classes: the recipe decides which systems fit and which settings there are."""

    recipe: Recipe

    class Meta:
        model = Integration
        fields = ("tenant", "name", "source", "target", "start_date", "enabled")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for side, system in (("source", self.recipe.source), ("target", self.recipe.target)):
            if side in self.fields:
                self.fields[side].label = f"{SYSTEMS[system].label} connection"
                choice: Any = self.fields[side]
                choice.queryset = choice.queryset.filter(system=system)
        stored = self.recipe.defaults() | (self.instance.settings or {})
        self.initial.update({SETTING + name: value for name, value in stored.items()})

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        tenant = cleaned.get("tenant") or getattr(self.instance, "tenant", None)
        for side in ("source", "target"):
            connection = cleaned.get(side)
            if connection and tenant and connection.tenant_id != tenant.pk:
                self.add_error(side, f"This connection belongs to another tenant than {tenant}.")
        self._refuse_twins(cleaned.get("source"), cleaned.get("target"))
        return cleaned

    def _refuse_twins(self, source: Any, target: Any) -> None:
        """Two integrations of one recipe over the same connections would both claim the same documents."""
        same = Integration.objects.filter(recipe=self.recipe.name, source=source, target=target)
        twin = same.exclude(pk=self.instance.pk).first() if source and target else None
        if twin:
            self.add_error("target", f"{twin} handles the documents of these two connections already: change that one.")

    def save(self, commit: bool = True) -> Any:
        specs = [spec for spec in self.recipe.settings if SETTING + spec.name in self.cleaned_data]
        given = {spec.name: self.cleaned_data[SETTING + spec.name] for spec in specs}
        self.instance.recipe = self.recipe.name
        self.instance.settings = (self.instance.settings or {}) | given
        return super().save(commit)


def form_for(recipe: Recipe) -> type[IntegrationForm]:
    fields = {SETTING + spec.name: _form_field(spec) for spec in recipe.settings}
    return type(f"{recipe.name.title()}Form", (IntegrationForm,), {"recipe": recipe, **fields})


def _form_field(spec: SettingSpec) -> forms.Field:
    common: dict[str, Any] = {"label": spec.label, "help_text": spec.help, "required": False}
    choices = [(each, each) for each in spec.choices]
    if spec.kind == "bool":
        return forms.BooleanField(**common)
    if spec.kind == "choice":
        return forms.ChoiceField(choices=choices, **{**common, "required": True})
    if spec.kind == "list" and not spec.choices:
        return ListField(**common)
    if spec.kind == "list":
        widget = forms.CheckboxSelectMultiple
        return forms.MultipleChoiceField(choices=choices, widget=widget, **{**common, "required": True})
    if spec.kind == "number":
        least, most = spec.between or (None, None)
        return forms.IntegerField(min_value=least, max_value=most, **{**common, "required": bool(spec.between)})
    if spec.kind == "map":
        return MapField(pattern=spec.pattern, **common)
    checks = [RegexValidator(f"^(?:{spec.pattern})$")] if spec.pattern else []
    return forms.CharField(validators=checks, **common)

from __future__ import annotations

import pytest
from cryptography.fernet import InvalidToken
from django.contrib import admin
from django.core import serializers
from django.core.exceptions import FieldError, ValidationError
from django.db import connection
from django.db.models import F, Model, Value
from django.db.transaction import atomic
from django.forms import modelform_factory
from django.utils import timezone

from integrations.fields import EncryptedJSONField, EncryptedTextField, KeyMissing, SecretInput
from integrations.models import Connection, SharedValue, Tenant

pytestmark = pytest.mark.django_db


def shared(key: str, value: str) -> SharedValue:
    return SharedValue.objects.create(key=key, value=value, touched_at=timezone.now())


def make_connection(name: str = "erp", credentials: object = None) -> Connection:
    tenant, _ = Tenant.objects.get_or_create(slug="acme", defaults={"name": "Acme"})
    return Connection.objects.create(
        tenant=tenant, name=name, system="sage100", base_url="https://erp.example", credentials=credentials or {}
    )


def stored(model: type[Model], column: str) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{column}" FROM "{model._meta.db_table}" ORDER BY id')
        return [bytes(row[0]) for row in cursor.fetchall()]


@pytest.mark.parametrize("value", ["s3cret", "", "Zoë's key\nsecond line", "x" * 10_000])
def test_text_round_trips_and_is_not_readable_in_the_table(value: str) -> None:
    row = shared("a", value)
    row.refresh_from_db()
    assert row.value == value
    assert stored(SharedValue, "value")[0].startswith(b"gAAAA")


def test_json_keeps_its_types() -> None:
    credentials = {"username": "ap@acme.example", "password": "{ü", "nested": {"on": True, "n": None, "list": [1, "2"]}}
    row = make_connection(credentials=credentials)
    row.refresh_from_db()
    assert row.credentials == credentials
    assert b"acme" not in stored(Connection, "credentials")[0]


def test_json_default_is_an_empty_object() -> None:
    assert Connection.objects.get(pk=make_connection().pk).credentials == {}


def test_bulk_update_writes_each_rows_own_secret() -> None:
    rows = [shared(str(n), "old") for n in range(3)]
    for n, row in enumerate(rows):
        row.value = f"new {n}"
    SharedValue.objects.bulk_update(rows, ["value"])
    assert list(SharedValue.objects.order_by("key").values_list("value", flat=True)) == ["new 0", "new 1", "new 2"]


def test_bulk_update_writes_json() -> None:
    rows = [make_connection(name) for name in ("a", "b")]
    for row in rows:
        row.credentials = {"key": row.name}
    Connection.objects.bulk_update(rows, ["credentials"])
    assert [row.credentials for row in Connection.objects.order_by("name")] == [{"key": "a"}, {"key": "b"}]


def test_bulk_create_update_and_upsert_encrypt() -> None:
    rows = [SharedValue(key=key, value="one", touched_at=timezone.now()) for key in "ab"]
    SharedValue.objects.bulk_create(rows)
    SharedValue.objects.filter(key="a").update(value="two")
    again = [SharedValue(key="b", value="three", touched_at=timezone.now())]
    SharedValue.objects.bulk_create(again, update_conflicts=True, unique_fields=["key"], update_fields=["value"])
    assert dict(SharedValue.objects.values_list("key", "value")) == {"a": "two", "b": "three"}
    assert all(value.startswith(b"gAAAA") for value in stored(SharedValue, "value"))


@pytest.mark.parametrize("expression", [F("key"), Value("plain")], ids=["F", "Value"])
def test_expressions_are_refused(expression: object) -> None:
    row = shared("a", "kept")
    with pytest.raises(TypeError, match="encrypted"), atomic():
        SharedValue.objects.update(value=expression)
    row.value = expression  # type: ignore[assignment]
    with pytest.raises(TypeError, match="encrypted"), atomic():
        row.save()
    with pytest.raises(TypeError, match="encrypted"), atomic():
        SharedValue.objects.bulk_update([row], ["value"])
    row.refresh_from_db()
    assert row.value == "kept"


def test_a_value_of_the_column_itself_is_encrypted() -> None:
    shared("a", "old")
    SharedValue.objects.update(value=Value("new", output_field=EncryptedTextField()))
    assert SharedValue.objects.get().value == "new"
    assert stored(SharedValue, "value")[0].startswith(b"gAAAA")


def test_lookups_are_refused() -> None:
    with pytest.raises(FieldError):
        SharedValue.objects.filter(value="s3cret").exists()


@pytest.mark.parametrize("form", ["json", "xml", "python"])
def test_serializers_never_see_the_secret(form: str) -> None:
    shared("a", "s3cret")
    make_connection(credentials={"password": "s3cret"})
    for model in (SharedValue, Connection):
        assert "s3cret" not in str(serializers.serialize(form, model.objects.all()))


def test_a_dump_loads_again_without_secrets() -> None:
    make_connection(credentials={"password": "s3cret"})
    dump = serializers.serialize("json", Connection.objects.all())
    for item in serializers.deserialize("json", dump):
        item.save()
    assert Connection.objects.get().credentials == {}


def test_an_older_key_still_opens_and_a_missing_one_says_so(settings) -> None:
    old, new = "old-key-" + "o" * 32, "new-key-" + "n" * 32
    settings.FERNET_KEYS = [old]
    row = shared("a", "s3cret")
    settings.FERNET_KEYS = [new]
    with pytest.raises(KeyMissing, match=r"integrations\.SharedValue\.value") as caught:
        row.refresh_from_db()
    assert isinstance(caught.value, InvalidToken)
    assert SharedValue.objects.defer("value").get().key == "a"
    settings.FERNET_KEYS = [new, old]
    row.refresh_from_db()
    row.save()
    settings.FERNET_KEYS = [new]
    assert SharedValue.objects.get().value == "s3cret"


TextForm = modelform_factory(SharedValue, fields=["key", "value"])
JSONForm = modelform_factory(Connection, fields=["name", "credentials"])


def test_a_form_never_holds_the_stored_secret() -> None:
    assert "s3cret" not in TextForm(instance=shared("a", "s3cret")).as_p()
    page = JSONForm(instance=make_connection(credentials={"password": "s3cret"})).as_p()
    assert "s3cret" not in page
    assert 'type="password"' in page


def test_a_form_left_empty_keeps_the_stored_secret() -> None:
    form = TextForm({"key": "b", "value": ""}, instance=shared("a", "s3cret"))
    assert form.is_valid(), form.errors
    assert form.changed_data == ["key"]
    form.save()
    row = SharedValue.objects.get()
    assert (row.key, row.value) == ("b", "s3cret")


def test_a_form_does_not_echo_what_was_typed() -> None:
    form = TextForm({"key": "", "value": "s3cret"})
    assert not form.is_valid()
    assert "s3cret" not in form.as_p()


def test_a_form_replaces_the_secret() -> None:
    form = JSONForm({"name": "erp", "credentials": '{"api_key": "new"}'}, instance=make_connection())
    assert form.is_valid(), form.errors
    assert form.changed_data == ["credentials"]
    form.save()
    assert Connection.objects.get().credentials == {"api_key": "new"}


def test_a_new_row_needs_its_secret() -> None:
    form = TextForm({"key": "a", "value": ""})
    assert form.errors["value"] == ["This field is required."]


@pytest.mark.parametrize("text", ["s3cret", "{", '"s3cret"', "7"])
def test_text_that_is_no_object_is_refused_without_quoting_it(text: str) -> None:
    form = JSONForm({"name": "erp", "credentials": text}, instance=make_connection())
    assert form.errors["credentials"] == ["Enter a JSON object."]
    with pytest.raises(ValidationError, match="Enter a JSON object"):
        EncryptedJSONField().to_python(text)


def test_the_admin_uses_the_password_input_too(rf) -> None:
    model_admin = admin.ModelAdmin(SharedValue, admin.site)
    form_field = model_admin.formfield_for_dbfield(SharedValue._meta.get_field("value"), rf.get("/"))
    assert isinstance(form_field.widget, SecretInput)

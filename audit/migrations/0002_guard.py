"""Make the database itself refuse to change or remove audit events.

Retention is the exception: on PostgreSQL a transaction that has set `audit.retention` to `on` may delete, on
SQLite one that has put a row into `audit_retention_permit` (and takes it out again before it commits).
"""

from django.db import migrations

POSTGRESQL = (
    """
    CREATE FUNCTION audit_auditevent_guard() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_OP = 'DELETE' AND current_setting('audit.retention', true) = 'on' THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'audit events are append-only' USING ERRCODE = 'restrict_violation';
    END $$
    """,
    """
    CREATE TRIGGER audit_auditevent_guard BEFORE UPDATE OR DELETE ON audit_auditevent
    FOR EACH ROW EXECUTE FUNCTION audit_auditevent_guard()
    """,
)
POSTGRESQL_BACK = (
    "DROP TRIGGER audit_auditevent_guard ON audit_auditevent",
    "DROP FUNCTION audit_auditevent_guard()",
)

SQLITE = (
    "CREATE TABLE audit_retention_permit (id integer NOT NULL PRIMARY KEY)",
    """
    CREATE TRIGGER audit_auditevent_no_update BEFORE UPDATE ON audit_auditevent
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
    """
    CREATE TRIGGER audit_auditevent_no_delete BEFORE DELETE ON audit_auditevent
    WHEN NOT EXISTS (SELECT 1 FROM audit_retention_permit)
    BEGIN SELECT RAISE(ABORT, 'audit events are append-only'); END
    """,
)
SQLITE_BACK = (
    "DROP TRIGGER audit_auditevent_no_delete",
    "DROP TRIGGER audit_auditevent_no_update",
    "DROP TABLE audit_retention_permit",
)


def _run(statements):
    def run(apps, schema_editor):
        for statement in statements.get(schema_editor.connection.vendor, ()):
            schema_editor.execute(statement)

    return run


class Migration(migrations.Migration):
    dependencies = [("audit", "0001_initial")]

    operations = [
        migrations.RunPython(
            _run({"postgresql": POSTGRESQL, "sqlite": SQLITE}),
            _run({"postgresql": POSTGRESQL_BACK, "sqlite": SQLITE_BACK}),
        )
    ]

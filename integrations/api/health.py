"""What load balancers and supervisors ask: is the process up, can it do its work."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from integrations.engine.schedule import last_heartbeat, next_runs, runnable, unclaimed

HEARTBEAT_LATE = timedelta(seconds=120)
FLOW_LATE = timedelta(seconds=300)

_migrated = False  # true once seen: applied migrations do not come undone under a running process


@never_cache
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers."""
    return JsonResponse({"ok": True})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """Database, migrations, task cluster and punctuality; 503 with what is wrong. Names no tenant."""
    wrong: dict[str, str] = {}
    for name, check in CHECKS.items():
        try:
            problem = check()
        except DatabaseError:
            problem = "the database does not answer"
        if problem:
            wrong[name] = problem
    checks = {name: wrong.get(name, "ok") for name in CHECKS}
    return JsonResponse({"ok": not wrong, "checks": checks}, status=503 if wrong else 200)


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations() -> str:
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if missing:
            return f"{len(missing)} not applied: run `manage.py migrate`"
        _migrated = True
    return ""


def _heartbeat() -> str:
    beat = last_heartbeat()
    if beat is None:
        return "no task cluster has ever reported: run `manage.py qcluster`"
    age = timezone.now() - beat
    return f"the task cluster last reported {_seconds(age)} ago" if age > HEARTBEAT_LATE else ""


def _flows() -> str:
    oldest = oldest_due()
    return f"a flow has been due for {_seconds(oldest)} and nobody runs it" if oldest > FLOW_LATE else ""


def oldest_due() -> timedelta:
    """How long the most overdue flow has been waiting that was rung for, or planned, and that nobody runs.

    Flows of a connection whose credentials were refused are not late: they wait for a person.
    """
    now = timezone.now()
    waiting = runnable().filter(unclaimed(now))
    planned = next_runs()
    due = [each for pk, rung in waiting.values_list("pk", "rung_at") for each in (rung, planned.get(pk)) if each]
    return max(now - min(due), timedelta(0)) if due else timedelta(0)


def _seconds(age: timedelta) -> str:
    return f"{int(age.total_seconds())} s"


CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "heartbeat": _heartbeat,
    "flows": _flows,
}

"""Compare both systems of an integration. Writes nothing in either, and here only what the audit trail says of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

from connectors.clock import Clock, SystemClock
from connectors.errors import ConfigurationError, ConnectorError
from integrations.engine.context import ConnectorPool, FlowContext
from integrations.engine.run import Progress, describe, note_trouble
from integrations.engine.sync import Trouble
from integrations.engine.trail import Trail
from integrations.models import Integration

from .bills import compare_bills
from .entries import compare_entries
from .items import compare_items
from .payments import compare_payments
from .pushed import compare_codes, compare_pushed
from .reference import compare_accounts, compare_vendors
from .result import Result


def _compare_payables(context: FlowContext, result: Result) -> None:
    """What is paid and not posted yet is taken off what the ledger owes: one cannot be compared without the other."""
    compare_bills(context, result, compare_payments(context, result))


COMPARISONS: dict[str, Callable[[FlowContext, Result], None]] = {
    "accounts": compare_accounts,
    "vendors": compare_vendors,
    "all_vendors": partial(compare_vendors, every=True),
    "payables": _compare_payables,
    "entries": compare_entries,
    "codes": compare_codes,
    "pushed": compare_pushed,
    "items": compare_items,
}


def reconcile(
    integration: Integration,
    *,
    clock: Clock | None = None,
    actor: str = "system",
    progress: Progress = lambda flow, what, count: None,
) -> Result:
    """Every difference between the ledger and the payment cloud, in what the recipe says is compared.

    Never raises ConnectorError: a system that does not serve us is the result's `trouble`. What moves while the two
    sides are read one after the other can show as a difference; it is gone the next time.
    """
    clock = clock or SystemClock()
    pool = ConnectorPool(clock)
    flows = integration.flows.select_related("integration__tenant", "integration__source", "integration__target")
    context = FlowContext(flows.get(name="bills"), pool)
    tenant = integration.tenant
    labels = (context.label("source"), context.label("target"))
    result = Result(tenant.slug, integration.name, tenant.currency, labels, progress=progress)
    trail = Trail(tenant=tenant.slug, clock=clock, integration=integration.name, actor=actor)
    started = clock.monotonic()
    try:
        for side in ("source", "target"):
            context.side(side)  # refused credentials before the first long list
        for name in context.recipe.compares:
            COMPARISONS[name](context, result)
    except ConnectorError as error:
        step = error.step if isinstance(error, ConfigurationError) else ""
        name = pool.last.name if pool.last else ""
        result.trouble = Trouble(connection=name, step=step or "reconcile", message=describe(error))
        note_trouble(pool.last, error, trail)
    finally:
        pool.close()
    result.requests, result.seconds = dict(pool.requests), clock.monotonic() - started
    _record(result, trail)
    return result


def _record(result: Result, trail: Trail) -> None:
    outcome = "failed" if result.trouble else "ok" if result.ok else "different"
    facts = {name: value for name, value in result.as_json().items() if name in ("compared", "totals", "requests")}
    entry = trail.entry(
        "reconciled",
        record_type="integration",
        document=f"{result.tenant}/{result.integration}",
        amount=result.source_total - result.target_total,
        currency=result.currency,
        outcome=outcome,
        message=result.summary(),
        response=json.dumps(facts, sort_keys=True),
    )
    with trail.transaction():
        trail.write([entry])

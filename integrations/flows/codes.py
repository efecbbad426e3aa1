"""The ledger's accounts and segment values become codes of a target that has coding lists.

Imported, or only verified, or written to a file, as the setting `codes_write_mode` says; `auto` imports until the
target refuses the import as such, and verifies from then on until a person changes the setting.
"""

from __future__ import annotations

import csv
import hashlib
import io
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from django.conf import settings

from connectors.domain import Account, CodeDraft, Written
from connectors.errors import ConfigurationError, Rejected
from connectors.ports import Cursor, Page
from integrations.engine.context import FlowContext
from integrations.engine.vocabulary import (
    Adopt,
    Decision,
    Found,
    Hold,
    Item,
    Send,
    Settle,
    Staged,
    Stream,
    Withdraw,
)
from integrations.models import Flow, Link, ReferenceKind

from .accounts import AccountsFlow
from .base import nothing
from .code_view import CodeView

MODE = "codes_write_mode"
COLUMNS = ("GroupName", "CodeValue", "Description", "IsActive")
DISABLED = "import_disabled"
FALLEN_BACK = "import refused"  # among the flow's cursors, which a change of the setting clears
SHOWN = 10  # missing codes named in a message


class CodesFlow(AccountsFlow):
    record_type: ClassVar[str] = "code"
    record: ClassVar[type] = Account
    releases: ClassVar[bool] = True

    def __init__(self, context: FlowContext) -> None:
        super().__init__(context)
        self.view = CodeView(self)
        self._segments: list[Account] = []
        self._welcome = False  # the target took an import in this run
        self._unwelcome: Rejected | None = None  # it takes none
        self._asking = threading.Lock()

    # --- reading ---------------------------------------------------------------------------------

    def streams(self) -> Iterable[Stream]:
        yield self.view.stream()
        yield Stream("source accounts", self.context.reader.read_accounts, self._absorb_accounts)
        yield Stream("source segments", self._read_segments, self._absorb_segments, once=True)
        if self.context.full:
            for side, kind in self._lists():
                read, absorb = self._reader(side, kind), self._absorber(side, kind)
                yield Stream(f"{side} {kind}s", read, absorb, counts=False, once=True)
        if not self.imports:
            yield Stream("verification", nothing, lambda records: (), after=self._verify, once=True)
        yield Stream("mappings", nothing, lambda records: (), after=self.resolve_mappings, once=True)

    def _read_segments(self, cursor: Cursor | None) -> Iterator[Page[Account]]:
        yield Page(self.context.reader.read_segments())

    def _absorb_accounts(self, accounts: Sequence[Account]) -> Iterable[Staged]:
        list(self._absorber("source", ReferenceKind.ACCOUNT)(accounts))
        return self._stage(self._code(self.group, each) for each in accounts)

    def _absorb_segments(self, values: Sequence[Account]) -> Iterable[Staged]:
        self._segments = [self._code(each.kind, each) for each in values]
        return self._stage(self._segments)

    def _stage(self, codes: Iterable[Account]) -> list[Staged]:
        if not self.imports:
            return []
        return [Staged(key=each.key, document=each.number, record=each) for each in codes]

    @property
    def group(self) -> str:
        """The list that holds GL accounts."""
        return str(self.context.writer.ledger_group)

    def _code(self, group: str, account: Account) -> Account:
        return code_of(self.context.writer, group, account)

    # --- whether it may write ----------------------------------------------------------------------

    @property
    def mode(self) -> str:
        return str(self.context.settings[MODE])

    @property
    def fallen_back(self) -> str:
        """Why `auto` no longer imports, "" while it does."""
        return str(self.context.flow.cursors.get(FALLEN_BACK, {}).get("message", ""))

    @property
    def imports(self) -> bool:
        return self.mode == "import" or (self.mode == "auto" and not self.fallen_back)

    @cached_property
    def _known_to_import(self) -> bool:
        return Link.objects.filter(flow=self.context.flow, adopted=False).exists()

    def _fall_back(self, message: str) -> None:
        """Remembered with the flow, so that nobody asks again until the setting is changed."""
        flow = self.context.flow
        flow.cursors[FALLEN_BACK] = {"message": message, "at": self.context.now().isoformat()}
        Flow.objects.filter(pk=flow.pk).update(cursors=flow.cursors)
        self.context.report("codes_only_verified", record_type=self.record_type, outcome="changed", message=message)

    # --- without writing ---------------------------------------------------------------------------

    def _verify(self) -> Iterable[Staged]:
        """Tell which codes the target lacks; invoices that need one are held for it."""
        codes = self._all_codes()
        if self.mode == "file":
            self._write_file(codes)
        missing = [each.key for each in codes if each.active and not self.view.shows(each.key)]
        if missing:
            more = f" and {len(missing) - SHOWN} more" if len(missing) > SHOWN else ""
            named = ", ".join(key.partition("|")[2] for key in missing[:SHOWN])
            self.context.report(
                "codes_missing",
                record_type=self.record_type,
                outcome="different",
                message=f"{len(missing)} codes are not in {self.there}, or inactive there: {named}{more}.",
            )
        return ()

    def _all_codes(self) -> list[Account]:
        rows = self.context.references("source").all(ReferenceKind.ACCOUNT).values()
        accounts = [self._code(self.group, Account(row.key, row.number, row.name, row.active)) for row in rows]
        return sorted([*accounts, *self._segments], key=lambda code: code.key)

    def _write_file(self, codes: Sequence[Account]) -> None:
        """`EXPORTS_DIR/<tenant>/<integration>/codes.csv`, written anew only where it says something new."""
        content = as_csv(codes).encode()
        integration = self.context.integration
        path = Path(settings.EXPORTS_DIR) / integration.tenant.slug / integration.name / "codes.csv"
        if self.context.preview or (path.exists() and path.read_bytes() == content):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(content)
        fresh.replace(path)
        checksum = hashlib.sha256(content).hexdigest()
        self.context.report(
            "codes_exported",
            record_type=self.record_type,
            outcome="ok",
            message=f"{len(codes)} codes for {self.there} written to {path} (SHA-256 {checksum}).",
        )

    # --- deciding ----------------------------------------------------------------------------------

    def plan(self, items: Sequence[Item]) -> Iterable[tuple[Item, Decision]]:
        for item in items:
            yield item, self._decide(item)

    def _decide(self, item: Item) -> Decision:
        code: Account = item.record
        if not self.imports:
            return Withdraw(self.fallen_back or f"Codes are not sent to {self.there} (setting {MODE}: {self.mode}).")
        draft = CodeDraft(code.number, code.name, code.active)
        row = self.view.row(code.key)
        if row is not None and (row.name, row.active) == (code.name, code.active):
            if item.link is None:
                return Adopt(code.key, draft, f"{self.there} has this code already.")
            return Settle("Nothing to change.", draft)
        return Send("update" if item.link or row else "create", draft)

    # --- sending -----------------------------------------------------------------------------------

    def batch_size(self, action: str) -> int:
        """One at first where a refusal would only mean that nobody may import."""
        return 1 if self._unproved else int(self.context.writer.capabilities.batch.get(self.record_type, 1))

    @property
    def _unproved(self) -> bool:
        return self.mode == "auto" and not (self._welcome or self._known_to_import)

    def send(self, action: str, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        if self.mode == "auto" and self.fallen_back:
            raise Rejected(self.fallen_back, code=DISABLED)
        if not self._unproved:
            return self._import(batch)
        with self._asking:  # one asks for all
            if self._unwelcome is not None:
                raise self._unwelcome
            return self._import(batch)

    def _import(self, batch: Sequence[tuple[Item, Send]]) -> list[Written]:
        groups: dict[str, list[CodeDraft]] = defaultdict(list)
        for item, send in batch:
            groups[item.record.kind].append(send.draft)
        written: dict[str, Written] = {}
        try:
            for group, drafts in groups.items():
                written |= {each.id: each for each in self.context.writer.import_codes(group, drafts)}
        except (ConfigurationError, Rejected) as error:
            if error.code != DISABLED:
                raise
            if self.mode == "auto":
                self._unwelcome = Rejected(error.message, status=error.status, code=DISABLED, raw=error.raw)
                raise self._unwelcome from None
            raise ConfigurationError(
                error.message,
                step="codes",
                fix=f"Let {self.there} take codes, or choose another {MODE}: verify, file or auto.",
                status=error.status,
                code=DISABLED,
                raw=error.raw,
            ) from None
        self._welcome = True
        return [written[item.key] for item, _ in batch]

    def refused(self, item: Item, send: Send, error: Rejected) -> Hold | Withdraw | Found | None:
        if error.code != DISABLED:
            return super().refused(item, send, error)
        if not self.fallen_back:
            self._fall_back(
                f"{self.there} takes no codes from us: {error.message} "
                f"They are only verified from now on, until somebody changes the setting {MODE}."
            )
        return Withdraw(self.fallen_back)

    def look_up(self, items: Sequence[Item]) -> dict[str, Found]:
        return {item.key: Found("", "The same code may be sent again: it is changed, not doubled.") for item in items}

    def draft_type(self, action: str) -> type:
        return CodeDraft

    def keep(self, link: Link, item: Item, decision: Decision, written: Any) -> None:
        """Accepted is not applied: what was sent counts once the target shows it."""
        if written is not None and written.details.get("refused"):
            link.state = Link.State.REFUSED
        else:
            link.state = Link.State.ENTERED if item.delivery.action in ("create", "update") else Link.State.ACTIVE


def code_of(target: Any, group: str, account: Account) -> Account:
    """An account or a segment's value as the target should show it; a description may be cut, a value never."""
    limit = target.capabilities.limits.get("code.description", 50)
    text = f"{account.number} : {account.name}" if account.name else account.number
    return Account(f"{group}|{account.number}", account.number, text[:limit].rstrip(), account.active, group)


def as_csv(codes: Iterable[Account]) -> str:
    """RFC 4180 with a header."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    writer.writerows((code.kind, code.number, code.name, "true" if code.active else "false") for code in codes)
    return text.getvalue()

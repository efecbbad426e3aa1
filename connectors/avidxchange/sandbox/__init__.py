"""A faithful stand-in of AvidXchange over real HTTP, in the shape of either profile.

    with Running(AvidSandbox("plain-rest")) as running: ...

It enforces the contract's strict rules (docs: avidxchange 14, 14.1) and is steered under `/_sandbox/` (see
`connectors.sandboxing`); the actions are the `do_*` methods of `actions.Actions`, fault kinds of its own stand at
`server.Server.own_fault`. State and actions speak neutral names (`shapes`), whatever the shape on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .actions import Actions
from .demo import EXAMPLE, load_demo

__all__ = ["EXAMPLE", "AvidSandbox", "load_demo"]


class AvidSandbox(Actions):
    """One tenant with two accounting systems, 3 "Sage 100 ABC" and 4 "Sage 100 XYZ".

    profile: avidsuite-v1 or plain-rest. seed: of every whim and number. page_size: the most rows a page has, whatever
    was asked. quirks: how often lists of one come as objects, booleans as texts, dates in other spellings, 0 to 1.
    code_delay: seconds until an import shows in the read view. whole_import_fails: a description that is too long
    fails its whole import, not its row alone. links: relative, absolute or foreign. message_only: errors of rows
    have no code and no field. keep_images: keep the bytes of uploads, not only size and SHA-256. auth_mode:
    static_tokens, password_grant (at /authorizations below the root) or client_credentials (at /oauth/token).
    headers: templates instead of the profile's. credentials: over the defaults (`server.CREDENTIALS`); a `tenant`
    asks for its header. token_lifetime: seconds.
    """

    def __init__(
        self,
        profile: str = "avidsuite-v1",
        *,
        seed: int = 0,
        page_size: int = 25,
        quirks: float = 0.3,
        code_delay: float = 0.0,
        whole_import_fails: bool = True,
        links: str = "relative",
        message_only: bool = False,
        keep_images: bool = False,
        auth_mode: str = "static_tokens",
        headers: Mapping[str, str] | None = None,
        credentials: Mapping[str, str] | None = None,
        token_lifetime: float = 3600,
        accounting_systems: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(
            profile,
            seed=seed,
            page_size=page_size,
            quirks=quirks,
            code_delay=code_delay,
            whole_import_fails=whole_import_fails,
            links=links,
            message_only=message_only,
            keep_images=keep_images,
            auth_mode=auth_mode,
            headers=headers,
            credentials=credentials,
            token_lifetime=token_lifetime,
            accounting_systems=accounting_systems,
        )

    def state(self) -> dict[str, Any]:
        """Everything of the tenant in neutral names; `images` are lists of uploads by invoice."""
        uploads = {
            str(invoice): [
                {
                    "file_name": each.file_name,
                    "content_type": each.content_type,
                    "size": each.size,
                    "sha256": each.sha256,
                }
                for each in found
            ]
            for invoice, found in self.invoices.uploads.items()
        }
        return {
            "accounting_systems": [
                {"id": number, "name": name} for number, name in self.ground.accounting_systems.items()
            ],
            "vendors": list(self.vendors.rows.values()),
            "codes": [{"system": system, **row} for (system, _, _), row in self.codes.visible().items()],
            "purchase_orders": list(self.invoices.orders.values()),
            "invoices": list(self.invoices.rows.values()),
            "images": uploads,
            "payments": list(self.payments.rows.values()),
            "journal": list(self.journal),
        }

    def stats(self) -> dict[str, Any]:
        """resources: requests by resource and method. vendor_puts: updates by vendor code; needless_updates changed
        nothing. forbidden_writes: anything but reading under /payments. refused: by code, 401s under unauthorized."""
        resources: dict[str, dict[str, int]] = {}
        for (resource, method), count in self.by_resource.items():
            resources.setdefault(resource, {})[method] = count
        return {
            "resources": resources,
            "vendor_puts": dict(self.vendors.updates),
            "needless_updates": self.vendors.needless_updates,
            "forbidden_writes": self.forbidden_writes,
            "unauthorized": dict(self.access.refused),
            "authorizations": self.access.authorizations,
            "refused": dict(self.refused),
            "images": sum(len(each) for each in self.invoices.uploads.values()),
            "image_bytes": sum(upload.size for each in self.invoices.uploads.values() for upload in each),
        }

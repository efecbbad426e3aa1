"""Every system in one place: its connector, what a person must enter, and where its sandbox is.

Drives the admin's forms, the provision file's checks and the documentation.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

from .ports import ConnectionSpec, Connector, Host


@dataclass(frozen=True, slots=True)
class Field:
    """One thing a person enters. `kind`: text, secret, pem, bool, choice, url, number, or map (texts by name, each of
    which must match `pattern`)."""

    name: str
    label: str
    kind: str = "text"
    required: bool = False
    default: Any = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    help: str = ""


@dataclass(frozen=True, slots=True)
class System:
    name: str
    label: str
    connector: str
    sandbox: str
    sandbox_data: str  # function that fills a fresh sandbox with sample records
    sandbox_example: str  # connectors.sandboxing.Example: how a connection enters it
    settings: tuple[Field, ...]
    credentials: tuple[Field, ...]
    needs_one_of: tuple[tuple[str, ...], ...] = ()  # credentials of which at least one group must be complete

    def missing_credentials(self, given: dict[str, Any]) -> str:
        """In words what is missing, "" when enough is there."""
        if self.needs_one_of and not any(all(given.get(name) for name in group) for group in self.needs_one_of):
            return "give " + " or ".join(" and ".join(group) for group in self.needs_one_of)
        return ""


SYSTEMS: dict[str, System] = {
    "sage100": System(
        name="sage100",
        label="Sage 100",
        connector="connectors.sage100.connector:Sage100",
        sandbox="connectors.sage100.sandbox:Sage100Sandbox",
        sandbox_data="connectors.sage100.sandbox:load_demo",
        sandbox_example="connectors.sage100.sandbox:EXAMPLE",
        settings=(
            Field(
                "company_code",
                "Company code",
                required=True,
                pattern=r"^[A-Za-z0-9]{3}$",
                help="Three characters, e.g. ABC: the company in Sage 100 that this connection works in.",
            ),
            Field("soap_url", "eBusiness Web Services WSDL", kind="url", help="Only for customers and sales orders."),
            Field("request_timeout", "Answer time-out in seconds", kind="number"),
        ),
        credentials=(
            Field("api_key", "API key", kind="secret", pattern=r"^[A-Za-z0-9_\-]{32,128}$"),
            Field("client_certificate", "Client certificate (PEM)", kind="pem"),
            Field("client_key", "Client certificate's key (PEM)", kind="pem"),
            Field("soap_username", "Web services user"),
            Field("soap_password", "Web services password", kind="secret"),
        ),
        needs_one_of=(("api_key",), ("client_certificate", "client_key")),
    ),
    "bill": System(
        name="bill",
        label="BILL",
        connector="connectors.bill.connector:Bill",
        sandbox="connectors.bill.sandbox:BillSandbox",
        sandbox_data="connectors.bill.sandbox:load_demo",
        sandbox_example="connectors.bill.sandbox:EXAMPLE",
        settings=(
            Field(
                "organization_id",
                "Organization id",
                required=True,
                pattern=r"^008[A-Za-z0-9]{17}$",
                help="In BILL: Settings > Sync & Integrations > Manage developer keys; begins with 008.",
            ),
            Field("events_url", "Webhook API", kind="url", help="Derived from the base URL when empty."),
            Field("request_timeout", "Answer time-out in seconds", kind="number"),
        ),
        credentials=(
            Field("username", "User name or sync-token name", required=True),
            Field("password", "Password or sync token", kind="secret", required=True),
            Field("dev_key", "Developer key", kind="secret", required=True),
        ),
    ),
    "sap_b1": System(
        name="sap_b1",
        label="SAP Business One",
        connector="connectors.sap_b1.connector:SapB1",
        sandbox="connectors.sap_b1.sandbox:SapB1Sandbox",
        sandbox_data="connectors.sap_b1.sandbox:load_demo",
        sandbox_example="connectors.sap_b1.sandbox:EXAMPLE",
        settings=(
            Field(
                "company_db",
                "Company database",
                required=True,
                help="As SAP Business One's sign-in shows it, e.g. SBO_ACME; the version is in the base URL (/b1s/v1).",
            ),
            Field(
                "language",
                "Language of SAP's messages",
                default="3",
                pattern=r"^[0-9]{1,3}$",
                help="A number of SAP's list of languages; 3 is English, by whose words some refusals are told apart.",
            ),
            Field("request_timeout", "Answer time-out in seconds", kind="number"),
        ),
        credentials=(
            Field("username", "User code", required=True),
            Field("password", "Password", kind="secret", required=True),
        ),
    ),
    "sage300": System(
        name="sage300",
        label="Sage 300",
        connector="connectors.sage300.connector:Sage300",
        sandbox="connectors.sage300.sandbox:Sage300Sandbox",
        sandbox_data="connectors.sage300.sandbox:load_demo",
        sandbox_example="connectors.sage300.sandbox:EXAMPLE",
        settings=(
            Field(
                "company",
                "Company",
                pattern=r"^[A-Za-z0-9_]{1,12}$",
                help="The company's database id as the sign-on shows it, e.g. SAMINC; not needed where the base URL"
                " names it.",
            ),
            Field(
                "uppercase_password",
                "Send the password in capitals",
                kind="bool",
                default=False,
                help="For sites with the old password policy; the connection test says when it is needed.",
            ),
            Field("request_timeout", "Answer time-out in seconds", kind="number"),
        ),
        credentials=(
            Field("username", "User name", required=True, help="With the Web API right; ADMIN has none by default."),
            Field("password", "Password", kind="secret", help="Empty where Sage 300 runs without security."),
        ),
    ),
    "avidxchange": System(
        name="avidxchange",
        label="AvidXchange",
        connector="connectors.avidxchange.connector:AvidXchange",
        sandbox="connectors.avidxchange.sandbox:AvidSandbox",
        sandbox_data="connectors.avidxchange.sandbox:load_demo",
        sandbox_example="connectors.avidxchange.sandbox:EXAMPLE",
        settings=(
            Field(
                "accounting_system",
                "Accounting system",
                required=True,
                help="The name of this ledger's company as AvidXchange shows it, e.g. Sage 100 ABC.",
            ),
            Field(
                "profile",
                "Profile",
                default="avidsuite-v1",
                help="How this customer's API looks: avidsuite-v1, plain-rest, or the path of a JSON file.",
            ),
            Field("profile_overrides", "Changes to the profile", help="JSON that is merged over the profile."),
            Field(
                "auth_mode",
                "Sign-in",
                kind="choice",
                choices=("static_tokens", "password_grant", "client_credentials"),
                help="The profile's own when empty: two tokens.",
            ),
            Field("token_url", "Token URL", kind="url", help="Only for client_credentials."),
            Field("tenant", "Tenant", help="Only for client_credentials, where AvidXchange gave a number."),
            Field("requests_per_minute", "Requests a minute", kind="number", default=60),
            Field("max_in_flight", "Requests at once", kind="number", default=2),
            Field("request_timeout", "Answer time-out in seconds", kind="number"),
        ),
        credentials=(
            Field("company_token", "Company token", kind="secret"),
            Field("user_token", "User token", kind="secret"),
            Field("username", "User name"),
            Field("password", "Password", kind="secret"),
            Field("client_id", "Client id"),
            Field("client_secret", "Client secret", kind="secret"),
        ),
        needs_one_of=(
            ("company_token", "user_token"),
            ("company_token", "username", "password"),
            ("client_id", "client_secret"),
        ),
    ),
    "monday": System(
        name="monday",
        label="monday.com",
        connector="connectors.monday.connector:Monday",
        sandbox="connectors.monday.sandbox:MondaySandbox",
        sandbox_data="connectors.monday.sandbox:load_demo",
        sandbox_example="connectors.monday.sandbox:EXAMPLE",
        settings=(
            Field(
                "api_version",
                "API version",
                kind="choice",
                default="2026-10",
                choices=("2026-10", "2026-07"),
                help="The connection test says when monday.com answers with another one.",
            ),
            Field(
                "plan",
                "Plan",
                kind="choice",
                default="standard",
                choices=("free", "trial", "basic", "standard", "pro", "enterprise"),
                help="Sets the limits that are kept: calls a minute and a day, requests at once, complexity.",
            ),
            Field(
                "boards",
                "Boards",
                kind="map",
                pattern=r"[0-9]{1,20}",
                help="The board's id by flow, as in bills: 18423875018, vendors: 18423875020; others are created.",
            ),
            Field("workspace_id", "Workspace", pattern=r"^[0-9]{1,20}$", help="Id of the one that boards are made in."),
            Field(
                "daily_calls",
                "Calls a day",
                kind="number",
                help="Half of what the plan allows when empty: the account's other integrations need some too.",
            ),
            Field(
                "item_writes_per_minute",
                "Item writes a minute",
                kind="number",
                help="A cap of your own on items created and changed; monday.com has none but complexity.",
            ),
            Field("token_prefix", "Token prefix", kind="choice", choices=("Bearer",), help="Tokens are sent bare."),
            Field("request_timeout", "Answer time-out in seconds", kind="number"),
        ),
        credentials=(
            Field(
                "api_token",
                "API token",
                kind="secret",
                required=True,
                help="Developers > My access tokens, of a member who may edit the boards; or an OAuth access token.",
            ),
        ),
    ),
}


def load(path: str) -> Any:
    """The object behind a dotted `module:name`."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)


def build(spec: ConnectionSpec, host: Host) -> Connector:
    """The connector of a connection. Raises ConfigurationError when its settings are unusable."""
    return cast(Connector, load(SYSTEMS[spec.system].connector)(spec, host))

"""What a profile may say: a closed schema, every fault named by its path. docs: avidxchange 11

A rule is called with a value and its path, and yields what is wrong with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

Rule = Callable[[Any, str], Iterator[str]]

AUTH_MODES = ("static_tokens", "password_grant", "client_credentials")
IN_HEADERS = frozenset({"company_token", "user_token", "access_token", "tenant"})
TO_AUTHORIZE = frozenset({"company_token", "username", "password", "client_id", "client_secret", "tenant", "token_url"})
IMAGE_TYPES = ("application/pdf", "image/tiff", "image/png", "image/jpeg")
IMAGE_MODES = ("multipart", "base64_json")
OUTCOMES = ("open", "approved", "rejected", "void", "paid")
SETTLEMENTS = ("settled", "issued", "in_progress", "failed", "void")
METHODS = ("check", "ach", "virtual_card", "internal")

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


def placeholders(template: str) -> set[str]:
    return set(_PLACEHOLDER.findall(template))


# --- rules of single values ----------------------------------------------------------------------


def matching(pattern: str, what: str) -> Rule:
    compiled = re.compile(pattern)

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            yield f"{at}: {what} expected"

    return check


def one_of(*choices: Any) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, type(choices[0])) or value not in choices:
            yield f"{at}: one of {', '.join(map(str, choices))} expected"

    return check


def whole(least: int, most: int) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            yield f"{at}: a whole number from {least} to {most} expected"

    return check


def template(allowed: frozenset[str]) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not value or not value.isprintable():
            yield f"{at}: a text expected"
            return
        for name in sorted(placeholders(value) - allowed):
            yield f"{at}: {{{name}}} is unknown; known: {', '.join(sorted(allowed))}"

    return check


def _date_format(value: Any, at: str) -> Iterator[str]:
    if not isinstance(value, str) or date(2026, 11, 19).strftime(value) in ("", value):
        yield f"{at}: a date format such as %Y-%m-%d expected"


def _zone(value: Any, at: str) -> Iterator[str]:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
        yield f"{at}: a time zone such as UTC expected"


text = matching(r"[^\x00-\x1f]+", "a text")
path = matching(r"[^.\s]+(\.[^.\s]+)*", "a dotted path")
name = matching(r"[^\s&=?#]+", "a name")
header = matching(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+", "the name of a header")
flag = one_of(True, False)

# --- rules of objects and lists ------------------------------------------------------------------


def members(required: Mapping[str, Rule], optional: Mapping[str, Rule] | None = None) -> Rule:
    """An object with these members and no others."""
    known = {**required, **(optional or {})}

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{at or 'the profile'}: an object expected"
            return
        within = f"{at}." if at else ""
        yield from (f"{within}{each}: unknown" for each in value if each not in known)
        for each, rule in known.items():
            if each in value:
                yield from rule(value[each], f"{within}{each}")
            elif each in required:
                yield f"{within}{each}: missing"

    return check


def table(key: Rule, rule: Rule) -> Rule:
    """An object whose members have names of the customer's own."""

    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, Mapping):
            yield f"{at}: an object expected"
            return
        for each, content in value.items():
            yield from key(each, f"{at}.{each}")
            yield from rule(content, f"{at}.{each}")

    return check


def several(rule: Rule, least: int = 1) -> Rule:
    def check(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, list) or len(value) < least:
            yield f"{at}: a list{' that is not empty' if least else ''} expected"
            return
        for number, each in enumerate(value):
            yield from rule(each, f"{at}.{number}")

    return check


def paths(required: str, optional: str = "") -> Rule:
    """Our names, each with a dotted path of the tenant's."""
    return members(dict.fromkeys(required.split(), path), dict.fromkeys(optional.split(), path))


def names(required: str, optional: str = "") -> Rule:
    return members(dict.fromkeys(required.split(), name), dict.fromkeys(optional.split(), name))


def endpoint(*methods: str, needs: str = "") -> Rule:
    """A method and a path below the base URL, with the placeholder `needs` in it."""
    wanted = {needs} if needs else set()

    def check_path(value: Any, at: str) -> Iterator[str]:
        if not isinstance(value, str) or not re.fullmatch(r"/[^\s?#]*", value):
            yield f"{at}: a path that begins with / expected"
        elif placeholders(value) != wanted:
            yield f"{at}: {'{' + needs + '}' if needs else 'no placeholder'} expected in it"

    return members({"method": one_of(*methods), "path": check_path})


def classes(known: tuple[str, ...]) -> Rule:
    """Our classes, each with the texts that the tenant uses for it."""
    return members({}, dict.fromkeys(known, several(text, 0)))


# --- the profile ---------------------------------------------------------------------------------

ITEM = "accounting_system_id"  # the placeholder of paths below one accounting system

_authorize = members(
    {"url": template(TO_AUTHORIZE), "form": table(name, template(TO_AUTHORIZE)), "access_token": path},
    {"headers": table(header, template(TO_AUTHORIZE)), "expires_in": path},
)
_mode = {"headers": table(header, template(IN_HEADERS))}
_auth = members(
    {"mode": one_of(*AUTH_MODES), **_mode},
    {
        "authorize": _authorize,
        "modes": members({}, dict.fromkeys(AUTH_MODES, members(_mode, {"authorize": _authorize}))),
    },
)
_vendors = members(
    {
        "list": endpoint("GET"),
        "create": endpoint("POST"),
        "update": endpoint("PUT", "PATCH", "POST", needs="id"),
        "filters": names("external_codes accounting_system_id"),
        "fields": paths(
            "id accounting_system_id external_code name active address remit_to",
            "name_on_check tax_id email phone website payment_method last_modified",
        ),
        "address_fields": paths("line1 city state postal_code country", "line2 line3 line4"),
    },
    {"get": endpoint("GET", needs="id"), "read_only": several(name, 0), "masked_on_read": several(name, 0)},
)
_codes = members(
    {
        "list": endpoint("GET"),
        "import_rows": path,
        "import_group": path,
        "import_batch_max": whole(1, 100000),
        "filters": names("accounting_system_id", "group active"),
        "fields": paths("value description group active"),
        "gl_group_name": text,
    },
    {
        "groups": endpoint("GET"),
        "import": endpoint("POST", "PUT", needs=ITEM),
        "import_mode": path,
        "import_total_rows": path,
    },
)
_purchase_orders = members(
    {
        "list": endpoint("GET"),
        "fields": paths("id number", "external_code vendor_code total taxes discount end_date lines"),
    },
    {
        "import": endpoint("POST", "PUT", needs=ITEM),
        "line_fields": paths("amount", "external_code unit_price item_code description quantity uom"),
    },
)
_invoices = members(
    {
        "list": endpoint("GET"),
        "get": endpoint("GET", needs="id"),
        "create": endpoint("POST"),
        "filters": names("vendor_code number external_ids accounting_system_id", "status"),
        "fields": paths(
            "id external_id accounting_system_id number vendor_code invoice_date due_date gross status has_image lines",
            "vendor_name posting_date discount po_number memo image_url last_modified status_reason",
        ),
        "line_fields": paths("amount codes", "number description"),
        "line_code_fields": paths("value group", "description"),
        "statuses": classes(OUTCOMES),
    },
    {"external_id_constants": table(path, text)},
)
_images = members(
    {
        "mode": one_of(*IMAGE_MODES),
        "upload": endpoint("POST", "PUT", needs="id"),
        "content_types": several(one_of(*IMAGE_TYPES)),
        "max_bytes": whole(1, 1 << 30),
    },
    {"part_name": name, "base64_fields": paths("file_name content_type content")},
)
# Reading alone: nothing but GET may ever go to payments (docs: avidxchange 9.1, 14).
_payments = members(
    {
        "list": endpoint("GET"),
        "get": endpoint("GET", needs="id"),
        "filters": names("payment_ids", "batch_id external_ids"),
        "fields": paths(
            "id status method amount settled_date vendor_code remittances check_number ach_trace card_last4",
            "batch_id status_id method_id erp_check_number card_reference payment_date vendor_name bank_account_ids "
            "external_ids exceptions exception_reason last_modified",
        ),
        "remittance_fields": paths("invoice_number net", "gross discount invoice_date external_id description"),
        "methods": classes(METHODS),
        "statuses": classes(SETTLEMENTS),
    },
    {
        "history": endpoint("GET", needs="id"),
        "check_image": endpoint("GET", needs="id"),
        "filter_required": flag,
        "settled_requires_date": flag,
    },
)
PROFILE = members(
    {
        "profile": matching(r"[A-Za-z0-9._-]{1,64}", "a name"),
        "base_url": matching(r"https://\{api_host\}(/[^\s?#{}]*)?", "https://{api_host} and a path"),
        "auth": _auth,
        "dates": members({"query": _date_format, "body_date": _date_format, "naive_timezone": _zone}),
        "query_params": names("page_number page_size modified_from modified_to"),
        "paging": members(
            {"first_page": whole(0, 1), "page_size": whole(1, 10000), "items": several(path)},
            {
                "page_number": several(path, 0),
                "page_count": several(path, 0),
                "total_items": several(path, 0),
                "links": several(path, 0),
                "link_rel": path,
                "link_href": path,
                "next_rel": text,
                "missing_paging_means_single_page": flag,
            },
        ),
        "write_result": members(
            {"results": several(path, 0), "item": path, "errors": path, "error_message": path},
            {"successful": path, "error_code": path, "error_field": path},
        ),
        "error_bodies": several(members({"message": path}, {"code": path})),
        "windows": members({"max_days": whole(1, 366), "overlap_days": whole(0, 31)}),
        "resources": members(
            {
                "accounting_systems": members({"list": endpoint("GET"), "fields": paths("id name")}),
                "vendors": _vendors,
                "codes": _codes,
                "invoices": _invoices,
                "images": _images,
                "payments": _payments,
            },
            {"purchase_orders": _purchase_orders},
        ),
    },
    {"title": text},
)

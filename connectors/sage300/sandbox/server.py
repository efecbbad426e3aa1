"""The Web API's front: IIS, Basic login, rights by module, verbs, bodies, refusals (docs: sage300 2-4)."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from werkzeug.wrappers import Request, Response

from connectors.sandboxing import Dropped, Fault, Sandbox, json_response

from . import query
from .batches import NAME as BATCHES
from .batches import Batches
from .company import Company, Site
from .keys import APPLICATION, FORBIDDEN, Address, parse_key, parse_path
from .masters import Accounts, Master, Resource
from .metadata import edmx
from .posting import PostInvoices
from .refusals import Refusal, payload
from .schema import SHAPES, Row, show
from .vendors import Vendors

MODULES = ("AP", "BK", "CS", "GL", "TX")
ACTIONS = ("'$process'", "'$template'")
# Kept elsewhere than in this sandbox: readable, empty, and nothing can be written.
ABSENT = ("APPaymentAndAdjustmentBatches", "GLJournalBatches")
INTERNAL_HOST = "http://SAGE-APP01.corp.local"
PAGES = {
    401: "401 - Unauthorized: Access is denied due to invalid credentials.",
    404: "404 - File or directory not found.",
    400: "A potentially dangerous Request.Path value was detected from the client.",
    500: "Server Error in '/Sage300WebApi' Application.",
    503: "Service Unavailable. HTTP Error 503. The service is unavailable.",
}
FAULTS = {
    "too_many_requests": ("TooManyRequests", "flood"),
    "locked": ("General", "locked_edit"),
    "modified": ("General", "modified"),
    "dblink": ("DBLinkError", "module"),
}


@dataclass(frozen=True)
class User:
    """A Sage 300 user. modules: those whose security group has the Web API right."""

    name: str
    password: str
    modules: frozenset[str] = frozenset(MODULES)


@dataclass
class Front:
    """How the site answers. Times in seconds, on the sandbox's clock but for `cold_start_seconds`, a real sleep."""

    page_size: int = 100
    internal_host_links: bool = False
    iis_html_401: bool = False  # Windows authentication stands before Sage: nobody gets in with Basic
    empty_401: bool = False
    padded: bool = False
    lean: bool = False  # leaves out properties that hold their default; not what Sage does, but quick
    parallel_limit: int = 0  # 0 = none
    idle_seconds: float = 0.0  # after so long without a request the pool is down; 0 = never
    cold_start_seconds: float = 0.0
    zone: str = "UTC"


class Server(Sandbox):
    system = "sage300"

    def __init__(
        self, *, site: Site, front: Front, users: Iterable[User], companies: dict[str, frozenset[str]]
    ) -> None:
        super().__init__()
        self.site = site
        self.front = front
        self.users = {user.name: user for user in users}
        self.tally: Counter[str] = Counter()
        self.twist = threading.local()  # what `dispatch` must know of its request: crowded, fault, user
        self.busy = 0
        self.last_request: datetime | None = None
        self.companies = {code: Company(code, site, self.today, modules) for code, modules in companies.items()}
        self.resources = {code: self._resources(company) for code, company in self.companies.items()}

    def _resources(self, company: Company) -> dict[str, Resource]:
        batches = Batches(company)
        own: dict[str, Resource] = {
            "APVendors": Vendors(company),
            "GLAccounts": Accounts(company),
            BATCHES: batches,
            "APPostInvoices": PostInvoices(company, batches, lambda: self.now().timestamp(), self.tally),
        }
        for name, shape in SHAPES.items():
            if shape.verbs and name not in own:
                own[name] = (
                    Master(company, name) if "POST" in shape.verbs and name not in ABSENT else Resource(company, name)
                )
        return own

    def today(self) -> date:
        """The session date: the server's, in its own zone (docs: sage300 14.22)."""
        return self.now().astimezone(ZoneInfo(self.front.zone)).date()

    # --- before Sage -------------------------------------------------------------------------------

    def _serve(self, request: Request) -> Response:
        """Requests count against the limit from their arrival, refused ones do not."""
        with self.lock:
            crowded = bool(self.front.parallel_limit) and self.busy >= self.front.parallel_limit
            self.busy += not crowded
        self.twist.crowded, self.twist.fault = crowded, None
        try:
            return super()._serve(request)
        finally:
            with self.lock:
                self.busy -= not crowded

    def before(self, request: Request) -> Response | None:
        self._wake()
        try:
            if self.twist.crowded:
                raise Refusal("TooManyRequests", "flood")
            if self.front.iis_html_401:
                return self._page(401, {"WWW-Authenticate": "Negotiate, NTLM"})
            if FORBIDDEN & set(request.path):
                return self._page(400)
            self.twist.user = self._login(request)
        except Refusal as refusal:
            return self._refuse(refusal)
        return None

    def _wake(self) -> None:
        """The first call after idleness starts the application pool (docs: sage300 10)."""
        with self.lock:
            now, last = self.now(), self.last_request
            idle = last is None or (now - last).total_seconds() > self.front.idle_seconds
            self.last_request = now
        if self.front.idle_seconds and idle:
            self.tally["cold_starts"] += 1
            time.sleep(self.front.cold_start_seconds)

    def _login(self, request: Request) -> User:
        """User ids are upper case, passwords are compared exactly (docs: sage300 2.1, 15.2)."""
        given = request.authorization
        if given is None or given.type != "basic":
            raise Refusal("Unauthorized", "login")
        user = self.users.get(given.username or "")
        if user is None or user.password != given.password:
            self.tally["wrong_logins"] += 1
            raise Refusal("Unauthorized", "login")
        if not user.modules:  # ADMIN has no Web API right by default
            raise Refusal("Forbidden", "right", what=user.name)
        return user

    # --- routing -----------------------------------------------------------------------------------

    def dispatch(self, request: Request) -> Response:
        fault: Fault | None = self.twist.fault
        try:
            with self.lock:
                self._finish_postings()
                response = self._answer(request, fault)
        except Refusal as refusal:
            response = self._refuse(refusal)
        if fault is not None and fault.kind == "commit_then_hang":
            time.sleep(fault.seconds)
            raise Dropped
        return response

    def _answer(self, request: Request, fault: Fault | None) -> Response:
        address = parse_path(request.path)
        if address is None:
            if request.path.startswith(APPLICATION + "/"):
                raise Refusal("ResourceNotFound", "resource", what=request.path)
            return self._page(404)
        company = self._company(address)
        root = f"{request.url_root.rstrip('/')}{APPLICATION}/v1.0/-/{address.company}/{address.module}"
        self.counts[f"{request.method} {address.module}/{address.resource}"] += 1
        if address.resource == "$metadata" and request.method == "GET":
            return Response(edmx(address.module), content_type="application/xml; charset=utf-8")
        resource = self.resources[company.code].get(address.resource)
        if resource is None or not address.resource.startswith(address.module):
            raise Refusal("ResourceNotFound", "resource", what=f"{address.module}/{address.resource}")
        if fault is not None and fault.kind == "partial_batch" and isinstance(resource, Batches):
            resource.insert_partly(self._body(request), self.twist.user.name, int(fault.body or 0))
            return self._refuse(Refusal("InternalServerError", "server"))
        return self._serve_resource(request, address, resource, root)

    def _company(self, address: Address) -> Company:
        company = self.companies.get(address.company)
        if company is None:
            raise Refusal("SessionError", "company", what=address.company)
        if address.module not in MODULES:
            raise Refusal("ResourceNotFound", "resource", what=f"{address.module}/{address.resource}")
        if address.module not in company.modules:
            raise Refusal("DBLinkError", "module", what=address.module)
        if address.module not in self.twist.user.modules:
            raise Refusal("Forbidden", "right", what=address.module)
        return company

    def _serve_resource(self, request: Request, address: Address, resource: Resource, root: str) -> Response:
        method, name = request.method, resource.name
        if address.key in ACTIONS:
            return self._act(request, address.key, resource, root)
        patchless = method == "PATCH" and name == BATCHES and not self.site.patch
        if method not in resource.shape.verbs or patchless:
            if method == "POST" and "$process" in resource.shape.verbs:
                raise Refusal("InvalidAction", "action", what=address.key or "")
            raise Refusal("MethodNotAllowed", "verb", verb=method, what=name)
        if method == "GET":
            return self._get(request, address.key, resource, root)
        body = None if method == "DELETE" and not request.get_data() else self._body(request)
        if method == "POST":
            if address.key is not None:
                raise Refusal("InvalidAction", "action", what=address.key)
            row = resource.insert(body, self.twist.user.name)
            return json_response(self._entry(resource, row, root), 201)
        if address.key is None:
            raise Refusal("InvalidEntityKey", "key", what="")
        key = parse_key(address.key, resource.shape)
        change: dict[str, Callable[[], None]] = {
            "PATCH": lambda: resource.patch(key, body),
            "PUT": lambda: resource.replace(key, body),
            "DELETE": lambda: resource.delete(key),
        }
        change[method]()
        return Response(status=204)

    def _act(self, request: Request, key: str, resource: Resource, root: str) -> Response:
        """`$template` of what can be inserted or processed, `$process` of processes; both by POST only."""
        if request.method != "POST" or not resource.shape.verbs & {"POST", "$process"}:
            raise Refusal("MethodNotAllowed", "verb", verb=request.method, what=f"{resource.name}({key})")
        self._type(request)
        if key == "'$template'":
            return json_response(self._entry(resource, resource.template(), root))
        if "$process" not in resource.shape.verbs:
            raise Refusal("InvalidAction", "action", what=key)
        resource.process(self._body(request), self.twist.user.name)
        return Response(status=204)

    # --- reading -----------------------------------------------------------------------------------

    def _get(self, request: Request, key: str | None, resource: Resource, root: str) -> Response:
        asked = query.read(request.args, resource.shape)
        if key is not None:
            query.entry(asked)
            return json_response(
                self._entry(resource, resource.find(parse_key(key, resource.shape)), root, asked.select)
            )
        if resource.name == BATCHES and (asked.select is None):
            self.tally["unselected_batch_lists"] += 1
        page = query.page(resource.rows(), asked, resource.shape, self.front.page_size)
        chosen = f"({','.join(sorted(asked.select))})" if asked.select else ""
        body: Row = {"@odata.context": f"{root}/$metadata#{resource.name}{chosen}"}
        if asked.count:
            body["@odata.count"] = page.total
        body["value"] = [self._show(resource, row, asked.select) for row in page.rows]
        if page.following:
            here = f"{root}/{resource.name}?{page.following}"
            if self.front.internal_host_links:
                here = INTERNAL_HOST + here[here.index(APPLICATION) :]
            body["@odata.nextLink"] = here
        return json_response(body)

    def _entry(self, resource: Resource, row: Row, root: str, select: frozenset[str] | None = None) -> Row:
        context = {"@odata.context": f"{root}/$metadata#{resource.name}/$entity"}
        return {**context, **self._show(resource, row, select)}

    def _show(self, resource: Resource, row: Row, select: frozenset[str] | None) -> Row:
        return show(resource.shape, row, select, self.front.lean, self.front.padded)

    # --- bodies and refusals -----------------------------------------------------------------------

    def _type(self, request: Request) -> None:
        """Without the content type Sage fails altogether (docs: sage300 3, 15.4)."""
        if request.mimetype != "application/json":
            raise Refusal("InternalServerError", "server")

    def _body(self, request: Request) -> Any:
        self._type(request)
        try:
            return json.loads(request.get_data(), parse_float=Decimal, parse_constant=_no_constant)
        except ValueError:
            raise payload("not JSON") from None

    def _refuse(self, refusal: Refusal) -> Response:
        self.tally[f"refused {refusal.code}"] += 1
        headers = {"WWW-Authenticate": 'Basic realm="Sage 300 Web API"'} if refusal.status == 401 else None
        if refusal.status == 401 and self.front.empty_401:
            return Response(status=401, headers=headers)
        return json_response(refusal.body(self.site.language), refusal.status, headers)

    def _page(self, status: int, headers: dict[str, str] | None = None) -> Response:
        page = f"<!DOCTYPE html><html><head><title>{status}</title></head><body><h2>{PAGES[status]}</h2></body></html>"
        return Response(page, status=status, headers=headers, content_type="text/html; charset=utf-8")

    def own_fault(self, fault: Fault) -> Response | None:
        if fault.kind in FAULTS:
            code, text = FAULTS[fault.kind]
            return self._refuse(Refusal(code, text, batch=fault.body or "0", what="A/P"))
        if fault.kind == "recycling":
            return self._page(503)
        if fault.kind == "server_page":
            return self._page(500)
        self.twist.fault = fault
        return None

    def _finish_postings(self) -> None:
        for resources in self.resources.values():
            posting = resources["APPostInvoices"]
            assert isinstance(posting, PostInvoices)
            posting.finish_due()

    def _control(self, request: Request) -> Response:
        try:
            with self.lock:
                self._finish_postings()
            return super()._control(request)
        except Refusal as refusal:  # an action that the books do not allow
            return json_response(refusal.body(self.site.language), 400)


def _no_constant(name: str) -> Any:
    raise ValueError(name)

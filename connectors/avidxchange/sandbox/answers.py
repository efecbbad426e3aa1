"""Answers in the active shape: lists with their paging, rows of writes, refusals (docs: avidxchange 5.2-5.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from werkzeug.wrappers import Response

from connectors.sandboxing import json_response

from .ground import Params
from .refusals import Problem, Refused, RowRefused, bad_request
from .shapes import Shape
from .whims import Whims
from .wire import Row

MOST_PAGE_SIZE = 500
EXCEPTIONS = (401, 403, 404, 501)
FOREIGN_HOST = "http://127.0.0.2:9"


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its route. ids: the numbers in its path. body: JSON, an upload, or None."""

    host: str
    path: str
    ids: list[int]
    params: Params
    body: Any


class Answers:
    """page_size: the server's own clamp. links: `relative`, `absolute`, or `foreign` (another host, to see that no
    token goes there). message_only: errors of rows without code and field."""

    def __init__(self, shape: Shape, whims: Whims, *, page_size: int, links: str, message_only: bool) -> None:
        self.shape = shape
        self.whims = whims
        self.page_size = page_size
        self.links = links
        self.message_only = message_only

    # --- lists -----------------------------------------------------------------------------------

    def everything(self, objects: Sequence[Any]) -> Response:
        """A list without paging."""
        items = self.whims.many(list(objects))
        return json_response({"Items": items} if self.shape.enveloped else {"data": items})

    def page(
        self, call: Call, rows: Sequence[Row], wire: Callable[[Row], Any], count_name: str = "PageCount"
    ) -> Response:
        number = _positive(call.params, self.shape.page_number, 1)
        asked = _positive(call.params, self.shape.page_size, self.shape.default_page_size)
        size = min(asked, self.page_size, MOST_PAGE_SIZE)
        pages = -(-len(rows) // size)
        here = [wire(row) for row in rows[(number - 1) * size : number * size]]
        items = self.whims.many(here)
        if not self.shape.enveloped:
            return json_response({"data": items, "meta": {"page": number, "totalPages": pages, "total": len(rows)}})
        paging = {
            "PageNumber": number,
            "PageSize": size,
            count_name: pages,
            "PageItems": len(here),
            "TotalItems": len(rows),
            "Links": self._links(call, number, pages),
        }
        return json_response({"Items": items, "Paging": paging})

    def _links(self, call: Call, number: int, pages: int) -> list[dict[str, str]]:
        host = {"relative": "", "absolute": call.host, "foreign": FOREIGN_HOST}[self.links]
        places = {"first": 1, **({"next": number + 1} if number < pages else {})}
        return [
            {"Rel": rel, "Href": f"{host}{call.path}?{urlencode({**call.params, self.shape.page_number: page})}"}
            for rel, page in places.items()
        ]

    # --- writes ----------------------------------------------------------------------------------

    def written(self, item: dict[str, Any], warnings: Sequence[str] = ()) -> Response:
        if not self.shape.enveloped:
            return json_response({"data": item, **({"warnings": list(warnings)} if warnings else {})})
        return json_response({"Results": self.whims.many([self._success(item, warnings)])})

    def rows(self, outcomes: Sequence[dict[str, Any] | RowRefused]) -> Response:
        """The answer of a bulk write, a result for each row in order."""
        if self.shape.enveloped:
            rows = [self._failure(each) if isinstance(each, RowRefused) else self._success(each) for each in outcomes]
            return json_response({"Results": self.whims.many(rows)})
        problems = [problem for each in outcomes if isinstance(each, RowRefused) for problem in each.problems]
        if problems:
            return self.refused_row(RowRefused(problems))
        return json_response({"data": self.whims.many(list(outcomes))})

    def refused_row(self, refused: RowRefused) -> Response:
        if self.shape.enveloped:
            return json_response({"Results": self.whims.many([self._failure(refused)])})
        errors = self.whims.many([self._error(each) for each in refused.problems])
        return json_response({"errors": errors, **({"data": refused.item} if refused.item else {})}, 400)

    def _success(self, item: dict[str, Any], warnings: Sequence[str] = ()) -> dict[str, Any]:
        told = {"Warnings": list(warnings)} if warnings else {}
        return {"Successful": self.whims.flag(True), "Item": item, "Errors": [], **told}

    def _failure(self, refused: RowRefused) -> dict[str, Any]:
        errors = self.whims.many([self._error(each) for each in refused.problems])
        item = {"Item": refused.item} if refused.item else {}
        return {"Successful": self.whims.flag(False), **item, "Errors": errors}

    def _error(self, problem: Problem) -> dict[str, str]:
        named = {"Code": problem.code, "Field": problem.field} if not self.message_only else {}
        error = {**named, "Message": f"{problem.field}: {problem.message}"}
        return error if self.shape.enveloped else {name.lower(): value for name, value in error.items()}

    # --- whole requests --------------------------------------------------------------------------

    def refused(self, refused: Refused) -> Response:
        """401, 403, 404: `exception`; 400: one of two bodies; 405: none; the others: `Errors`."""
        if refused.status == 405:
            return Response(status=405, headers=refused.headers)
        if refused.status in EXCEPTIONS:
            body: Any = {"exception": {"reason": refused.code, "detail": refused.message}}
        elif refused.status == 400 and self.whims.strikes():
            body = {"error": refused.code, "error_description": refused.message}
        else:
            body = {"Errors": [{"Code": refused.code, "Message": refused.message}]}
        return json_response(body, refused.status, refused.headers)


def _positive(params: Params, name: str, default: int) -> int:
    text = params.get(name, str(default))
    if not text.isdecimal() or not int(text):
        raise bad_request("FIELD_INVALID", f"{name} must be a whole number from 1.")
    return int(text)

"""Two import-linter contract types for a house that grows: rooms that are not built yet break nothing.

`only`: the importers may, of the named rooms, import nothing but what is listed (and themselves).
`systems`: no system's folder under `connectors` imports another's, whichever there are.
"""

from __future__ import annotations

import re

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output
from importlinter.contracts.independence import IndependenceContract
from importlinter.domain.imports import ModuleExpression


class Rooms:
    """Module expressions (`*` is one segment), each read as the module and everything in it."""

    def __init__(self, expressions: list[ModuleExpression]) -> None:
        patterns = [re.escape(str(each)).replace(r"\*", "[^.]+") for each in expressions]
        self.pattern = re.compile(rf"(?P<room>{'|'.join(patterns) or '(?!)'})(\..+)?$")

    def of(self, module: str) -> str:
        """The room that `module` is in, "" for none."""
        found = self.pattern.match(module)
        return found["room"] if found else ""


class OnlyContract(Contract):
    type_name = "only"

    importers = fields.ListField(subfield=fields.ModuleExpressionField())
    rooms = fields.ListField(subfield=fields.ModuleExpressionField())
    may_import = fields.ListField(subfield=fields.ModuleExpressionField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        importers, rooms, allowed = Rooms(self.importers), Rooms(self.rooms), Rooms(self.may_import)
        illegal = []
        for importer in sorted(graph.modules):
            home = importers.of(importer)
            if not home:
                continue
            for imported in sorted(graph.find_modules_directly_imported_by(importer)):
                own = imported == home or imported.startswith(f"{home}.")
                if rooms.of(imported) and not own and not allowed.of(imported):
                    illegal += graph.get_import_details(importer=importer, imported=imported)
        return ContractCheck(kept=not illegal, metadata={"illegal": illegal})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for found in check.metadata["illegal"]:
            output.print_error(f"{found['importer']} -> {found['imported']} (l.{found['line_number']})", bold=False)
        output.new_line()


class SystemsContract(IndependenceContract):
    type_name = "systems"

    modules = fields.SetField(subfield=fields.ModuleExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        folders = [module for module in graph.find_children("connectors") if graph.find_children(module)]
        self.modules = {ModuleExpression(folder) for folder in folders}
        return super().check(graph, verbose)

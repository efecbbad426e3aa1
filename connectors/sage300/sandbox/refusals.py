"""How the Web API says no (docs: sage300 9): one envelope, a code, and a text in the server user's language."""

from __future__ import annotations

from typing import Any

# The documented codes and the observed FieldInvalid, with the statuses of docs: sage300 9.
STATUS = {
    "InternalServerError": 500,
    "Unauthorized": 401,
    "Forbidden": 403,
    "TooManyRequests": 429,
    "InvalidParameters": 400,
    "ResourceNotFound": 404,
    "InvalidEntityKey": 400,
    "RecordNotFound": 404,
    "MethodNotAllowed": 405,
    "InvalidPayload": 400,
    "InvalidAction": 400,
    "DBLinkError": 500,
    "SessionError": 500,
    "RecordDuplicate": 409,
    "RecordInvalid": 409,
    "FieldInvalid": 409,
    "General": 409,
}

# text key -> (en-US, fr-FR). Where the vendor's own wording is known (docs: sage300 9) the English one is that.
TEXTS: dict[str, tuple[str, str]] = {
    "server": ("An unexpected error occurred.", "Une erreur inattendue s'est produite."),
    "login": ("The user name or password is wrong.", "Nom d'utilisateur ou mot de passe erroné."),
    "right": ("No Sage 300 Web API right for {what}.", "Aucun droit d'API Web Sage 300 pour {what}."),
    "flood": ("Too many concurrent requests.", "Trop de requêtes simultanées."),
    "resource": ("There is no resource {what}.", "La ressource {what} n'existe pas."),
    "company": ("No session could be opened for {what}.", "Impossible d'ouvrir une session pour {what}."),
    "module": ("{what} is not activated in this company.", "{what} n'est pas activé dans cette société."),
    "verb": ("{verb} is not supported by {what}.", "{verb} n'est pas pris en charge par {what}."),
    "action": ("Unknown action {what}.", "Action {what} inconnue."),
    "key": ("The key {what} does not fit the resource.", "La clé {what} ne convient pas à la ressource."),
    "query": ("The query is invalid: {what}", "La requête est invalide : {what}"),
    "payload": ("The payload is invalid: {what}", "Le contenu est invalide : {what}"),
    "no_record": (
        "A Record cannot be found for the specified entity key",
        "Aucun enregistrement ne correspond à la clé indiquée",
    ),
    "exists": ("{what} {key} already exists.", "{what} {key} existe déjà."),
    "required": ("{field} is required.", "Le champ {field} est obligatoire."),
    "too_long": ("{field} takes {length} characters at most.", "{field} accepte {length} caractères au plus."),
    "characters": ("{field} takes letters and digits only.", "{field} n'accepte que lettres et chiffres."),
    "digits": ("{field} is too large or too precise.", "{field} est trop grand ou trop précis."),
    "immutable": ("{field} cannot be changed.", "{field} ne peut pas être modifié."),
    "unknown": ("{field} {value} does not exist.", "{field} {value} n'existe pas."),
    "inactive": ("{field} {value} is inactive.", "{field} {value} est inactif."),
    "account_unknown": (
        "G/L account {account} is not defined in General Ledger.",
        "Le compte {account} n'est pas défini dans le grand livre.",
    ),
    "account_inactive": ("G/L account {account} is inactive.", "Le compte {account} est inactif."),
    "account_prohibited": (
        "Posting to G/L account {account} is prohibited.",
        "L'imputation au compte {account} est interdite.",
    ),
    "account_control": (
        "G/L account {account} is a control account that does not accept A/P.",
        "Le compte {account} est un compte de contrôle fermé aux comptes fournisseurs.",
    ),
    "account_heading": ("G/L account {account} is a heading.", "Le compte {account} est un compte de regroupement."),
    "account_currency": (
        "G/L account {account} does not allow {currency}.",
        "Le compte {account} n'accepte pas {currency}.",
    ),
    "currency": ("The currency must be {currency}.", "La devise doit être {currency}."),
    "rate": ("There is no exchange rate for {currency}.", "Aucun taux de change pour {currency}."),
    "period_unknown": (
        "Cannot determine the fiscal period for {day}.",
        "Impossible de déterminer la période fiscale pour {day}.",
    ),
    "period_locked": ("Fiscal period {period} is locked.", "La période fiscale {period} est verrouillée."),
    "document_exists": (
        "Document number '{number}' for vendor {vendor} already exists.\n\n"
        "If you want to add this invoice, add characters to the document number to make it unique.",
        "Le numéro de document '{number}' existe déjà pour le fournisseur {vendor}.\n\n"
        "Pour ajouter cette facture, complétez le numéro afin de le rendre unique.",
    ),
    "similar": (
        "Vendor {vendor} has another document with this {what}.",
        "Le fournisseur {vendor} a un autre document portant ce critère : {what}.",
    ),
    "negative": ("{field} cannot be negative.", "{field} ne peut pas être négatif."),
    "unbalanced": (
        "The document is out of balance by {amount}.",
        "Le document est déséquilibré de {amount}.",
    ),
    "schedule": (
        "The payment schedule does not add up to the amount due.",
        "L'échéancier ne correspond pas au montant dû.",
    ),
    "no_details": ("The document has no details.", "Le document ne contient aucun détail."),
    "status": ("The batch is {status} and cannot be changed.", "Le lot est {status} et ne peut pas être modifié."),
    "client_status": ("A batch cannot be set to {status}.", "Un lot ne peut pas passer à {status}."),
    "empty_batch": ("Batch {batch} has no entries.", "Le lot {batch} ne contient aucune écriture."),
    "locked_edit": (
        "Batch {batch} cannot be edited because it is locked by another user.",
        "Le lot {batch} ne peut pas être modifié car il est verrouillé par un autre utilisateur.",
    ),
    "locked_ready": (
        "Batch {batch} cannot be set to Ready to Post because it is locked by another user.",
        "Le lot {batch} ne peut pas être prêt à imputer car il est verrouillé par un autre utilisateur.",
    ),
    "modified": (
        "Record has been modified by another program.",
        "L'enregistrement a été modifié par un autre programme.",
    ),
    "force_listing": ("Batch {batch} has not been printed.", "Le lot {batch} n'a pas été imprimé."),
    "no_row": ("{what} {key} does not exist.", "{what} {key} n'existe pas."),
    "in_use": ("{what} {key} is in use.", "{what} {key} est utilisé."),
    "balance": ("Vendor {vendor} has a balance.", "Le fournisseur {vendor} a un solde."),
    "nothing": ("There is nothing to process.", "Il n'y a rien à traiter."),
    "optional": ("Optional field {field} is required.", "Le champ facultatif {field} est obligatoire."),
}


class Refusal(Exception):
    """Ends a request with `code`; `text` names the message in TEXTS. Of the request itself nothing is done."""

    def __init__(self, code: str, text: str, **values: Any) -> None:
        self.code = code
        self.text = text
        self.values = values
        super().__init__(f"{code}: {say('en-US', text, **values)}")

    @property
    def status(self) -> int:
        return STATUS[self.code]

    def body(self, language: str) -> dict[str, Any]:
        value = say(language, self.text, **self.values)
        return {"error": {"code": self.code, "message": {"lang": language, "value": value}}}


def say(language: str, text: str, **values: Any) -> str:
    """The message `text` in `language` (en-US unless fr-FR)."""
    return TEXTS[text][language == "fr-FR"].format(**values)


def field(text: str, **values: Any) -> Refusal:
    """A field's value is refused: 409 FieldInvalid (docs: sage300 9)."""
    return Refusal("FieldInvalid", text, **values)


def payload(what: str) -> Refusal:
    """The body does not fit the resource: 400 InvalidPayload."""
    return Refusal("InvalidPayload", "payload", what=what)

"""TLS as a connection's owner sets it: verified, own authority, pinned, or off.

A pin stands in for the authority: a self-signed certificate with the right SHA-256 needs no CA. With a
CA bundle beside it both must hold.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from functools import lru_cache
from typing import Any

import certifi

from .errors import ConfigurationError
from .ports import ConnectionSpec, Tls

CERTIFICATE_FIX = (
    "Give the authority's certificate as ca_bundle or the certificate's SHA-256 as pin_sha256 in the connection's "
    "TLS settings; where the server asks for one, check the client certificate and its key."
)
# What a server's alert says when it does not like our certificate, or misses one.
_CLIENT_CERTIFICATE = "CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "ALERT_UNKNOWN_CA", "CERTIFICATE_UNKNOWN", "EXPIRED"


def pool_options(spec: ConnectionSpec) -> dict[str, Any]:
    """urllib3's connection options for this connection. Raises ConfigurationError(step="tls")."""
    certificate = spec.credentials.get("client_certificate", "")
    key = spec.credentials.get("client_key", "")
    pin = "".join(spec.tls.pin_sha256.split()).replace(":", "").lower()
    if pin and (len(pin) != 64 or set(pin) - set("0123456789abcdef")):
        raise ConfigurationError(
            "The TLS pin is not a SHA-256.", step="tls", fix="Enter 64 hexadecimal digits, colons allowed."
        )
    context = _context(spec.tls, certificate, key)
    options: dict[str, Any] = {"ssl_context": context, "cert_reqs": context.verify_mode}
    if pin:
        options["assert_fingerprint"] = pin
    return options


@lru_cache(maxsize=32)  # reading a bundle of authorities takes longer than many a request
def _context(tls: Tls, certificate: str, key: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if not tls.verify or (tls.pin_sha256 and not tls.ca_bundle):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca_bundle:
        # The owner may trust the server's own certificate or an intermediate one, not only a root.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        try:
            context.load_verify_locations(cadata=tls.ca_bundle)
        except (ssl.SSLError, ValueError):
            raise ConfigurationError(
                "The CA bundle is not a PEM certificate.", step="tls", fix="Paste the certificate as PEM text."
            ) from None
    else:
        context.load_verify_locations(certifi.where())
    if certificate:
        _load_client_certificate(context, certificate, key)
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """OpenSSL reads keys from files only: one of our own (mode 0600), removed at once."""
    descriptor, path = tempfile.mkstemp(suffix=".pem")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii", errors="strict") as file:
            file.write(f"{certificate.strip()}\n{key.strip()}\n")
        context.load_cert_chain(path, password=lambda: b"")  # never ask on the terminal
    except (ssl.SSLError, ValueError, OSError):
        raise ConfigurationError(
            "The client certificate and its key do not fit together or are not readable.",
            step="tls",
            fix="Enter both as PEM text, the key without a password.",
        ) from None
    finally:
        os.unlink(path)


def certificate_problem(error: BaseException) -> str:
    """What is wrong with a certificate, when this exception says so, else ""."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the server's certificate is not trusted ({error.verify_message or 'it does not fit the host name'})"
    if isinstance(error, ssl.SSLError) and any(part in (error.reason or "") for part in _CLIENT_CERTIFICATE):
        return "the server did not accept the client certificate, or misses one"
    if str(error).startswith("Fingerprints did not match"):
        return "the server's certificate is not the pinned one"
    return ""

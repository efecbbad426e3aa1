"""The one way out: an HTTP request whose fate is always known or known to be unknown.

Nothing here interprets a status code or repeats a write. The only repetition is a read whose kept-alive
connection turned out to be closed. What could not have left this machine is told from what may have by
watching the connection itself, not by the text of an exception.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json as jsonlib
import secrets as random
import ssl
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError, NameResolutionError, NewConnectionError

from . import tls
from .budget import Limit, acquire
from .errors import BadAnswer, BrokenOff, ConfigurationError, ConnectorError, OutcomeUnknown, Unreachable
from .ports import ConnectionSpec, Download, Exchange, Host
from .redact import Redactor

MAX_BODY = 64 * 1024 * 1024  # bytes of an answer, decompressed
CHUNK = 64 * 1024  # bytes of a body that are in memory at once, where it is streamed
IN_MEMORY = 1024 * 1024  # bytes of a download that are kept in memory before it goes to disk
SLOT_PATIENCE = 120.0  # seconds a request waits for its budget before the work is parked
IDLE = 4.0  # seconds after which a write does not trust a kept-alive connection

urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)  # `ping` warns of it, once and readably


# --- JSON ----------------------------------------------------------------------------------------

# The standard encoder has no exact numbers: they pass through it as marked texts, whose quotes are then removed.
_MARK = random.token_hex(12)


def _mark(value: Any) -> str:
    if isinstance(value, Decimal) and value.is_finite():
        return f"{_MARK}{value:f}{_MARK}"
    raise TypeError(f"not JSON: {type(value).__name__}")


def dump_json(data: Any) -> bytes:
    """Minified UTF-8; a Decimal is written as the number it is (149.00), never through float."""
    text = jsonlib.dumps(data, default=_mark, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.replace(f'"{_MARK}', "").replace(f'{_MARK}"', "").encode()


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer, whatever its status. `body` is decompressed; `download` holds it instead where one was asked for."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    url: str = field(repr=False, default="")
    redactor: Redactor = field(repr=False, default_factory=Redactor)
    download: Download | None = None

    def json(self) -> Any:
        """The body as JSON, numbers with a fraction as Decimal. Raises BadAnswer."""
        try:
            return jsonlib.loads(self.body.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            pass
        what = "a web page" if self.body.lstrip()[:1] == b"<" else "something that is not JSON"
        raise BadAnswer(
            f"The answer was {what} (HTTP {self.status}); a proxy or a wrong address may have answered.",
            status=self.status,
            raw=self.excerpt(),
        )

    def excerpt(self) -> str:
        """The body for the audit trail: redacted, cut to about 2,000 characters."""
        if self.download:
            return f"<{self.download.size} bytes>"
        return self.redactor.body(self.body)


@dataclass(frozen=True, slots=True)
class Upload:
    """A body of known length that is read while it is sent. `chunks` begins anew each time it is called."""

    length: int
    chunks: Callable[[], Iterator[bytes]] = field(repr=False)

    def __len__(self) -> int:
        return self.length

    def __iter__(self) -> Iterator[bytes]:
        return self.chunks()


# --- connections that tell how far they came -----------------------------------------------------


class _Progress(threading.local):
    connecting = False  # a connection is being opened: nothing of the request was sent
    opened = False  # a connection was opened for this request, so it was not a kept-alive one


_progress = _Progress()


class _Watched:
    """Notes on the calling thread when a connection is being opened, and that it was."""

    def connect(self) -> None:
        _progress.connecting = _progress.opened = True
        super().connect()  # type: ignore[misc]
        _progress.connecting = False


class _PlainConnection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class _Adapter(HTTPAdapter):
    """Hands the TLS options straight to urllib3: requests would add its own list of authorities."""

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = options
        super().__init__(pool_connections=4, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **kwargs, **self._options)  # type: ignore[no-untyped-call]
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        host, _ = super().build_connection_pool_key_attributes(request, verify, cert)
        return host, {}

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        pass


# --- the transport -------------------------------------------------------------------------------


class Transport:
    """Sends requests for one connection, from any number of threads.

    `timeout` is (connect, read) in seconds; the connection's setting `request_timeout` overrides the
    read part everywhere. `secrets` are masked wherever they would show, besides all credentials.
    """

    def __init__(
        self,
        spec: ConnectionSpec,
        host: Host,
        *,
        timeout: tuple[float, float] = (10, 30),
        secrets: Iterable[str] = (),
    ) -> None:
        self.spec = spec
        self.host = host
        self.redactor = Redactor([*secrets, *map(str, spec.credentials.values())])
        self._timeout = timeout
        self._read_timeout = _positive(spec.settings.get("request_timeout"), "request_timeout")
        self._local = threading.local()
        self._sessions: weakref.WeakSet[requests.Session] = weakref.WeakSet()
        self._lock = threading.Lock()

    def hide(self, *secrets: str) -> None:
        """Mask these values too from now on (a session id, say)."""
        self.redactor.add(*secrets)

    def close(self) -> None:
        """Close the kept-alive connections of all threads."""
        with self._lock:
            for session in list(self._sessions):
                session.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Sequence[tuple[str, str]] | None = None,
        json: Any = None,
        data: bytes | Upload | None = None,
        timeout: float | None = None,
        writes: bool = False,
        limits: Sequence[Limit] = (),
        private: bool = False,
        download: bool = False,
    ) -> Reply:
        """One request and its answer, of whatever status; redirects are answers.

        `url` is absolute or a path below the base URL; `timeout` in seconds overrides the read part. `private`: no
        body is ever shown, not even redacted. `download`: the body of a 200 goes to `Reply.download`, which the
        caller closes.
        Raises Unreachable (nothing was sent, or a read lost its answer), OutcomeUnknown (`writes` and no
        usable answer came), ConfigurationError (address, TLS), RateLimited (a limit is used up), and
        BadAnswer (a read's answer is beyond 64 MiB).
        """
        prepared = self._prepare(method, url, headers, params, json, data)
        read = self._read_timeout or timeout or self._timeout[1]
        deadline = self.host.clock.monotonic() + SLOT_PATIENCE
        with acquire(limits, self.host, deadline):
            return self._exchange(_Request(prepared, (self._timeout[0], read), writes, private, download))

    def _prepare(
        self, method: str, url: str, headers: Any, params: Any, json: Any, data: bytes | Upload | None
    ) -> requests.PreparedRequest:
        if "://" not in url:
            url = f"{self.spec.base_url.rstrip('/')}/{url.lstrip('/')}"
        sent = {"Accept": "application/json", "User-Agent": "ml-connector", **(headers or {})}
        if json is not None:
            data = dump_json(json)
            sent.setdefault("Content-Type", "application/json")
        try:
            require_safe_scheme(url)
            prepared = requests.Request(method, url, headers=sent, params=params, data=data).prepare()
            for value in prepared.headers.values():
                (value if isinstance(value, str) else value.decode("latin-1")).encode("latin-1")
        except (requests.RequestException, HTTPError, ValueError):
            pass
        else:
            prepared.headers.setdefault("Accept-Encoding", "gzip, deflate")
            return prepared
        # The library's own message would quote the header value or the URL.
        raise ConfigurationError(
            f"{self.spec.name}: the address or a credential holds characters that no request can carry.",
            step="reach",
            fix="Check the base URL and re-enter the credentials without line breaks.",
        )

    def _session(self, *, fresh: bool) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False
            session.headers.clear()
            session.cookies.set_policy(_NO_COOKIES)
            session.mount("http://", _Adapter({}))
            self._local.session = session
            self._local.secure = False
            with self._lock:
                self._sessions.add(session)
        elif fresh:
            session.close()
        return session

    def _exchange(self, request: _Request, again: bool = False) -> Reply:
        clock, prepared, writes = self.host.clock, request.prepared, request.writes
        started = clock.monotonic()
        last_used: float = getattr(self._local, "last_used", started)
        session = self._session(fresh=writes and started - last_used > IDLE)
        if str(prepared.url).startswith("https") and not self._local.secure:
            session.mount("https://", _Adapter(tls.pool_options(self.spec)))
            self._local.secure = True
        _progress.connecting = _progress.opened = False
        reply, failure, stale = None, None, False
        try:
            with session.send(prepared, timeout=request.timeout, allow_redirects=False, stream=True) as response:
                reply = self._receive(response, request)
            return reply
        except (requests.RequestException, HTTPError, OSError, _TooLong) as error:
            chain = list(_chain(error))
            stale = isinstance(error, requests.ConnectionError) and not _progress.opened and not _timed_out(chain)
            failure = self._judge(error, chain, str(prepared.url), writes, request.timeout[1])
        finally:
            self._local.last_used = clock.monotonic()
            self._report(request, reply, failure, clock.monotonic() - started)
        if stale and not writes and not again:
            return self._exchange(request, again=True)
        raise failure from None

    def _receive(self, response: requests.Response, request: _Request) -> Reply:
        download = _spooled(response) if request.download and response.status_code == 200 else None
        body = b"" if download else b"".join(_body(response))
        url = str(request.prepared.url)
        return Reply(response.status_code, response.headers, body, url, self.redactor, download)

    def _judge(
        self, error: Exception, chain: Sequence[BaseException], url: str, writes: bool, patience: float
    ) -> ConnectorError:
        """What the failure means: that nothing was sent, or that the outcome is unknown."""
        name = f"{self.spec.name} ({urlsplit(url).netloc.rpartition('@')[2]})"
        certificate = next((found for found in map(tls.certificate_problem, chain) if found), None)
        if certificate:
            message = self.redactor.literals(f"{name}: {certificate}.")
            return ConfigurationError(message, step="tls", fix=tls.CERTIFICATE_FIX)
        if _progress.connecting:
            return Unreachable(f"{name} could not be reached: {_why_unconnected(chain)}. Nothing was sent.")
        if isinstance(error, _TooLong):
            what = f"answered with more than {MAX_BODY // 2**20} MiB"
            return OutcomeUnknown(f"{name} {what}.") if writes else BadAnswer(f"{name} {what}.")
        late = _timed_out(chain)
        what = f"did not answer within {patience:g} s" if late else "broke off before its answer ended"
        kind = OutcomeUnknown if writes else Unreachable if late else BrokenOff
        return kind(f"{name} {what}.")

    def _report(self, request: _Request, reply: Reply | None, failure: Exception | None, seconds: float) -> None:
        body = request.prepared.body or b""
        sent = self.redactor.headers(request.prepared.headers)
        if body:
            sent += "\n\n" + (_PRIVATE if request.private else self._shown(body))
        received = reply.excerpt() if reply else ""
        self.host.on_exchange(
            Exchange(
                system=self.spec.system,
                method=str(request.prepared.method),
                url=self.redactor.url(str(request.prepared.url)),
                status=reply.status if reply else None,
                request=sent,
                response=_PRIVATE if received and request.private else received,
                seconds=seconds,
                error=str(failure) if failure else "",
            )
        )

    def _shown(self, body: Any) -> str:
        if isinstance(body, Upload):
            return f"<{body.length} bytes>"
        return self.redactor.body(body if isinstance(body, bytes) else body.encode())


_PRIVATE = "<not shown>"


@dataclass(frozen=True, slots=True)
class _Request:
    """One request as `Transport.send` was asked for it; `timeout` is (connect, read)."""

    prepared: requests.PreparedRequest
    timeout: tuple[float, float]
    writes: bool
    private: bool
    download: bool


class _TooLong(Exception):
    """The answer is beyond MAX_BODY."""


def _body(response: requests.Response) -> Iterator[bytes]:
    length = 0
    for chunk in response.iter_content(CHUNK):
        length += len(chunk)
        if length > MAX_BODY:
            raise _TooLong
        yield chunk


def _spooled(response: requests.Response) -> Download:
    """The body as a file, rewound, with its checksum."""
    file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
    digest, size = hashlib.sha256(), 0
    try:
        for chunk in _body(response):
            file.write(chunk)
            digest.update(chunk)
            size += len(chunk)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    headers = response.headers
    return Download(file, size, digest.hexdigest(), headers.get("Content-Type", ""), headers.get("ETag", ""))


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything that it wraps, however the libraries wrapped it."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]


def _timed_out(chain: Sequence[BaseException]) -> bool:
    timeouts = TimeoutError, urllib3.exceptions.TimeoutError  # of which NewConnectionError oddly is one
    return any(isinstance(one, timeouts) and not isinstance(one, NewConnectionError) for one in chain)


def _why_unconnected(chain: Sequence[BaseException]) -> str:
    if any(isinstance(one, NameResolutionError) for one in chain):
        return "its name is not known (DNS)"
    if any(isinstance(one, ssl.SSLError) for one in chain):
        return "the encrypted connection (TLS) could not be set up"
    if _timed_out(chain):
        return "no connection within the time allowed"
    if any(isinstance(one, ConnectionRefusedError) for one in chain):
        return "the connection was refused"
    return "the connection failed"


def require_safe_scheme(url: str) -> None:
    """Raises ConfigurationError unless the URL is https, or http to this very machine."""
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname or "")):
        return
    raise ConfigurationError(
        "Only https addresses are allowed; plain http would show the credentials to the network.",
        step="reach",
        fix="Change the base URL to https://.",
    )


def _is_loopback(name: str) -> bool:
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _positive(value: Any, name: str) -> float | None:
    if value in (None, ""):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = 0.0
    if not 0 < number < 3600:
        raise ConfigurationError(f"The setting {name} must be a number of seconds.", step="settings")
    return number


class _NoCookies(requests.cookies.cookielib.DefaultCookiePolicy):  # type: ignore[name-defined,misc]
    """Nothing is remembered: sessions belong to all threads and processes, not to one jar."""

    def set_ok(self, cookie: Any, request: Any) -> bool:
        return False


_NO_COOKIES = _NoCookies()

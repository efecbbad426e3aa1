"""The transport over real sockets on loopback: what was sent, what may have been, and what is shown of it."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import socket
import ssl
import threading
import tracemalloc
from collections.abc import Callable
from decimal import Decimal

import pytest
import trustme

from connectors import transport as module
from connectors.budget import MemoryStore, Rate
from connectors.clock import SystemClock
from connectors.errors import BadAnswer, ConfigurationError, OutcomeUnknown, RateLimited, Unreachable
from connectors.ports import ConnectionSpec, Exchange, Host, Tls
from connectors.redact import Redactor
from connectors.transport import Reply, Transport, Upload, dump_json

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class RawServer:
    """Accepts connections; `script(connection number, request number, socket)` answers, or returns False to hang up."""

    def __init__(self, script: Callable[[int, int, socket.socket], bool], tls: ssl.SSLContext | None = None) -> None:
        self.script, self.tls = script, tls
        self.requests: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        number = 0
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            threading.Thread(target=self._serve, args=(number, connection), daemon=True).start()

    def _serve(self, number: int, connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                count = 0
                while (request := self._read(connection)) is not None:
                    count += 1
                    self.requests.append(request)
                    if not self.script(number, count, connection):
                        connection.shutdown(socket.SHUT_RDWR)
                        return

    @staticmethod
    def _read(connection: socket.socket) -> bytes | None:
        data = b""
        while b"\r\n\r\n" not in data:
            piece = connection.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body


def answer(data: bytes) -> Callable[[int, int, socket.socket], bool]:
    def script(connection: int, request: int, sock: socket.socket) -> bool:
        sock.sendall(data)
        return True

    return script


def hang_up(connection: int, request: int, sock: socket.socket) -> bool:
    return False


@pytest.fixture
def seen() -> list[Exchange]:
    return []


@pytest.fixture
def host(seen):
    return Host(clock=SystemClock(), store=MemoryStore(), on_exchange=seen.append)


@pytest.fixture
def serve():
    servers = []

    def start(script, tls=None):
        servers.append(RawServer(script, tls))
        return servers[-1]

    yield start
    for server in servers:
        server.listener.close()


def spec(url: str, **kwargs) -> ConnectionSpec:
    return ConnectionSpec(key="c1", name="Books", system="sage100", base_url=url, **kwargs)


def quick(url: str, host: Host, **kwargs) -> Transport:
    return Transport(spec(url, **kwargs), host, timeout=(2, 0.3))


# --- what is sent and what comes back --------------------------------------------------------------


def test_one_connection_is_kept_alive_and_the_path_is_joined(serve, host):
    connections = set()

    def script(connection, request, sock):
        connections.add(connection)
        sock.sendall(OK)
        return True

    server = serve(script)
    transport = Transport(spec(server.url + "/v1/"), host)
    for _ in range(3):
        reply = transport.send("GET", "/vendors", params=[("a", "b c"), ("a", "&")])
    assert reply.status == 200
    assert reply.json() == {}
    assert connections == {1}
    assert server.requests[0].startswith(b"GET /v1/vendors?a=b+c&a=%26 HTTP/1.1\r\n")


def test_json_numbers_are_exact_in_both_directions(serve, host):
    body = b'{"amount": 0.10000000000000000001, "count": 3, "deep": [1e2]}'
    server = serve(answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
    reply = Transport(spec(server.url), host).send(
        "POST", "/x", json={"amount": Decimal("149.00"), "big": Decimal("12345678901234567.89"), "name": 'Zoë "1.5"'}
    )
    assert server.requests[0].endswith('{"amount":149.00,"big":12345678901234567.89,"name":"Zoë \\"1.5\\""}'.encode())
    assert b"Content-Type: application/json" in server.requests[0]
    assert reply.json() == {"amount": Decimal("0.10000000000000000001"), "count": 3, "deep": [Decimal("1e2")]}


def test_numbers_that_json_does_not_have_are_refused():
    for value in (Decimal("NaN"), Decimal("Infinity"), float("nan"), object()):
        with pytest.raises((TypeError, ValueError)):
            dump_json({"a": value})
    assert dump_json([Decimal("1E+3"), Decimal("-0.10")]) == b"[1000,-0.10]"


@pytest.mark.parametrize(
    "body", [b"<html>Bad Gateway</html>", b"", b'{"a": NaN}', b'{"a":', b"\xff\xfe", b"[" * 100_000, b"1" * 5000]
)
def test_what_is_not_json_is_a_bad_answer(body):
    with pytest.raises(BadAnswer) as error:
        Reply(502, {}, body, "http://x").json()
    assert error.value.status == 502


def test_status_codes_and_redirects_are_only_passed_on(serve, host):
    server = serve(answer(b"HTTP/1.1 302 Found\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n"))
    reply = Transport(spec(server.url), host).send("GET", "/x")
    assert (reply.status, reply.headers["location"]) == (302, "/other")
    assert len(server.requests) == 1


def test_compressed_answers_are_unpacked_and_cookies_forgotten(serve, host):
    packed = gzip.compress(b'{"a":1}')
    server = serve(
        answer(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nSet-Cookie: s=1\r\nContent-Length: %d\r\n\r\n%s"
            % (len(packed), packed)
        )
    )
    transport = Transport(spec(server.url), host)
    assert transport.send("GET", "/x").json() == {"a": 1}
    transport.send("GET", "/x")
    assert b"cookie" not in server.requests[1].lower()


def test_threads_have_connections_of_their_own(serve, host):
    barrier = threading.Barrier(4, timeout=5)

    def script(connection, request, sock):
        barrier.wait()  # passes only when four requests are under way at once
        sock.sendall(OK)
        return True

    server = serve(script)
    transport = Transport(spec(server.url), host)
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(transport.send("GET", "/").status)) for _ in range(4)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert statuses == [200] * 4
    transport.close()


def test_an_endless_answer_is_cut_off(serve, host, monkeypatch):
    monkeypatch.setattr(module, "MAX_BODY", 1000)
    server = serve(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000))
    with pytest.raises(BadAnswer):
        Transport(spec(server.url), host).send("GET", "/x")
    with pytest.raises(OutcomeUnknown):
        Transport(spec(server.url), host).send("POST", "/x", json={}, writes=True)


def test_a_used_up_budget_keeps_the_request_here(serve, host):
    server = serve(answer(OK))
    transport = Transport(spec(server.url), host)
    limit = Rate("k", 1, "day")
    transport.send("GET", "/x", limits=[limit])
    with pytest.raises(RateLimited):
        transport.send("GET", "/x", limits=[limit])
    assert len(server.requests) == 1


# --- what may have happened --------------------------------------------------------------------------


@pytest.mark.parametrize("writes", [False, True])
def test_nothing_was_sent_when_the_connection_is_refused(host, seen, writes):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(Unreachable, match="refused"):
        quick(f"http://127.0.0.1:{port}", host).send("POST", "/x", writes=writes)
    assert seen[0].status is None
    assert "refused" in seen[0].error


@pytest.mark.parametrize("writes", [False, True])
def test_nothing_was_sent_when_the_name_is_unknown(host, writes):
    with pytest.raises(Unreachable, match="DNS"):
        quick("https://nowhere.invalid", host).send("POST", "/x", writes=writes)


@pytest.mark.parametrize(("writes", "error"), [(False, Unreachable), (True, OutcomeUnknown)])
@pytest.mark.parametrize(
    "script",
    [
        hang_up,
        lambda connection, request, sock: threading.Event().wait(1.5),  # silence
        lambda connection, request, sock: sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
        lambda connection, request, sock: sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"),
        lambda connection, request, sock: sock.sendall(b"what is this\r\n\r\n"),
    ],
    ids=["reset", "silence", "short body", "short chunk", "no HTTP"],
)
def test_an_answer_that_is_lost_leaves_a_write_unknown(serve, host, seen, script, writes, error):
    server = serve(script)
    with pytest.raises(error):
        quick(server.url, host).send("POST", "/x", json={}, writes=writes)
    assert len(server.requests) == 1
    assert len(seen) == 1


def closes_after_first(connection: int, request: int, sock: socket.socket) -> bool:
    """The first connection dies when its second request arrives, as a stale one does."""
    if connection == 1 and request == 2:
        return False
    sock.sendall(OK)
    return True


def test_a_read_on_a_stale_connection_is_repeated_once(serve, host, seen):
    server = serve(closes_after_first)
    transport = Transport(spec(server.url), host)
    assert [transport.send("GET", "/x").status for _ in range(2)] == [200, 200]
    assert len(server.requests) == 3
    assert [exchange.status for exchange in seen] == [200, None, 200]


def test_a_write_on_a_stale_connection_is_not_repeated(serve, host):
    server = serve(closes_after_first)
    transport = Transport(spec(server.url), host)
    transport.send("POST", "/x", writes=True)
    with pytest.raises(OutcomeUnknown):
        transport.send("POST", "/x", writes=True)
    assert len(server.requests) == 2


def test_a_write_does_not_trust_a_connection_that_was_idle(serve, host, monkeypatch):
    monkeypatch.setattr(module, "IDLE", 0.0)
    server = serve(closes_after_first)
    transport = Transport(spec(server.url), host)
    for _ in range(2):
        assert transport.send("POST", "/x", writes=True).status == 200
    assert len(server.requests) == 2


def test_the_setting_overrides_every_read_timeout(serve, host):
    server = serve(lambda connection, request, sock: threading.Event().wait(2))
    transport = Transport(spec(server.url, settings={"request_timeout": 0.1}), host)
    with pytest.raises(Unreachable, match=r"0\.1 s"):
        transport.send("GET", "/x", timeout=60)


@pytest.mark.parametrize("value", ["soon", -1, 0])
def test_a_senseless_timeout_is_a_configuration_error(host, value):
    with pytest.raises(ConfigurationError):
        Transport(spec("http://localhost", settings={"request_timeout": value}), host)


# --- addresses and TLS ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["http://erp.example", "http://10.0.0.1", "ftp://x", "nonsense", "http://127.0.0.1.evil.example"]
)
def test_plain_http_is_for_loopback_only(host, url):
    with pytest.raises(ConfigurationError):
        Transport(spec(url), host).send("GET", "/x")


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture
def certificate(authority):
    return authority.issue_cert("127.0.0.1")


def server_context(certificate, client_ca=None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    if client_ca:
        client_ca.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def pem(authority) -> str:
    return authority.cert_pem.bytes().decode()


def fingerprint(certificate) -> str:
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    digest = hashlib.sha256(der).hexdigest().upper()
    return ":".join(digest[i : i + 2] for i in range(0, 64, 2))


def test_an_unknown_authority_is_refused_with_the_way_out(serve, host, certificate):
    server = serve(answer(OK), server_context(certificate))
    with pytest.raises(ConfigurationError) as error:
        quick(server.url, host).send("POST", "/x", writes=True)
    assert error.value.step == "tls"
    assert "ca_bundle" in error.value.fix
    assert "pin_sha256" in error.value.fix
    assert server.requests == []


@pytest.mark.parametrize("how", ["ca", "leaf", "pin", "ca and pin", "off"])
def test_the_ways_to_trust(serve, host, authority, certificate, how):
    tls = {
        "ca": Tls(ca_bundle=pem(authority)),
        "leaf": Tls(ca_bundle=certificate.cert_chain_pems[0].bytes().decode()),
        "pin": Tls(pin_sha256=fingerprint(certificate)),
        "ca and pin": Tls(ca_bundle=pem(authority), pin_sha256=fingerprint(certificate)),
        "off": Tls(verify=False),
    }[how]
    server = serve(answer(OK), server_context(certificate))
    transport = quick(server.url, host, tls=tls)
    assert [transport.send("GET", "/x").status for _ in range(2)] == [200, 200]


@pytest.mark.parametrize("how", ["other ca", "other pin", "other name", "broken ca", "broken pin"])
def test_the_ways_not_to_trust(serve, host, authority, certificate, how):
    tls = {
        "other ca": Tls(ca_bundle=pem(trustme.CA())),
        "other pin": Tls(pin_sha256="ab" * 32),
        "other name": Tls(ca_bundle=pem(authority)),
        "broken ca": Tls(ca_bundle="not a certificate"),
        "broken pin": Tls(pin_sha256="abc"),
    }[how]
    served = authority.issue_cert("other.example") if how == "other name" else certificate
    server = serve(answer(OK), server_context(served))
    with pytest.raises(ConfigurationError) as error:
        quick(server.url, host, tls=tls).send("GET", "/x")
    assert error.value.step == "tls"
    assert server.requests == []


def test_a_client_certificate_is_shown(serve, host, authority, certificate):
    client = authority.issue_cert("connector@acme.example")
    credentials = {
        "client_certificate": "".join(blob.bytes().decode() for blob in client.cert_chain_pems),
        "client_key": client.private_key_pem.bytes().decode(),
    }
    server = serve(answer(OK), server_context(certificate, client_ca=authority))
    tls = Tls(ca_bundle=pem(authority))
    assert quick(server.url, host, tls=tls, credentials=credentials).send("GET", "/x").status == 200
    with pytest.raises((ConfigurationError, Unreachable)):
        quick(server.url, host, tls=tls).send("GET", "/x")


def test_a_client_key_that_does_not_fit_is_a_configuration_error(host, authority):
    one, two = authority.issue_cert("a@x.example"), authority.issue_cert("b@x.example")
    credentials = {
        "client_certificate": one.cert_chain_pems[0].bytes().decode(),
        "client_key": two.private_key_pem.bytes().decode(),
    }
    with pytest.raises(ConfigurationError) as error:
        quick("https://127.0.0.1:1", host, credentials=credentials).send("GET", "/x")
    assert error.value.step == "tls"


def test_a_server_without_tls_on_an_https_address_is_unreachable(host):
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def refuse() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                connection.recv(65536)

        threading.Thread(target=refuse, daemon=True).start()
        with pytest.raises(Unreachable, match="TLS"):
            quick(f"https://127.0.0.1:{listener.getsockname()[1]}", host).send("POST", "/x", writes=True)


# --- what is shown -------------------------------------------------------------------------------------


def test_no_secret_is_reported(serve, host, seen):
    secret, session = 'pa$$ "wörd"+1', "sess-4711"
    body = json.dumps({"echo": secret, "sessionId": session, "note": "fine"}).encode()
    server = serve(answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)))
    transport = Transport(spec(server.url, credentials={"password": secret}), host, secrets=["runtime-key"])
    reply = transport.send(
        "POST",
        "/login",
        params=[("q", secret)],
        headers={
            "X-API-Key": "k-123456",
            "devKey": "d-123456",
            "Authorization": "Bearer b-123456",
            "X-Plain": "runtime-key",
        },
        json={
            "password": secret,
            "organizationId": "008",
            "taxId": "12-3456789",
            "accountNumber": "CUST-778",
            "bankAccount": {"accountNumber": "111222333", "routingNumber": "074000010"},
        },
    )
    shown = "\n".join([repr(seen), reply.excerpt(), repr(reply), repr(transport.redactor)])
    for hidden in (
        secret,
        "rd%22",
        session,
        "k-123456",
        "d-123456",
        "b-123456",
        "runtime-key",
        "12-3456789",
        "111222333",
        "074000010",
    ):
        assert hidden not in shown
    for kept in ("008", "CUST-778", "fine", "organizationId"):
        assert kept in shown


def test_no_secret_is_in_an_error(host):
    secret = "line one\nline two"
    with pytest.raises(ConfigurationError) as error:
        Transport(spec("http://127.0.0.1:1"), host).send("GET", "/x", headers={"X-API-Key": secret})
    assert "line" not in str(error.value).replace("line breaks", "")
    with pytest.raises(Unreachable) as unreachable:
        Transport(spec("http://127.0.0.1:1", credentials={"api_key": "topsecret"}), host).send("GET", "/topsecret")
    assert "topsecret" not in str(unreachable.value)


def test_a_secret_on_the_cut_is_not_shown_in_part():
    redactor = Redactor(["supersecretvalue"])
    for lead in range(60):
        shown = redactor.text("x" * lead + "supersecretvalue" * 3 + "y" * 40, limit=50)
        assert "super" not in shown
        assert len(shown) <= 51
    assert "hunter" not in redactor.text('{"password":"hunter' + "2" * 3000, limit=50)


def test_what_is_no_text_is_only_counted():
    assert Redactor().body(bytes(range(256)) * 10) == "<2560 bytes>"


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ('{"password": "a\\"b-secret"}', "b-secret"),
        ("userName=u&password=p%40ss", "p%40ss"),
        ("client_secret=xyz123", "xyz123"),
        ("<ns:Password>p4ss</ns:Password>", "p4ss"),
        ('{"vendorBankAccount":{"type":"X","accountNumber":1234567}}', "1234567"),
        ('{"SessionId":"abc-def"}', "abc-def"),
    ],
)
def test_members_are_masked_by_name(text, hidden):
    assert hidden not in Redactor().text(text)


def test_empty_members_stay_readable():
    assert Redactor().text('{"password":null,"taxId":""}') == '{"password":null,"taxId":""}'


# --- streams -----------------------------------------------------------------------------------------


def test_an_upload_is_sent_with_its_length_and_only_its_size_is_shown(serve, host, seen):
    server = serve(answer(OK))
    upload = Upload(6, lambda: iter((b"%PDF", b"-1")))
    quick(server.url, host).send(
        "POST", "/image", data=upload, headers={"Content-Type": "application/pdf"}, writes=True
    )
    (request,) = server.requests
    assert b"Content-Length: 6" in request
    assert b"chunked" not in request
    assert request.endswith(b"%PDF-1")
    assert "<6 bytes>" in seen[0].request
    assert "PDF-1" not in seen[0].request


def test_an_upload_without_an_answer_is_of_unknown_outcome(serve, host):
    server = serve(hang_up)
    with pytest.raises(OutcomeUnknown):
        quick(server.url, host).send("POST", "/image", data=Upload(3, lambda: iter((b"abc",))), writes=True)


def test_a_download_is_a_file_with_its_checksum(serve, host, seen):
    body = bytes(range(256)) * 8192  # 2 MiB: beyond what stays in memory
    head = b'HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nETag: "e"\r\nContent-Length: %d\r\n\r\n'
    server = serve(answer(head % len(body) + body))
    reply = quick(server.url, host).send("GET", "/scan", download=True)
    assert reply.body == b""
    assert reply.download is not None
    with reply.download as scan:
        assert scan.file.read() == body
    assert (scan.size, scan.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert (scan.content_type, scan.etag) == ("application/pdf", '"e"')
    assert scan.file.closed
    assert seen[0].response == f"<{len(body)} bytes>"


def test_a_refused_download_is_an_answer_like_any_other(serve, host):
    server = serve(answer(b"HTTP/1.1 410 Gone\r\nContent-Length: 2\r\n\r\n{}"))
    reply = quick(server.url, host).send("GET", "/scan", download=True)
    assert (reply.status, reply.download, reply.json()) == (410, None, {})


def test_a_download_that_breaks_off_is_no_file(serve, host):
    cut = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc"
    server = serve(lambda connection, request, channel: bool(channel.sendall(cut)))
    with pytest.raises(Unreachable):
        quick(server.url, host).send("GET", "/scan", download=True)


def test_a_download_leaves_memory_flat(serve, host):
    size, piece = 24 * 1024 * 1024, b"x" * 65536
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size

    def script(connection: int, request: int, channel: socket.socket) -> bool:
        channel.sendall(head)
        for _ in range(size // len(piece)):
            channel.sendall(piece)
        return True

    server = serve(script)
    tracemalloc.start()
    try:
        reply = quick(server.url, host).send("GET", "/scan", download=True)
        assert reply.download is not None
        with reply.download as scan:
            received = scan.size
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert received == size
    assert peak < 6 * 1024 * 1024


def test_what_is_private_is_shown_nowhere(serve, host, seen):
    server = serve(answer(b"HTTP/1.1 503 Busy\r\nContent-Length: 11\r\n\r\nuser&secret"))
    quick(server.url, host).send("POST", "/token", data=b"password=open", private=True)
    assert "open" not in seen[0].request
    assert seen[0].response == "<not shown>"

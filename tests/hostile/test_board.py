"""Who can only connect to the board: a page of another site in a viewer's browser, and a program on one address.

Each does what made a board give its data away, or made it deaf: a name that resolves to the board's address (DNS
rebinding), more half-sent requests than it has file descriptors, answers that are never read, requests behind an
event stream. The board is the real command in a process of its own with few descriptors; the attackers use 127.0.0.1,
the people in the room 127.0.0.2."""

import contextlib
import http.client
import os
import resource
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

import pytest

from apps.embedded.ports import free_port as a_free_port
from tests.apps.board.test_command import start

DESCRIPTORS = 300
ATTACKER, VIEWER, THIRD = "127.0.0.1", "127.0.0.2", "127.0.0.3"
PATHS = ("/", "/static/js/main.js", "/events", "/api/risk", "/api/escalations", "/healthz", "/metrics", "/nowhere")
WITHIN_S = 60


class Board:
    """The board's process, and requests to it."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self.process, self.port = process, port
        self.host = f"127.0.0.1:{port}"

    def connect(self, source: str = ATTACKER, receive_bytes: int = 0) -> socket.socket:
        made = socket.socket()
        if receive_bytes:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        made.settimeout(WITHIN_S)
        made.bind((source, 0))
        made.connect(("127.0.0.1", self.port))
        return made

    def ask(self, path: str = "/", source: str = VIEWER, **headers: str) -> tuple[int, str]:
        """Status and body. 0 when the connection ends without an answer."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WITHIN_S, source_address=(source, 0))
        with contextlib.closing(client):
            try:
                client.request("GET", path, headers={"Host": self.host} | headers)
                answer = client.getresponse()
                return answer.status, answer.read().decode()
            except (ConnectionError, http.client.HTTPException):
                return 0, ""

    def refused(self, reason: str, source: str = VIEWER) -> float:
        """`siaga_board_refused_total` of a reason."""
        name = f'siaga_board_refused_total{{reason="{reason}"}} '
        lines = self.ask("/metrics", source)[1].splitlines()
        return next((float(line.removeprefix(name)) for line in lines if line.startswith(name)), 0.0)

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory_mib(self) -> float:
        with open(f"/proc/{self.process.pid}/statm") as numbers:
            return int(numbers.read().split()[1]) * resource.getpagesize() / 2**20


def within(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, f"not within {WITHIN_S} s: {what}"
        time.sleep(0.05)


@contextlib.contextmanager
def serving(port: int, *flags: str) -> Iterator[Board]:
    flags = ("--board-port", str(port), *flags)
    process = start(*flags, SIAGA_BROKER="127.0.0.1:1", limits=(DESCRIPTORS, DESCRIPTORS))
    try:
        assert process.stdout.readline() == f"board: http://127.0.0.1:{port}/\n"
        yield Board(process, port)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def board(free_port: int) -> Iterator[Board]:
    with serving(free_port) as made:
        yield made


@pytest.fixture(scope="module")
def answering() -> Iterator[Board]:
    """One board for what is asked and answered at once. It has five clients from the start that do not read what they
    ask for, which changes nothing for others and takes the half minute of these tests to end.
    """
    with serving(a_free_port()) as made, contextlib.ExitStack() as greedy:
        for _ in range(5):
            ask_and_never_read(greedy.enter_context(made.connect(receive_bytes=2048)), made)
        yield made


def ask_and_never_read(greedy: socket.socket, board: Board) -> None:
    """Ask until no more is taken."""
    request = f"GET /static/js/map.js HTTP/1.1\r\nHost: {board.host}\r\n\r\n".encode()
    greedy.settimeout(2)
    with contextlib.suppress(OSError):
        for _ in range(2000):
            greedy.sendall(request)


@pytest.fixture
def held() -> Iterator[list[socket.socket]]:
    """The attacker's open connections."""
    made: list[socket.socket] = []
    yield made
    for one in made:
        one.close()


def half_request(board: Board, source: str = ATTACKER) -> socket.socket:
    made = board.connect(source)
    with contextlib.suppress(OSError):  # refused
        made.sendall(f"GET / HTTP/1.1\r\nHost: {board.host}\r\nX-Slow: ".encode())
    return made


def is_open(one: socket.socket) -> bool:
    one.settimeout(0)
    try:
        return one.recv(1) != b""
    except BlockingIOError:
        return True
    except OSError:
        return False


@pytest.mark.parametrize("path", PATHS)
def test_a_rebound_name_gets_no_data_and_is_told_what_to_set(answering: Board, path: str):
    for name in ("evil.example", f"evil.example:{answering.port}", f"127.0.0.1.evil.example:{answering.port}", ""):
        status, said = answering.ask(path, Host=name)
        assert status == 421 and said.count("\n") == 1 and "SIAGA_BOARD_HOSTS" in said, (name, said)


def test_a_page_of_another_site_is_refused_by_its_origin(answering: Board):
    for origin in (
        "http://evil.example",
        "null",
        f"http://127.0.0.1.evil.example:{answering.port}",
        "http://127.0.0.1:1",
    ):
        status, said = answering.ask("/api/risk", Origin=origin)
        assert status == 403 and said.count("\n") == 1 and "SIAGA_BOARD_HOSTS" in said, (origin, said)
    assert answering.ask("/api/risk", Origin=f"http://{answering.host}")[0] == 200


def test_two_hosts_in_one_request_get_no_data(answering: Board):
    with answering.connect() as raw:
        raw.sendall(f"GET /api/risk HTTP/1.1\r\nHost: {answering.host}\r\nHost: evil.example\r\n\r\n".encode())
        assert raw.recv(4096).split()[1] in (b"400", b"421")


def test_a_request_that_names_the_host_in_its_target_is_judged_by_its_host(answering: Board):
    with answering.connect() as raw:
        raw.sendall(f"GET http://{answering.host}/api/risk HTTP/1.1\r\nHost: evil.example\r\n\r\n".encode())
        assert b"rows" not in raw.recv(4096)


def test_loopback_names_and_the_address_reached_are_its_own(answering: Board):
    for name in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]"):
        assert answering.ask("/api/risk", Host=f"{name}:{answering.port}")[0] == 200, name
        assert answering.ask("/api/risk", Host=f"{name}:1")[0] == 421, name


def test_a_name_that_is_set_is_answered_and_its_pages_too(free_port: int):
    with serving(free_port, "--board-hosts", "siaga.example.org,board:8080") as board:
        assert board.ask("/api/risk", Host="siaga.example.org", Origin="https://siaga.example.org")[0] == 200
        assert board.ask("/api/risk", Host="board:8080")[0] == 200
        assert board.ask("/api/risk", Host="board:8081")[0] == 421
        assert board.ask("/api/risk", Host="evil.example")[0] == 421


def test_half_sent_requests_of_one_address_leave_the_room_its_board(board: Board, held: list[socket.socket]):
    held += [half_request(board) for _ in range(400)]
    assert board.ask("/api/risk")[0] == 200
    assert board.descriptors() < DESCRIPTORS - 50
    assert board.refused("address") >= 200


def test_refused_connections_are_told_why(board: Board, held: list[socket.socket]):
    held += [half_request(board) for _ in range(200)]
    with board.connect() as raw:
        answer = raw.recv(4096)
    assert answer.startswith(b"HTTP/1.1 503 ") and b"SIAGA_BOARD_PER_ADDRESS=0" in answer


def test_half_sent_requests_of_all_addresses_end_for_those_that_ask(board: Board, held: list[socket.socket]):
    for number in range(400):
        held.append(half_request(board, f"127.0.1.{number % 40 + 1}"))
    within(lambda: board.ask("/api/risk")[0] == 200, "an idle connection ends for a new one")
    time.sleep(3)
    for _ in range(40):
        assert board.ask("/api/risk")[0] == 200
    assert board.refused("full") > 40


def test_half_sent_requests_through_a_proxy_leave_the_room_its_board(free_port: int, held: list[socket.socket]):
    """All have the proxy's address, so none of it is limited."""
    with serving(free_port, "--board-per-address", "0") as board:
        viewer = board.connect(VIEWER)
        held.append(viewer)
        viewer.sendall(f"GET /events HTTP/1.1\r\nHost: {board.host}\r\n\r\n".encode())
        assert viewer.recv(12) == b"HTTP/1.1 200"
        held += [half_request(board) for _ in range(400)]
        within(lambda: board.ask("/api/risk", ATTACKER)[0] == 200, "an idle connection ends for a new one")
        assert is_open(viewer), "a viewer is not idle"


def test_a_header_that_drips_ends_as_one_that_stops(board: Board, held: list[socket.socket]):
    held += [half_request(board) for _ in range(20)]

    def all_ended() -> bool:
        for one in held:
            with contextlib.suppress(OSError):
                one.sendall(b"a")
        return not any(map(is_open, held))

    within(all_ended, "the slow headers are cut off")


def test_it_answers_again_when_descriptors_are_free(board: Board, held: list[socket.socket]):
    """Something else takes the descriptors: the accept loop neither dies nor fills the log nor takes the processor."""
    limits = board.descriptors() + 3
    resource.prlimit(board.process.pid, resource.RLIMIT_NOFILE, (limits, limits))
    held += [half_request(board) for _ in range(20)]
    began, spent_before = time.monotonic(), _processor_s(board)
    time.sleep(3)
    spent = _processor_s(board) - spent_before
    assert spent < (time.monotonic() - began) / 2, "it spins"
    for one in held:
        one.close()
    within(lambda: board.ask("/api/risk")[0] == 200, "it answers again")
    assert board.refused("descriptors") > 0
    board.process.terminate()
    _, errors = board.process.communicate(timeout=WITHIN_S)
    assert errors.count("cannot accept a connection") == 1 and "Traceback" not in errors


def _processor_s(board: Board) -> float:
    with open(f"/proc/{board.process.pid}/stat") as numbers:
        fields = numbers.read().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_requests_behind_an_event_stream_fill_no_memory(board: Board, held: list[socket.socket]):
    headers = "".join(f"X-{number}: {'a' * 4000}\r\n" for number in range(60))
    request = f"GET /api/risk HTTP/1.1\r\nHost: {board.host}\r\n{headers}\r\n".encode()
    before = board.memory_mib()
    for _ in range(20):
        greedy = board.connect()
        held.append(greedy)
        greedy.sendall(f"GET /events HTTP/1.1\r\nHost: {board.host}\r\n\r\n".encode())
        assert greedy.recv(12) == b"HTTP/1.1 200"
        greedy.settimeout(2)
        with contextlib.suppress(OSError):
            for _ in range(60):
                greedy.sendall(request)
    within(lambda: board.refused("excess") == 20, "they are cut off")
    assert board.memory_mib() - before < 40
    assert board.ask("/api/risk", THIRD)[0] == 200


def test_answers_that_are_never_read_are_cut_off(answering: Board):
    within(lambda: answering.refused("unread") == 5, "they are cut off")
    assert answering.ask("/api/risk")[0] == 200

"""`EmbeddedBroker`: start, stop, kill and restart one Apache Kafka broker on its own data and port."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

from apps.embedded import private, probe
from apps.embedded.config import (
    Extra,
    Member,
    new_cluster_id,
    server_properties,
    write_logging_properties,
    write_server_properties,
)
from apps.embedded.home import BrokerError, disk_error
from apps.embedded.jars import Progress, fetch_jars
from apps.embedded.java import NATIVE_CODE, java_command, run_tool
from apps.embedded.ports import LOOPBACK, free_port, is_free
from apps.embedded.process import end, send, spawn

HEAP = "512m"
READY_WITHIN_S = 180.0  # several JVMs may start at once, on as few cores as there are
STOP_GRACE_S = 8.0
_TAIL_CHARS = 50_000
_CAUSE = re.compile(r"(?:Caused by: )?[\w.$]+(?:Exception|Error): (.+)")


class EmbeddedBroker:
    """One Kafka node in `directory`, on 127.0.0.1:`port` (None: the port of its last run, else a free one).

    `data/` holds the partitions, `broker.0.log` the broker's log, `broker.out` the JVM's output; the directory is 0700
    and what is written there 0600. The data survives a stop. `extra` adds listeners and properties. `lasting` lets the
    JVM optimize fully: after a minute or two on two cores, twice the transactions per second. `member` makes it one
    node of a cluster (`EmbeddedCluster`), which chooses its ports. `jvm`: more options of the JVM. Every failure is a
    BrokerError of one line."""

    def __init__(
        self,
        directory: Path | str,
        port: int | None = None,
        heap: str = HEAP,
        extra: Extra | None = None,
        lasting: bool = False,
        member: Member | None = None,
        jvm: tuple[str, ...] = (),
    ) -> None:
        self.directory = Path(directory).absolute()
        self._extra = extra
        self.heap = heap
        self._is_lasting = lasting
        self.member = member
        self._jvm = jvm
        self.log_path = self.directory / "broker.0.log"  # the newest of three that rotate
        self.out_path = self.directory / "broker.out"
        self._wanted_port = port
        self._port: int | None = None
        self._cluster_id = ""
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        if self._port is None:
            raise BrokerError("the embedded broker has no port before it starts")
        return self._port

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        if self._process is None:
            raise BrokerError("the embedded broker is not running")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def answers(self) -> bool:
        """Whether this broker, and not another one on this port, answers a metadata request now."""
        return self.running and probe.cluster_id(self.port) == self._cluster_id

    @property
    def end_in_words(self) -> str:
        """How the broker ended, in a few words."""
        status = self._process.returncode if self._process else None
        if status is not None and status < 0:
            return f"was killed by {signal.Signals(-status).name}"
        return f"ended: {self._last_error()}"

    def start(self, ready_within_s: float = READY_WITHIN_S, progress: Progress | None = None) -> Self:
        """Check the jars, download missing ones, format empty storage, run, and return once the broker answers.

        Raises BrokerError."""
        self.prepare(progress)
        self.launch()
        self.wait_ready(time.monotonic() + ready_within_s)
        return self

    def prepare(self, progress: Progress | None = None) -> None:
        """The first part of `start`: jars, configuration, formatted storage. Any thread may call it."""
        if self.running:
            raise BrokerError(f"the embedded broker already runs on {self.bootstrap}")
        fetch_jars(progress=progress)
        try:
            self._prepare()
        except OSError as error:
            raise disk_error(self.directory, error) from None

    def launch(self) -> None:
        """The second part: run it, from a thread that lives as long as the broker should."""
        try:
            self._launch()
        except OSError as error:
            raise disk_error(self.directory, error) from None

    def wait_ready(self, deadline: float) -> None:
        """The last part: return once it answers; on any error it is killed."""
        try:
            self._wait_ready(deadline)
        except BaseException:
            self.kill()
            raise

    def terminate(self) -> None:
        """SIGTERM, without waiting for the end."""
        if self._process is not None:
            send(self._process, signal.SIGTERM)

    def stop(self, grace_s: float = STOP_GRACE_S) -> None:
        """SIGTERM, then SIGKILL after the grace. Does nothing when it does not run."""
        if self._process is not None:
            end(self._process, grace_s)
            self._process = None

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        if self._process is not None:
            send(self._process, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def restart(self, grace_s: float = STOP_GRACE_S) -> Self:
        """Stop if running, and start on the same data and port."""
        self.stop(grace_s)
        return self.start()

    def __enter__(self) -> Self:
        return self if self.running else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _prepare(self) -> None:
        """Directory, ports, configuration, formatted storage."""
        private.make_directory(self.directory)
        node = self._load_node()
        self._cluster_id = node["cluster"]
        self._port = self._choose(self._port or self._wanted_port, node["port"])
        controller = node["controller"] if self.member else self._choose(None, node["controller"])
        data, properties = self.directory / "data", self.directory / "server.properties"
        wanted = server_properties(data, self._port, controller, self._extra, self.member)
        write_server_properties(properties, wanted)
        write_logging_properties(self.directory / "logging.properties", self.directory)
        if not (data / "meta.properties").is_file():
            alone = () if self.member else ("--standalone",)
            format_options = ["format", *alone, "-t", self._cluster_id, "-c", str(properties)]
            run_tool("kafka.tools.StorageTool", *format_options, cwd=self.directory)
        node |= {"port": self._port, "controller": controller}
        private.write_text(self.directory / "node.json", json.dumps(node))

    def _load_node(self) -> dict[str, Any]:
        """Cluster id and ports of the data in this directory. Clients keep a port, so a restart does too."""
        if self.member:
            return {"cluster": self.member.cluster_id, "port": None, "controller": self.member.listens}
        try:
            return cast(dict[str, Any], json.loads((self.directory / "node.json").read_text(encoding="ascii")))
        except FileNotFoundError:
            return {"cluster": new_cluster_id(), "port": None, "controller": None}
        except ValueError:
            raise BrokerError(f"{self.directory / 'node.json'} is damaged; use another directory") from None

    @staticmethod
    def _choose(wanted: int | None, before: int | None) -> int:
        """The wanted port or an error; if none is wanted, the port of the last run, or a free one."""
        if wanted is not None:
            if not is_free(wanted):
                raise BrokerError(f"port {wanted} is in use: another program listens on {LOOPBACK}:{wanted}")
            return wanted
        return before if before is not None and is_free(before) else free_port()

    def _launch(self) -> None:
        jvm = [
            f"-Xmx{self.heap}",
            f"-Djava.util.logging.config.file={self.directory / 'logging.properties'}",
            "-Djava.awt.headless=true",
            NATIVE_CODE,
            *self._jvm,
        ]
        if not self._is_lasting:
            jvm.append("-XX:TieredStopAtLevel=1")
        argv = java_command("kafka.Kafka", [str(self.directory / "server.properties")], jvm)
        self.out_path.unlink(missing_ok=True)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "JAVA_", "JDK_"))
        }
        self._process = spawn(argv, self.out_path, environment, cwd=self.directory)

    def _wait_ready(self, deadline: float) -> None:
        """Wait until this broker, and not another one on this port, answers a metadata request."""
        assert self._process is not None
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BrokerError(f"the embedded broker {self.end_in_words}")
            if self.answers:
                return
            time.sleep(0.05)
        raise BrokerError(f"the embedded broker did not answer in time; its log is {self.log_path}")

    def _last_error(self) -> str:
        """The last error of the broker or its JVM, in one line."""
        tails = [
            path.read_text(errors="replace")[-_TAIL_CHARS:] for path in (self.out_path, self.log_path) if path.is_file()
        ]
        lines = [line for tail in tails for line in tail.splitlines()]
        if any("No space left on device" in line for line in lines):
            return f"the disk is full: cannot write {self.directory}"
        # A stack trace names the cause last; without one, the log's SEVERE lines and the JVM's errors.
        errors = [match[1] for line in lines if (match := _CAUSE.match(line))] or [
            line.split(": ", 1)[-1] for line in lines if " SEVERE " in line or line.startswith("Error")
        ]
        return f"{errors[-1][:300]} (log: {self.log_path})" if errors else f"see {self.log_path}"

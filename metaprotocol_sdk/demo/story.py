"""What is shown, in order: each scene does something for real and tells what happened."""

from __future__ import annotations

import re
import socket
import sys
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from metaprotocol_sdk.conformance.outcome import Outcome, Verdict
from metaprotocol_sdk.conformance.report import law_line
from metaprotocol_sdk.conformance.suite import PROFILES, keep_files_in, run
from metaprotocol_sdk.conformance.target import find_subject
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.demo.process import Process
from metaprotocol_sdk.demo.project import ANSWERS, Project
from metaprotocol_sdk.dump import dump
from metaprotocol_sdk.exceptions import DemoError
from metaprotocol_sdk.framing import FramedCodec, MessageFrame
from metaprotocol_sdk.metadata import MessageType, Metadata
from metaprotocol_sdk.proxy.config import load_config
from metaprotocol_sdk.proxy.config.values import RouteConfig
from metaprotocol_sdk.proxy.filters.registry import filter_models
from metaprotocol_sdk.proxy.route import Route, RouteTable

REPLY_SECONDS = 20.0

_RECEIVED = re.compile(r"received ([0-9a-f]+)$")


class Narrator(Protocol):
    """Who tells the story."""

    def scene(self, title: str) -> None:
        """A new scene begins."""

    def command(self, line: str, result: str = "") -> None:
        """What a person would type, and what came of it."""

    def say(self, text: str) -> None:
        """A paragraph."""

    def show(self, lines: Iterable[str]) -> None:
        """Lines as they are."""

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows of aligned cells; the first cell of a row is its subject."""


def perform(narrator: Narrator) -> bool:
    """Tells the whole story. Whatever happens, nothing keeps running and no file stays.

    Returns:
        Whether everything went as it should.

    Raises:
        DemoError: A program did not start, or a reply did not come.
        MetaProtocolError: A project cannot be made here.
    """
    narrator.say(
        "A team has a protocol of its own, and wants what a service mesh gives HTTP: routes by content, canaries, "
        "messages changed on the way. Here is how it gets that, for real and on this machine alone. Nothing stays."
    )
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="metaproto-demo-")))
        project = _new_project(narrator, folder)
        stack.enter_context(project.importable())
        if not _keeps_the_laws(narrator, project):
            return False
        theatre = _start(narrator, project, stack)
        _exchange(narrator, theatre)
        _lose_a_server(narrator, theatre)
    return True


def _new_project(narrator: Narrator, folder: Path) -> Project:
    project = Project.in_folder(folder)
    narrator.scene("A new protocol")
    answers = " ".join(f"-d {key}={value}" for key, value in ANSWERS.items())
    narrator.command(f"metaproto new {project.name} {answers}")
    files = sum(each.is_file() for each in project.folder.rglob("*"))
    narrator.say(
        f"{files} files that work as they are. Two of them are the protocol: codec.py says what a message means, and "
        "frame.py how it lies on the wire:"
    )
    frame = project.read(f"{project.package}/frame.py")
    narrator.show(frame[frame.index("FRAME = ") : frame.index("\n)\n") + 2].splitlines())
    return project


def _keeps_the_laws(narrator: Narrator, project: Project) -> bool:
    narrator.scene("The laws that every codec keeps")
    narrator.command(f"metaproto conformance {project.package} --profile quick")
    keep_files_in(project.folder / ".metaproto")
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"

    def tell(outcome: Outcome) -> None:
        if outcome.verdict is not Verdict.SKIPPED:  # what does not apply to this codec is no part of its story
            narrator.show([law_line(outcome, ascii_only=plain)])

    report = run(find_subject(project.package), max_examples=PROFILES["quick"], progress=tell)
    messages = sum(outcome.examples for outcome in report.outcomes)
    narrator.say(
        f"{messages} cases, drawn from what strategies.py says a message may be: cut at every place, corrupted, one "
        "after the other, changed."
    )
    if not report.is_ok:
        narrator.say("The new codec does not keep them, which is a bug in metaproto; it ends here.")
    return report.is_ok


@dataclass(frozen=True, slots=True)
class _Theatre:
    """Everything that plays a part."""

    frame: MessageFrame
    codec: FramedCodec
    servers: dict[str, Process]
    port: int
    routes: RouteTable

    def request(self, request_id: int, command: int) -> Metadata:
        """A request, decoded as the proxy decodes it."""
        data = self.frame.build(b"hello", headers={"stage": "test"}, request_id=request_id, command=command)
        return _decoded(self.codec, MessageType.REQUEST, data)

    def route_of(self, request: Metadata) -> Route:
        """The route that the proxy finds for it, by the proxy's own decision."""
        route = self.routes.match(request)
        assert route is not None, "the last route of proxy.yaml matches everything"
        return route

    def ask(self, request: Metadata) -> Metadata:
        """The reply to it, over TCP through the proxy.

        Raises:
            DemoError: None came.
        """
        decoder = Decoder(self.codec, MessageType.RESPONSE)
        try:
            with socket.create_connection(("127.0.0.1", self.port), REPLY_SECONDS) as connection:
                connection.sendall(request.origin_message)
                while data := connection.recv(65536):
                    decoder.receive_data(data)
                    if reply := decoder.next_message():
                        return reply
        except OSError as error:
            raise DemoError(f"the proxy did not answer request {request.request_id}: {error}") from error
        raise DemoError(f"the proxy closed the connection without an answer to request {request.request_id}")

    def received_by(self, server: str) -> bytes:
        """The next message that a server says it received.

        Raises:
            DemoError: It says nothing.
        """
        return bytes.fromhex(self.servers[server].wait_for(_RECEIVED).group(1))

    def text(self, message: Metadata) -> str:
        """A message's body."""
        return self.codec.body(message).decode(errors="replace")


def _decoded(codec: FramedCodec, side: MessageType, data: bytes) -> Metadata:
    decoder = Decoder(codec, side)
    decoder.receive_data(data)
    message = decoder.next_message()
    assert message is not None
    return message


def _start(narrator: Narrator, project: Project, stack: ExitStack) -> _Theatre:
    narrator.scene("Two versions of a server, and a proxy in front of them")
    servers, ports = {}, {}
    for label in ("v1", "v2"):
        arguments = ["-m", f"{project.package}.echo", "server", "--port", "0", "--label", label, "--bytes"]
        servers[label] = stack.enter_context(
            Process(f"server {label}", arguments, folder=project.folder, path=project.path)
        )
    for label, server in servers.items():
        ports[label] = server.wait_for_port()
        narrator.command(f"python -m {project.package}.echo server --label {label}", f"port {ports[label]}")
    file = project.folder / "proxy.yaml"
    _replace_ports(file, {9000: 0, 9001: ports["v1"], 9002: ports["v2"]})
    arguments = ["-m", "metaprotocol_sdk", "proxy", "-c", file.name]
    proxy = stack.enter_context(Process("the proxy", arguments, folder=project.folder, path=project.path))
    port = proxy.wait_for_port()
    narrator.command("metaproto proxy -c proxy.yaml", f"port {port}")
    routes = load_config(file, filters=filter_models()).listeners[0].routes
    narrator.say("proxy.yaml is Envoy's bootstrap YAML. The first of its routes that matches wins:")
    narrator.table([_route_row(route) for route in routes.routes])
    codec = find_subject(project.package).factory()
    assert isinstance(codec, FramedCodec), "the template's is"
    return _Theatre(
        frame=codec.frame.request, codec=codec, servers=servers, port=port, routes=RouteTable.from_config(routes)
    )


def _replace_ports(file: Path, ports: dict[int, int]) -> None:
    """Free ports instead of the project's own, which something else may have."""
    text = file.read_text(encoding="utf-8")
    for old, new in ports.items():
        text = text.replace(f"port_value: {old} ", f"port_value: {new} ")
    file.write_text(text, encoding="utf-8")


def _route_row(route: RouteConfig) -> list[str]:
    conditions = [f"{each.name} is {each.value}" for each in route.metadata]
    changes = [f"sets {key} to {value}" for key, value in route.request_mutation.items()]
    return [route.name, " and ".join(conditions) or "anything", f"-> {route.cluster}", ", ".join(changes)]


def _exchange(narrator: Narrator, theatre: _Theatre) -> None:
    narrator.scene("Requests through the proxy")
    narrator.say("A client sends #1 and #2, both with the header stage: test. A reply begins with who wrote it.")
    plain, canary = theatre.request(1, command=1), theatre.request(2, command=2)
    narrator.table([_journey(theatre, request, theatre.ask(request)) for request in (plain, canary)])
    changed = "byte for byte as it was sent" if theatre.received_by("v1") == plain.origin_message else "changed"
    narrator.say(f"#1 reached v1 {changed}. #2 was sent as these bytes:")
    sent = dump(theatre.codec, canary.origin_message, color=True).splitlines()
    narrator.show(sent)
    received = dump(theatre.codec, theatre.received_by("v2"), color=True).splitlines()
    narrator.say("and v2 received it with these different:")
    narrator.show([line for line in received if line not in sent])
    changes = theatre.route_of(canary).request_mutation
    narrator.say(
        f"The route's request_mutation set {' and '.join(changes)}, and the lengths followed. Nobody wrote code for "
        "that: frame.py says where headers are."
    )


def _journey(theatre: _Theatre, request: Metadata, reply: Metadata) -> list[str]:
    outcome = "an error" if reply.response_status else repr(theatre.text(reply))
    route = theatre.route_of(request)
    return [
        f"#{request.request_id}",
        f"command {request['command']}",
        f"-> route {route.name}",
        f"-> {route.cluster}",
        f"-> {outcome}",
    ]


def _lose_a_server(narrator: Narrator, theatre: _Theatre) -> None:
    narrator.scene("A server goes away")
    narrator.say("v2 is stopped, and a client asks for it once more:")
    theatre.servers["v2"].stop()
    request = theatre.request(3, command=2)
    reply = theatre.ask(request)
    narrator.table([_journey(theatre, request, reply)])
    narrator.say("The proxy told the client so in its own protocol, by the codec's on_error:")
    fields = list(theatre.codec.fields(reply.origin_message))
    narrator.show(dump(theatre.codec, reply.origin_message, color=True).splitlines()[: len(fields) - 1])
    narrator.say(f"and then the body: {theatre.text(reply)}")

"""Reads what `record` kept: the exchanges of each connection, and the events of streams."""

import json
from dataclasses import dataclass

import h11


@dataclass
class Exchange:
    """One request and what was answered to it."""

    method: str
    target: str
    status: int
    kind: str
    """The content type of the answer, without its parameters."""
    body: bytes
    whole: bool
    """Whether the answer came to its end."""


def messages(raw, role, start_cycle):
    """The heads and bodies of one direction: (head, body, whole)."""
    connection = h11.Connection(role)
    start_cycle(connection)
    connection.receive_data(raw)
    connection.receive_data(b"")
    head, body = None, b""
    while True:
        try:
            event = connection.next_event()
        except h11.RemoteProtocolError as broken:
            if "closed connection" not in str(broken):
                raise
            event = None
        if event is None or isinstance(event, h11.ConnectionClosed) or event is h11.NEED_DATA:
            if head is not None:
                yield head, body, False
            return
        if isinstance(event, (h11.Request, h11.Response)):
            head, body = event, b""
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            yield head, body, True
            head = None
            rest, closed = connection.trailing_data
            if not rest:
                return
            connection = h11.Connection(role)
            start_cycle(connection)
            connection.receive_data(rest)
            connection.receive_data(b"")


def exchanges(asked, sent):
    """The exchanges of one connection, oldest first. A request that got no answer is left out."""

    def ask(connection):
        connection.send(h11.Request(method="POST", target="/", headers=[("host", "any"), ("content-length", "0")]))
        connection.send(h11.EndOfMessage())

    questions = messages(asked, h11.SERVER, lambda connection: None)
    answers = messages(sent, h11.CLIENT, ask)
    for (question, _, _), (answer, body, whole) in zip(questions, answers):
        kind = dict(answer.headers).get(b"content-type", b"").decode().split(";")[0].strip()
        yield Exchange(question.method.decode(), question.target.decode(), answer.status_code, kind, body, whole)


def events(body):
    """The events of a stream, each (name, data); a last one without its empty line does not count."""
    name, data = "", []
    text = body.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n")[:-1]:
        if not line:
            if data:
                yield name, "\n".join(data)
            name, data = "", []
            continue
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            name = value
        elif field == "data":
            data.append(value)


def parsed(text):
    """What a text of JSON says, or None."""
    try:
        return json.loads(text)
    except ValueError:
        return None

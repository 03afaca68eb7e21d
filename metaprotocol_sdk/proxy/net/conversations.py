"""What servers are asked: bytes of a ``tcp_health_check``, or a heartbeat of their own protocol."""

from __future__ import annotations

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.decoder import Decoder
from metaprotocol_sdk.exceptions import CodecError
from metaprotocol_sdk.metadata import MessageType, Metadata, ResponseStatus
from metaprotocol_sdk.proxy.cluster.payload import PayloadMatch
from metaprotocol_sdk.proxy.config.values import TcpCheckConfig
from metaprotocol_sdk.proxy.encoder import Encoder
from metaprotocol_sdk.proxy.ids import RequestIds
from metaprotocol_sdk.proxy.metrics import ListenerStats
from metaprotocol_sdk.proxy.net.probe import Heard

_ANSWERS = (MessageType.HEARTBEAT, MessageType.RESPONSE, MessageType.ERROR)
_NOTHING = Heard()


class PayloadConversation:
    """``send``, and everything of ``receive``, in its order. What else comes does not count, as in Envoy."""

    __slots__ = ("_config", "_match")

    def __init__(self, config: TcpCheckConfig) -> None:
        self._config = config
        self._match: PayloadMatch | None = None

    def ask(self) -> bytes:
        """What is sent."""
        self._match = PayloadMatch(self._config.receive)
        return self._config.send

    def hear(self, data: bytes) -> Heard:
        """Well, once all has come; a server that says something else may still say it."""
        if self._match is None or not self._match.receive(data):
            return _NOTHING
        self._match = None
        return Heard("")


class HeartbeatConversation:
    """A heartbeat, and the message that answers it: a heartbeat or a reply, with its id where the protocol has ids.

    A server that sends heartbeats of its own gets its answers meanwhile.
    """

    __slots__ = ("_asked", "_decoder", "_encoder", "_ids")

    def __init__(self, codec: Codec) -> None:
        self._encoder = Encoder(codec, ListenerStats()).for_connection()
        self._decoder = Decoder(self._encoder.codec, MessageType.RESPONSE)
        self._ids = RequestIds(codec.request_ids, limit=2) if codec.request_ids else None
        self._asked: int | None = None

    def ask(self) -> bytes:
        """A heartbeat with an id of its own.

        Raises:
            CodecError: The codec cannot say it.
        """
        if self._ids is None:
            self._asked = 0
        else:
            self._asked = self._ids.take()
            self._ids.give_back(self._asked)
        return self._encoder.heartbeat(self._asked)

    def hear(self, data: bytes) -> Heard:
        """Well, when its answer comes and is no error. Bytes that are no message are an answer, too, and a bad one."""
        verdict, answers = None, b""
        decoder = self._decoder
        decoder.receive_data(data)
        try:
            while (message := decoder.next_message()) is not None:
                answer = (
                    self._encoder.heartbeat_reply(message) if message.message_type is MessageType.HEARTBEAT else b""
                )
                answers += answer
                if verdict is None and not answer and self._is_answer(message):
                    verdict = _verdict(message)
                    self._asked = None
        except CodecError as error:
            return Heard(str(error), answers)
        return Heard(verdict, answers)

    def _is_answer(self, message: Metadata) -> bool:
        if self._asked is None or message.message_type not in _ANSWERS:
            return False
        return self._ids is None or message.request_id == self._asked


def _verdict(message: Metadata) -> str:
    is_error = message.message_type is MessageType.ERROR or message.response_status is ResponseStatus.ERROR
    return "it answers the heartbeat with an error" if is_error else ""

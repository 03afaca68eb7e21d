"""Frames declared on construct, and the codec they make.

======================  ==========================================================================
:class:`Frame`          a fixed-size header whose fields tell the message's length
:class:`FixedFrame`     every message has the same number of bytes
:class:`VarintFrame`    a varint counts the bytes that follow it
:class:`DelimitedFrame` a line of text: words up to a delimiter
:class:`Frames`         one frame for requests and one for replies
:class:`StringMap`      string headers of binary frames
:class:`TextMap`        string headers of text frames
:class:`FramedCodec`    the codec a frame makes; override ``frame_length`` where no frame fits
======================  ==========================================================================
"""

from metaprotocol_sdk.framing.contract import Frames, MessageFrame
from metaprotocol_sdk.framing.delimited import DelimitedFrame
from metaprotocol_sdk.framing.frame import FixedFrame, Frame, VarintFrame
from metaprotocol_sdk.framing.framed_codec import FramedCodec
from metaprotocol_sdk.framing.parsing import parse
from metaprotocol_sdk.framing.string_map import StringMap
from metaprotocol_sdk.framing.text_map import TextMap

__all__ = [
    "DelimitedFrame",
    "FixedFrame",
    "Frame",
    "FramedCodec",
    "Frames",
    "MessageFrame",
    "StringMap",
    "TextMap",
    "VarintFrame",
    "parse",
]

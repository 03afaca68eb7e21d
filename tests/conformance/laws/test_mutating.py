from __future__ import annotations

import pytest

from metaprotocol_sdk.codec import Codec
from metaprotocol_sdk.conformance import CHECKS, Case
from metaprotocol_sdk.conformance.check import Broken, NotJudged
from metaprotocol_sdk.metadata import MessageType
from metaprotocol_sdk.mutation import Mutation
from tests.conformance import broken_codecs as broken
from tests.conformance import broken_proxies as proxies
from tests.conformance.right_codecs import MailCodec, mail
from tests.helpers import TinyCodec, tiny

REQUEST = MessageType.REQUEST
HELLO = mail(REQUEST, request_id=7, headers=[("b", "1"), ("a", "2"), ("A", "3")], body=b"hi")


def case(mutation: Mutation, wire: bytes = HELLO, **parts: object) -> Case:
    return Case(side=REQUEST, wire=wire, mutation=mutation, **parts)  # type: ignore[arg-type]


SET, ADD, NUL = Mutation(a="x"), Mutation(z="x"), Mutation({"a": "\n"})


@pytest.mark.parametrize(
    ("law", "codec", "tried", "text"),
    [
        (
            "mutation_is_reversible",
            proxies.SortsItsHeadersWhenOneChanges,
            case(ADD),
            "encode set z and removed it again",
        ),
        ("mutation_is_reversible", broken.IgnoresRemovals, case(ADD), "made 30 bytes of 26: they differ from byte 7"),
        ("mutation_is_idempotent", proxies.AddsHeadersBesideThoseThere, case(SET), "written into those again"),
        ("mutation_is_idempotent", proxies.AppendsToWhatIsThere, case(ADD), "written into those again"),
        (
            "changes_compose",
            proxies.ForgetsTheIdWhenItMutates,
            case(SET, request_id=9),
            "written together .* from byte 5",
        ),
        (
            "changes_compose",
            proxies.ForgetsTheMutationWhenTheIdChanges,
            case(SET, request_id=9),
            "the id 9 and .* they differ from byte",
        ),
        ("encode_changes_nothing_else", proxies.MutatesTheMetadataToo, case(SET), "string 'a' is 'x', not '3'"),
        ("encode_changes_nothing_else", proxies.KeepsTheSizeItWrote, case(ADD), "header_size is 28, not 24"),
    ],
)
def test_a_failure_says_what_encode_made_of_it(law: str, codec: type[Codec], tried: Case, text: str) -> None:
    with pytest.raises(Broken, match=f"(?s){text}"):
        CHECKS[law].function(codec, tried)


@pytest.mark.parametrize("law", ["mutation_is_reversible", "mutation_is_idempotent", "changes_compose"])
def test_a_mutation_that_is_refused_or_ruins_the_message_is_another_laws(law: str) -> None:
    with pytest.raises(NotJudged):
        CHECKS[law].function(TinyCodec, case(ADD, tiny(b"x"), request_id=1))
    with pytest.raises(NotJudged, match="see mutation_is_applied"):
        CHECKS[law].function(broken.ForgetsTheLengthOfTheHeaders, case(ADD, request_id=1))


@pytest.mark.parametrize("law", ["mutation_is_reversible", "mutation_is_idempotent", "changes_compose"])
@pytest.mark.parametrize("mutation", [ADD, Mutation(a=None, z="x"), Mutation(q=None)])
def test_a_right_codec_keeps_them(law: str, mutation: Mutation) -> None:
    CHECKS[law].function(MailCodec, case(mutation, request_id=9))


def test_a_header_of_the_messages_own_is_not_reversible() -> None:
    with pytest.raises(NotJudged, match="no header that is not their own"):
        CHECKS["mutation_is_reversible"].function(MailCodec, case(SET))


def test_encode_may_refuse_as_long_as_it_changes_nothing() -> None:
    CHECKS["encode_changes_nothing_else"].function(MailCodec, case(NUL, request_id=9))

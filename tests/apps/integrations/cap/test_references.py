"""The laws of CAP chains, over every timeline that a regency can publish."""

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from apps.integrations.cap.document import CapProfile, document, identifier, sent
from apps.integrations.cap.references import MessageChains, MessageType
from schemas.outward import Outward
from tests.apps.integrations.cap import standard
from tests.apps.integrations.escalations import parsed, timelines

PROFILE = CapProfile()
FRUGAL = settings(max_examples=40, deadline=None)


def issued(timeline: list[Outward]) -> list[bytes]:
    chains = MessageChains()
    return [document(escalation, chains.append(escalation), PROFILE) for escalation in timeline]


@FRUGAL
@given(timelines())
def test_every_document_of_a_timeline_is_cap(timeline: list[Outward]):
    assert [standard.faults(one) for one in issued(timeline)] == [[]] * len(timeline)


@FRUGAL
@given(timelines())
def test_a_chain_is_one_alert_then_updates_then_at_most_one_cancel(timeline: list[Outward]):
    chains = defaultdict(list)
    for one in issued(timeline):
        chains[standard.text(one, "incidents")].append(standard.text(one, "msgType"))
    for kinds in chains.values():
        assert kinds[0] == "Alert"
        assert set(kinds[1:-1]) <= {"Update"}
        assert kinds[-1] in ("Alert", "Update", "Cancel") and kinds.count("Alert") == 1


@FRUGAL
@given(timelines())
def test_a_message_references_exactly_the_earlier_messages_of_its_chain(timeline: list[Outward]):
    earlier = defaultdict(list)
    for escalation, one in zip(timeline, issued(timeline), strict=True):
        incident = standard.text(one, "incidents")
        assert standard.references(one) == earlier[incident]
        earlier[incident].append((PROFILE.sender, identifier(escalation, PROFILE), sent(escalation, PROFILE)))


@FRUGAL
@given(timelines())
def test_an_episode_has_exactly_one_alert_and_it_is_the_first_raise(timeline: list[Outward]):
    alerts = defaultdict(list)
    for escalation, one in zip(timeline, issued(timeline), strict=True):
        if standard.text(one, "msgType") == "Alert" and "silence" not in (standard.text(one, "incidents") or ""):
            alerts[escalation.episode].append((escalation.change, escalation.previous_level))
    episodes = {escalation.episode for escalation in timeline if escalation.change == "raised"}
    assert alerts == {episode: [("raised", "normal")] for episode in episodes}


@FRUGAL
@given(timelines())
def test_cancel_is_exactly_the_end_of_a_chain(timeline: list[Outward]):
    for escalation, one in zip(timeline, issued(timeline), strict=True):
        is_silence = "silence" in (standard.text(one, "incidents") or "")
        is_end = escalation.change == ("recovered" if is_silence else "cleared")
        assert (standard.text(one, "msgType") == "Cancel") == (is_end and bool(standard.references(one)))


@FRUGAL
@given(timelines(), st.integers(0, 25))
def test_a_chain_that_lost_its_beginning_starts_with_an_alert_that_says_so(timeline: list[Outward], lost: int):
    chains = MessageChains()
    for escalation in timeline[lost:]:
        position = chains.append(escalation)
        note = standard.text(document(escalation, position, PROFILE), "note") or ""
        assert (position.kind is MessageType.ALERT) == (not position.earlier)
        assert position.is_cut == ("no longer kept" in note)
        assert not (position.is_cut and lost == 0)


def test_regencies_do_not_share_chains():
    chains = MessageChains()
    assert chains.append(parsed(1, regency="16.71")).kind is MessageType.ALERT
    assert chains.append(parsed(2, regency="16.72")).kind is MessageType.ALERT
    assert chains.append(parsed(3, regency="16.71", change="cleared", level="normal")).earlier == (
        parsed(1, regency="16.71"),
    )


def test_silence_at_normal_is_a_chain_of_its_own_even_when_the_level_rises_meanwhile():
    chains = MessageChains()
    steps = [
        ("stale", "normal", "normal", 0),
        ("raised", "waspada", "normal", 1),
        ("recovered", "waspada", "waspada", 1),
    ]
    links = [
        chains.append(parsed(number, change=change, level=level, previous_level=before, episode=episode))
        for number, (change, level, before, episode) in enumerate(steps)
    ]
    assert [link.kind for link in links] == [MessageType.ALERT, MessageType.ALERT, MessageType.CANCEL]
    assert [one.escalation_id for one in links[2].earlier] == [parsed(0).escalation_id]


def test_silence_at_a_raised_level_updates_the_episode_and_never_cancels_it():
    chains = MessageChains()
    steps = [("raised", "normal"), ("stale", "siaga"), ("recovered", "siaga")]
    links = [
        chains.append(parsed(number, change=change, level="siaga", previous_level=before))
        for number, (change, before) in enumerate(steps)
    ]
    assert [link.kind for link in links] == [MessageType.ALERT, MessageType.UPDATE, MessageType.UPDATE]

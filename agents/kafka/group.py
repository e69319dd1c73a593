"""The members of the workers' group, as Kafka describes them."""

from collections.abc import Collection
from typing import Any

Member = dict[str, Any]


def foreign_members(group: dict[str, Any], topics: Collection[str]) -> list[tuple[Member, str]]:
    """The members that read none of these topics, each with a topic that it reads: they are of another deployment.

    `group` is what kafka-python's `describe_groups` returns. A member whose subscription cannot be read is not foreign.
    """
    own = frozenset(topics)
    read = [(member, _topics_of(member)) for member in group["members"]]
    return [(member, names[0]) for member, names in read if names and own.isdisjoint(names)]


def _topics_of(member: Member) -> list[str]:
    subscription = member["member_metadata"]
    return list(subscription.get("topics", ())) if isinstance(subscription, dict) else []

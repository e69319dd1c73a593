"""Names of the consumer groups of a deployment, by which rights are granted (agents/kafka/acls.py).

Each is made so that no role's prefix covers what belongs to another role.
"""

#: Each has transactional ids of its own; a test holds this to the stages that a worker runs.
STAGES = ("intake", "risk")


def reader_groups(group: str) -> str:
    """What the group of any reader begins with. What lies in one is the readers' own affair."""
    return f"{group}-reader-"


def sender_groups(group: str) -> str:
    """What the groups of those who carry escalations outward begin with: their positions say what was delivered
    already.
    """
    return f"{group}-sender-"


def earlier_webhook_groups(group: str) -> str:
    """Where builds before senders had groups of their own kept a webhook's position, open to every reader."""
    return f"{reader_groups(group)}webhook-"

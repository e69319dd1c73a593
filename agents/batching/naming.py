"""Names by which others know a stage: rights on transactional ids are granted by them."""


def transactional_ids(group: str, stage: str) -> str:
    """What a stage's transactional ids begin with: nothing of a deployment whose group merely begins like ours."""
    return f"{group}-{stage}-lane-"

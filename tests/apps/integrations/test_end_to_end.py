"""From an incident on the input topic to the alert outside: a real worker, `siaga webhook` and `siaga cap`."""

import orjson

from tests.agents.deployment import Deployment, until
from tests.agents.test_worker import incident, send
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations import cap_rules
from tests.apps.integrations.conftest import Start
from tests.apps.integrations.receiver import Receiver


async def test_a_death_reported_reaches_the_receiver_and_becomes_a_valid_alert(
    broker, fresh_prefix, tmp_path, siaga: Siaga, webhook: Start, receiver: Receiver
):
    webhook("--from-beginning")
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as deployment:
        deployment.start("a")
        await send(deployment, [("incidents", incident(1, "16.71", 30, category="fatality", severity=5))])
        await until(lambda: any(post.regency == "16.71" for post in receiver.posts), 90, "the escalation is delivered")
        read = {one["escalation_id"]: one for one in await deployment.escalations()}
    post = next(post for post in receiver.posts if post.regency == "16.71")
    assert orjson.loads(post.body) == read[post.key] and read[post.key]["unverified"]
    documents = siaga("cap", "--from-beginning", "--until-end").out.splitlines()
    assert len(documents) >= 1 and [cap_rules.faults(one) for one in documents] == [[]] * len(documents)
    mine = next(one for one in documents if post.key in (cap_rules.text(one, "identifier") or ""))
    assert cap_rules.texts(mine, "info/certainty") == ["Possible"] * 2
    assert cap_rules.texts(mine, "info/category") == ["Security"] * 2

"""From an incident on the input topic to a receiver and a CAP document, through a real worker."""

import orjson

from tests.agents.deployment import Deployment, until
from tests.agents.test_worker import incident, send
from tests.apps.cli.siaga import Siaga
from tests.apps.integrations.cap import standard
from tests.apps.integrations.conftest import Start
from tests.apps.integrations.escalations import posted
from tests.apps.integrations.webhook.receiver import Receiver


async def test_a_reported_death_reaches_the_receiver_and_becomes_a_cap_alert(
    broker, fresh_prefix, tmp_path, siaga: Siaga, webhook: Start, receiver: Receiver
):
    webhook("--from-beginning")
    with Deployment(broker.bootstrap, fresh_prefix, tmp_path, SIAGA_TICK_SECONDS="0.5") as deployment:
        deployment.start("a")
        await send(deployment, [("incidents", incident(1, "16.71", 30, category="fatality", severity=5))])
        await until(lambda: any(post.regency == "16.71" for post in receiver.posts), 90, "the escalation is delivered")
        read = {one["escalation_id"]: one for one in await deployment.escalations()}
    post = next(post for post in receiver.posts if post.regency == "16.71")
    assert orjson.loads(post.body) == posted(read[post.key]) and read[post.key]["unverified"]
    documents = siaga("cap", "--from-beginning", "--until-end").out.splitlines()
    assert len(documents) >= 1 and [standard.faults(one) for one in documents] == [[]] * len(documents)
    mine = next(one for one in documents if post.key in (standard.text(one, "identifier") or ""))
    assert standard.texts(mine, "info/certainty") == ["Possible"] * 2
    assert standard.texts(mine, "info/category") == ["Security"] * 2

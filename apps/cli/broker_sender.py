"""Open a Sender for a command: the topics must be there, the codec installed; else one clear line."""

from agents.kafka.connection import kafka_python_options
from agents.kafka.topics import TopicError, open_admin, partition_counts
from agents.settings import Settings
from apps.cli.broker_errors import CONNECT_S
from apps.cli.options import CommandError
from apps.publishing.sender import Sender

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")


def open_sender(settings: Settings, topics: list[str], compression: str = "none") -> Sender:
    """A connected sender. Raises CommandError for a topic or a codec that is not there, KafkaError for the broker."""
    options = kafka_python_options(settings)
    try:
        with open_admin(options, CONNECT_S) as admin:
            # Asked of the admin client: the producer would wait for the topic to appear.
            missing = sorted(set(topics) - partition_counts(admin, topics).keys())
    except TopicError as error:
        raise CommandError(str(error)) from None
    if missing:
        raise CommandError(f"no topic {', '.join(missing)} at {settings.broker}; run `siaga topics` first")
    try:
        return Sender(options, None if compression == "none" else compression, CONNECT_S)
    except RuntimeError as error:  # kafka-python: the codec's library is not installed
        raise CommandError(str(error), exit_code=2) from None

import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.serialization.StringSerializer;

/** One incident, a revision, a retraction and a turnout count, sent to Siaga with Apache Kafka's own client. */
public class Publish {
    static final String BROKER = System.getenv().getOrDefault("SIAGA_BROKER", "127.0.0.1:9092");
    static final String PREFIX = System.getenv().getOrDefault("SIAGA_TOPIC_PREFIX", "siaga.");
    static final String REGENCY = "16.71";

    // In production use ids from your own database: a message that is sent again must have the same event_id.
    static final String RUN = "java-" + System.currentTimeMillis();
    static final String NOW = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();

    public static void main(String[] arguments) throws Exception {
        Map<String, Object> settings = Map.of(
            "bootstrap.servers", BROKER,
            "acks", "all",
            "enable.idempotence", true, // nothing lost, repeated or reordered by a retry
            "max.block.ms", 10_000, // timeout when the broker or the topic does not exist
            "compression.type", "gzip");
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(settings, new StringSerializer(), new StringSerializer())) {
            sent.add(producer.send(new ProducerRecord<>(PREFIX + "incidents", REGENCY, incident(1, 2, "reported"))));
            sent.add(producer.send(new ProducerRecord<>(PREFIX + "incidents", REGENCY, incident(2, 3, "verified"))));
            sent.add(producer.send(new ProducerRecord<>(PREFIX + "incidents", REGENCY, incident(3, 3, "retracted"))));
            sent.add(producer.send(new ProducerRecord<>(PREFIX + "turnout", REGENCY, turnout())));
            for (Future<RecordMetadata> future : sent) {
                RecordMetadata record = future.get(30, TimeUnit.SECONDS); // throws when the broker did not accept it
                System.out.printf("%s %d/%d%n", record.topic(), record.partition(), record.offset());
            }
        }
    }

    /**
     * `origin` says whose number `incident_id` is; to confirm another's incident send its origin and number. A TPS
     * number counts within its village. No value here needs escaping; use a JSON library for values from elsewhere.
     */
    static String incident(int revision, int severity, String status) {
        return """
            {"schema": "siaga.incident/2", "event_id": "%1$s-%2$d", "incident_id": "%1$s-incident",
             "origin": "example-java", "revision": %2$d, "regency": "%3$s", "village": "16.71.01.1001",
             "station": "TPS 002", "category": "logistics", "severity": %4$d, "status": "%5$s",
             "occurred_at": "%6$s", "reported_at": "%6$s", "source": "example-java"}"""
            .formatted(RUN, revision, REGENCY, severity, status, NOW);
    }

    static String turnout() {
        return """
            {"schema": "siaga.turnout/2", "event_id": "%s-4", "regency": "%s", "village": "16.71.01.1001",
             "station": "TPS 002", "registered": 300, "voted": 120, "as_of": "%s", "source": "example-java"}"""
            .formatted(RUN, REGENCY, NOW);
    }
}

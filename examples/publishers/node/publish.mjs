// One incident, a revision, a retraction and a turnout count, sent to Siaga with kafkajs.
import { CompressionTypes, Kafka, Partitioners } from "kafkajs";

const broker = process.env.SIAGA_BROKER ?? "127.0.0.1:9092";
const prefix = process.env.SIAGA_TOPIC_PREFIX ?? "siaga.";

// In production use ids from your own database: a message that is sent again must have the same event_id.
const run = `node-${Date.now()}`;
const now = new Date().toISOString();

const incident = {
  schema: "siaga.incident/2",
  event_id: `${run}-1`,
  incident_id: `${run}-incident`,
  origin: "example-node", // whose number that is; to confirm another's incident send its origin and number
  revision: 1,
  regency: "16.71",
  village: "16.71.01.1001", // a TPS number counts within its village
  station: "TPS 003",
  category: "logistics",
  severity: 2,
  status: "reported",
  occurred_at: now,
  reported_at: now,
  source: "example-node",
};
const verified = { ...incident, event_id: `${run}-2`, revision: 2, status: "verified", severity: 3 };
const retracted = { ...verified, event_id: `${run}-3`, revision: 3, status: "retracted" };
const turnout = {
  schema: "siaga.turnout/2",
  event_id: `${run}-4`,
  regency: "16.71",
  village: "16.71.01.1001",
  station: "TPS 003",
  registered: 300,
  voted: 120,
  as_of: now,
  source: "example-node",
};

const kafka = new Kafka({ clientId: "siaga-example", brokers: broker.split(",") });
const producer = kafka.producer({
  idempotent: true, // nothing lost, repeated or reordered by a retry
  maxInFlightRequests: 1, // with more, kafkajs does not keep the order
  allowAutoTopicCreation: false,
  createPartitioner: Partitioners.DefaultPartitioner,
});
const record = (message) => ({ key: message.regency, value: JSON.stringify(message) });

await producer.connect();
try {
  const written = await producer.sendBatch({
    acks: -1, // all in-sync replicas; it throws when the broker did not accept a record
    compression: CompressionTypes.GZIP,
    topicMessages: [
      { topic: `${prefix}incidents`, messages: [incident, verified, retracted].map(record) },
      { topic: `${prefix}turnout`, messages: [record(turnout)] },
    ],
  });
  for (const { topicName, partition, baseOffset } of written) console.log(`${topicName} ${partition}/${baseOffset}`);
} finally {
  await producer.disconnect();
}

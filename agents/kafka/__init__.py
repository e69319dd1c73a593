"""What Siaga needs of a Kafka cluster: connection, topics, ACLs, quotas, and reading a topic to its end."""

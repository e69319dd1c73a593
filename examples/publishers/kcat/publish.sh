#!/bin/sh
# One incident, a revision, a retraction and a turnout count, sent to Siaga with kcat (Debian: apt-get install kcat).
set -eu

broker=${SIAGA_BROKER:-127.0.0.1:9092}
prefix=${SIAGA_TOPIC_PREFIX:-siaga.}

# In production use ids from your own database: a message that is sent again must have the same event_id.
run="kcat-$(date +%s)-$$"
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)

# One record per line, the key before the tab. kcat exits with a status other than 0 when the broker did not accept one.
send() {
    kcat -P -b "$broker" -t "$prefix$1" -K "$(printf '\t')" -z gzip \
        -X acks=all -X enable.idempotence=true -X allow.auto.create.topics=false
}

# `origin` says whose number incident_id is; to confirm another's incident send its origin and number. A TPS number
# counts within its village.
incident() { # revision, severity, status
    printf '16.71\t{"schema":"siaga.incident/2","event_id":"%s-%d","incident_id":"%s-incident",' "$run" "$1" "$run"
    printf '"origin":"example-kcat","revision":%d,"regency":"16.71","village":"16.71.01.1001","station":"TPS 004",' "$1"
    printf '"category":"logistics","severity":%d,"status":"%s",' "$2" "$3"
    printf '"occurred_at":"%s","reported_at":"%s","source":"example-kcat"}\n' "$now" "$now"
}

{ incident 1 2 reported; incident 2 3 verified; incident 3 3 retracted; } | send incidents

turnout() {
    printf '16.71\t{"schema":"siaga.turnout/2","event_id":"%s-4","regency":"16.71",' "$run"
    printf '"village":"16.71.01.1001","station":"TPS 004",'
    printf '"registered":300,"voted":120,"as_of":"%s","source":"example-kcat"}\n' "$now"
}

turnout | send turnout

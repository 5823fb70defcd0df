#!/usr/bin/env python3
"""A stranger's producer for the fault tests: librdkafka, acks=all, idempotent, default back-off.

Sends numbered records at a steady rate until standard input closes, then flushes. Standard output is one line per
delivery report, in the order in which they arrived:
    ack <ms since 1970> <key> <number> <partition> <offset>
    err <ms since 1970> <key> <number> <error name>
and, last, `end <sent> <acked> <failed>`. Needs the Python package confluent_kafka.
"""
import argparse
import sys
import threading
import time

from confluent_kafka import Producer

KEYS = 20

options = argparse.ArgumentParser()
options.add_argument("--bootstrap", required=True)
options.add_argument("--topic", required=True)
options.add_argument("--rate", type=int, default=200, help="records per second")
options = options.parse_args()

producer = Producer({
    "bootstrap.servers": options.bootstrap,
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 5,
    "message.timeout.ms": 60000,
    "log_level": 0,
})
counts = {"sent": 0, "ack": 0, "err": 0}
stop = threading.Event()
threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()


def report(key, number):
    def delivered(error, message):
        now = int(time.time() * 1000)
        if error:
            counts["err"] += 1
            print("err", now, key, number, error.name(), flush=True)
        else:
            counts["ack"] += 1
            print("ack", now, key, number, message.partition(), message.offset(), flush=True)

    return delivered


started = time.monotonic()
while not stop.is_set():
    due = int((time.monotonic() - started) * options.rate)
    while counts["sent"] < due and not stop.is_set():
        number = counts["sent"]
        key = f"key-{number % KEYS}"
        try:
            producer.produce(options.topic, key=key, value=str(number), on_delivery=report(key, number))
            counts["sent"] += 1
        except BufferError:
            break
    producer.poll(0.005)
producer.flush(60)
print("end", counts["sent"], counts["ack"], counts["err"], flush=True)

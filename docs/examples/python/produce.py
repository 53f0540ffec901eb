#!/usr/bin/env python3
"""Sends lines of standard input to a topic, many requests in flight, and says what became of each."""

import argparse
import queue
import sys
import threading
import time

import grpc
from forebay.v1 import error_pb2, log_pb2, log_pb2_grpc
from forebay_errors import detail_of, text_of

IN_FLIGHT_MAX = 64
# Reasons after which the same request may succeed, and which say that nothing of it was written.
RETRY = {error_pb2.RESOURCE_EXHAUSTED, error_pb2.NOT_YET, error_pb2.DISK_FULL}


class Producer:
    """One Produce stream. Requests of one partition are written in the order of sending, but for those retried."""

    def __init__(self, channel):
        self.requests = queue.SimpleQueue()
        self.lock = threading.Lock()
        self.waiting = {}  # correlation id -> request; None once the stream is broken
        self.places = threading.Semaphore(IN_FLIGHT_MAX)
        self.next_id = 1
        self.acknowledged = 0
        self.not_sent = 0  # after the stream broke
        self.failed = []
        self.stream = log_pb2_grpc.LogStub(channel).Produce(iter(self.requests.get, None))
        self.receiver = threading.Thread(target=self._receive)
        self.receiver.start()

    def send(self, topic, records):
        self.places.acquire()
        request = log_pb2.ProduceRequest(correlation_id=self.next_id, topic=topic)
        request.records.records.extend(records)
        self.next_id += 1
        with self.lock:
            if self.waiting is not None:
                self.waiting[request.correlation_id] = request
                self.requests.put(request)
                return
        self.not_sent += len(records)
        self.places.release()

    def close(self):
        """Waits for the answers of everything that was sent."""
        for _ in range(IN_FLIGHT_MAX):
            self.places.acquire()
        self.requests.put(None)
        self.receiver.join()

    def _receive(self):
        try:
            for response in self.stream:
                with self.lock:
                    request = self.waiting.pop(response.correlation_id)
                if response.WhichOneof("outcome") == "ack":
                    for ack in response.ack.partitions:
                        self.acknowledged += ack.last_offset - ack.base_offset + 1
                elif response.error.reason in RETRY and not response.acknowledged.partitions:
                    time.sleep(response.error.retry_delay_ms / 1000)
                    with self.lock:
                        self.waiting[request.correlation_id] = request
                    self.requests.put(request)
                    continue
                else:
                    self.failed.append(text_of(response.error))
                self.places.release()
        except grpc.RpcError as error:
            # The outcome of what was in flight is not known: it may have been written.
            with self.lock:
                lost, self.waiting = self.waiting, None
            self.failed.append(f"{text_of(detail_of(error))} ({len(lost)} requests in flight)")
            for _ in lost:
                self.places.release()


def records_of(lines, key_separator):
    for line in lines:
        text = line.rstrip("\n")
        key, found, value = text.partition(key_separator) if key_separator else ("", "", text)
        record = log_pb2.Record(value=(value if found else text).encode())
        if found:
            record.key = key.encode()
        yield record


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topic")
    parser.add_argument("--server", default="127.0.0.1:7400", metavar="HOST:PORT")
    parser.add_argument("--key-separator", metavar="S", help="what stands before it in a line is the key")
    parser.add_argument("--batch", type=int, default=100, help="records in one request")
    arguments = parser.parse_args()

    with grpc.insecure_channel(arguments.server) as channel:
        producer = Producer(channel)
        batch = []
        for record in records_of(sys.stdin, arguments.key_separator):
            batch.append(record)
            if len(batch) == arguments.batch:
                producer.send(arguments.topic, batch)
                batch = []
        if batch:
            producer.send(arguments.topic, batch)
        producer.close()
    for failure in producer.failed:
        print(failure, file=sys.stderr)
    print(f"{producer.acknowledged} records acknowledged, {producer.not_sent} not sent", file=sys.stderr)
    return 1 if producer.failed else 0


if __name__ == "__main__":
    sys.exit(main())

"""Carries bytes into topics and out of them for the programs of this folder, whatever their language, by the public protocol.

    courier.py create TOPIC KEY=VALUE...
    courier.py send TOPIC     lines of {"value": base64, "headers": {name: base64}} from standard input, as one batch; exit 1
                              and the error when it is refused
    courier.py read TOPIC     all there is, as lines of the same form

FOREBAY_SERVERS: nodes, any of which will do; FOREBAY_STUBS: where the generated code of the protocol is.
"""

import base64
import json
import os
import sys
import time

sys.path.insert(0, os.environ["FOREBAY_STUBS"])
import grpc  # noqa: E402
from forebay.v1 import admin_pb2, admin_pb2_grpc, log_pb2, log_pb2_grpc  # noqa: E402

DEADLINE = 30.0
PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def ask(stub, method, request):
    """Of one node after the other, until it is answered."""
    servers, until, turn = os.environ["FOREBAY_SERVERS"].split(","), time.monotonic() + DEADLINE, 0
    while True:
        try:
            with grpc.insecure_channel(servers[turn % len(servers)]) as channel:
                return getattr(stub(channel), method)(request, timeout=DEADLINE)
        except grpc.RpcError as error:
            if error.code() not in PASSING or time.monotonic() > until:
                sys.exit(error.details())
        turn += 1
        time.sleep(0.1)


def record_of(line):
    told = json.loads(line)
    record = log_pb2.Record(value=base64.b64decode(told["value"]))
    for name, value in told.get("headers", {}).items():
        record.headers.add(name=name, value=base64.b64decode(value))
    return record


def line_of(record):
    return json.dumps({"value": base64.b64encode(record.value).decode(),
                       "headers": {header.name: base64.b64encode(header.value).decode() for header in record.headers}})


def create(topic, *settings):
    config = dict(setting.split("=", 1) for setting in settings)
    ask(admin_pb2_grpc.AdminStub, "CreateTopic", admin_pb2.CreateTopicRequest(name=topic, partitions=1, config=config))


def send(topic):
    records = log_pb2.PlainRecords(records=map(record_of, sys.stdin))
    ask(log_pb2_grpc.LogStub, "Append", log_pb2.ProduceRequest(topic=topic, partition=0, records=records))


def read(topic):
    offset, end = 0, 1
    while offset < end:
        got = ask(log_pb2_grpc.LogStub, "Fetch",
                  log_pb2.FetchRequest(topic=topic, partition=0, offset=offset, shape=log_pb2.SHAPE_PLAIN))
        offset, end = got.next_offset, got.high_watermark
        for record in got.records:
            print(line_of(record))


if __name__ == "__main__":
    {"create": create, "send": send, "read": read}[sys.argv[1]](*sys.argv[2:])

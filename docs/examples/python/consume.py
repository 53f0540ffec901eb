#!/usr/bin/env python3
"""Prints the records of a topic, one JSON object a line."""

import argparse
import json
import queue
import sys
import threading

import grpc
from forebay.v1 import log_pb2, log_pb2_grpc
from forebay_errors import detail_of, text_of


def text(value):
    return value.decode("utf-8", "replace")


def line_of(partition, record):
    return json.dumps(
        {
            "partition": partition,
            "offset": record.offset,
            "event_time_ms": record.event_time_ms,
            "key": text(record.key) if record.HasField("key") else None,
            "value": text(record.value) if record.HasField("value") else None,
            "headers": [[header.name, text(header.value) if header.HasField("value") else None] for header in record.headers],
        }
    )


def follow(log, topic, bound, until_end, out):
    """Puts (partition, record) into `out` from the log start on, then (partition, None) or (partition, error)."""
    partition, begin = bound.partition, bound.log_start
    end = bound.log_end if until_end else None
    if bound.HasField("error"):  # of this partition; the others can be read
        out.put((partition, bound.error))
        return
    if end is not None and begin >= end:
        out.put((partition, None))
        return
    request = log_pb2.SubscribeRequest(topic=topic, partition=partition, offset=begin, shape=log_pb2.SHAPE_PLAIN)
    stream = log.Subscribe(request)
    try:
        for response in stream:
            for record in response.records:
                if end is None or record.offset < end:
                    out.put((partition, record))
            # next_offset, not the last record's: what is compacted away leaves offsets without records.
            if end is not None and response.next_offset >= end:
                break
        out.put((partition, None))
    except grpc.RpcError as error:
        out.put((partition, detail_of(error)))
    stream.cancel()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("topic")
    parser.add_argument("--server", default="127.0.0.1:7400", metavar="HOST:PORT")
    parser.add_argument("--until-end", action="store_true", help="stop at the end as it is now")
    arguments = parser.parse_args()

    with grpc.insecure_channel(arguments.server, options=[("grpc.max_receive_message_length", -1)]) as channel:
        log = log_pb2_grpc.LogStub(channel)
        try:
            bounds = log.ListOffsets(log_pb2.ListOffsetsRequest(topic=arguments.topic, point=log_pb2.END)).offsets
        except grpc.RpcError as error:
            print(text_of(detail_of(error)), file=sys.stderr)
            return 1
        records = queue.Queue(maxsize=1000)  # full: the streams are not read on, and the broker waits
        for bound in bounds:
            thread = threading.Thread(
                target=follow, args=(log, arguments.topic, bound, arguments.until_end, records), daemon=True
            )
            thread.start()
        open_partitions = len(bounds)
        failed = False
        while open_partitions > 0:
            partition, record = records.get()
            if isinstance(record, log_pb2.Record):
                print(line_of(partition, record))
                continue
            open_partitions -= 1
            if record is not None:
                print(f"partition {partition}: {text_of(record)}", file=sys.stderr)
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, BrokenPipeError):
        sys.exit(130)

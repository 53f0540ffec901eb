"""What a client may send through the API itself that no SDK would: lying batches, bombs, and more than there is memory
for. Another producer is served meanwhile."""

import os
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import batches  # noqa: E402
import broker  # noqa: E402
from broker import SMALL_RING, BrokerTest, FailPoints, Load, check_log, main, wait_until  # noqa: E402

MIB = 1 << 20


def stubs(test):
    """Modules log_pb2, log_pb2_grpc, error_pb2, made from the proto files."""
    try:
        import google.protobuf  # noqa: F401
        import grpc  # noqa: F401
    except ImportError:
        raise unittest.SkipTest("grpcio missing") from None
    arguments = broker.ARGUMENTS
    if not arguments.grpc_plugin or not os.path.exists(arguments.grpc_plugin):
        raise unittest.SkipTest("grpc_python_plugin missing")
    made = tempfile.TemporaryDirectory()
    test.addClassCleanup(made.cleanup)
    folder = os.path.join(arguments.proto, "forebay", "v1")
    files = ["forebay/v1/" + name for name in sorted(os.listdir(folder)) if name.endswith(".proto")]
    subprocess.run([arguments.protoc, "-I", arguments.proto, "--python_out", made.name, "--grpc_out", made.name,
                    "--plugin=protoc-gen-grpc=" + arguments.grpc_plugin, *files], check=True)
    sys.path.insert(0, made.name)
    sys.path.insert(0, os.path.join(arguments.proto, "..", "docs", "examples", "python"))
    sys.dont_write_bytecode = True
    from forebay.v1 import error_pb2, log_pb2, log_pb2_grpc
    from forebay_errors import detail_of
    return grpc, log_pb2, log_pb2_grpc, error_pb2, detail_of


class Wire(BrokerTest):
    @classmethod
    def setUpClass(cls):
        cls.grpc, cls.log_pb2, cls.log_pb2_grpc, cls.error_pb2, detail_of = stubs(cls)
        cls.detail_of = staticmethod(detail_of)

    def log_of(self, node):
        channel = self.grpc.insecure_channel(node.api, options=[("grpc.max_send_message_length", -1)])
        self.addCleanup(channel.close)
        return self.log_pb2_grpc.LogStub(channel)

    def append(self, log, topic, data, timeout=60, partition=0):
        """Returns the reason's name, or None, and the detail or the acknowledgement."""
        request = self.log_pb2.ProduceRequest(topic=topic, partition=partition, batch=data)
        try:
            return None, log.Append(request, timeout=timeout)
        except self.grpc.RpcError as error:
            detail = self.detail_of(error)
            return self.error_pb2.ErrorReason.Name(detail.reason), detail


class Batches(Wire):
    def lies(self):
        good = batches.record(0, b"v")
        yield "CORRUPT_BATCH", "checksum", batches.batch(good, crc=1)
        yield "CORRUPT_BATCH", "two records claimed", batches.batch(good, count=2)
        yield "INVALID_RECORD", "none claimed", batches.batch(good, count=0, last_offset_delta=0)
        yield "CORRUPT_BATCH", "a negative count", batches.batch(good, count=-1, last_offset_delta=0)
        yield "CORRUPT_BATCH", "2^31 - 1 claimed", batches.batch(good, count=2**31 - 1)
        yield "CORRUPT_BATCH", "one more record than claimed", batches.batch(good + batches.record(1, b"w"))
        yield "CORRUPT_BATCH", "last offset delta", batches.batch(good, last_offset_delta=7)
        yield "CORRUPT_BATCH", "a negative last offset delta", batches.batch(good, last_offset_delta=-1)
        yield "CORRUPT_BATCH", "length too long", batches.batch(good, length=500)
        yield "CORRUPT_BATCH", "length too short", batches.batch(good, length=10)
        yield "CORRUPT_BATCH", "a negative length", batches.batch(good, length=-5)
        yield "CORRUPT_BATCH", "2^31 - 1 bytes", batches.batch(good, length=2**31 - 1)
        yield "CORRUPT_BATCH", "an empty one", b"\0"
        yield "CORRUPT_BATCH", "half a header", batches.batch(good)[:30]
        yield "CORRUPT_BATCH", "a record that is longer than the batch", batches.batch(batches.record(0, b"v", length=1 << 40))
        yield "CORRUPT_BATCH", "a record of negative length", batches.batch(batches.record(0, b"v", length=-3))
        yield "CORRUPT_BATCH", "a record with another index", batches.batch(batches.record(5, b"v"))
        yield "CORRUPT_BATCH", "bytes behind the records", batches.batch(good + b"more")
        yield "CORRUPT_BATCH", "no gzip", batches.batch(good, codec=batches.GZIP)
        yield "CORRUPT_BATCH", "half a gzip", batches.batch(batches.gzip_bomb(1)[:200], codec=batches.GZIP)
        yield "UNSUPPORTED", "codec 7", batches.batch(good, codec=7)
        yield "UNSUPPORTED", "a transaction", batches.batch(good, attributes=0x10)
        yield "UNSUPPORTED", "a format of long ago", batches.batch(good, magic=1)
        yield "UNKNOWN_PRODUCER", "a producer of which nothing is here", batches.batch(good, producer=7, sequence=5)
        yield "INVALID_RECORD", "a base offset", batches.batch(good, base_offset=3)

    def bombs(self):
        yield "gzip", batches.batch(batches.gzip_bomb(200), codec=batches.GZIP)
        yield "zstd", batches.batch(batches.zstd_bomb(2048), codec=batches.ZSTD)
        yield "lz4", batches.batch(batches.lz4_bomb(72), codec=batches.LZ4)
        yield "snappy", batches.batch(batches.snappy_blocks(66), codec=batches.SNAPPY)
        yield "raw snappy that claims 4 GiB", batches.batch(batches.snappy_raw(1, claimed=2**32 - 1), codec=batches.SNAPPY)

    def test_lies_and_bombs_are_refused_and_cost_nothing(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "t", "--config", "max.message.bytes=8MiB")
        node.ok("topic", "create", "other", "--partitions", "2")
        load = Load(node, "other", 1, pause=0.02)
        load.wait_acked(500)
        log = self.log_of(node)
        reason, ack = self.append(log, "t", batches.batch(batches.record(0, b"good")))
        self.assertIsNone(reason, ack)
        for expected, what, data in self.lies():
            with self.subTest(lie=what):
                reason, detail = self.append(log, "t", data)
                self.assertEqual(reason, expected, detail)
                self.assertTrue(detail.message)
                self.assertEqual(detail.topic, "t")
        before = peak_bytes(node)
        bombs = list(self.bombs())
        for what, data in bombs:
            with self.subTest(bomb=what):
                self.assertLess(len(data), 4 * MIB)
                reason, detail = self.append(log, "t", data)
                self.assertEqual(reason, "RECORD_TOO_LARGE", detail)
                self.assertTrue(detail.message)
        # Many at once: each thread of the API holds one at most.
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(self.append(log, "t", bombs[1][1])[0]))
                   for _ in range(24)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(answers, ["RECORD_TOO_LARGE"] * 24)
        self.assertLess(peak_bytes(node) - before, 500 * MIB)
        load.wait_acked(500)
        load.finish()
        self.assertEqual(load.status, 0, load.errors)
        check_log(node.consume("other"), [load])
        self.assertEqual(node.offsets("t"), {0: (0, 1)}, "nothing of it was stored")
        self.assertEqual([value for _, _, value in node.consume("t")], [b"good"])

    def test_a_stream_goes_on_behind_a_lie(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "t")
        log = self.log_of(node)
        good = batches.batch(batches.record(0, b"good"))
        sent = [good, batches.batch(batches.record(0, b"x"), crc=5), good]
        requests = [self.log_pb2.ProduceRequest(correlation_id=n, topic="t", partition=0, batch=data)
                    for n, data in enumerate(sent)]
        answers = {answer.correlation_id: answer for answer in log.Produce(iter(requests), timeout=60)}
        self.assertEqual(answers[0].WhichOneof("outcome"), "ack")
        self.assertEqual(answers[1].error.reason, self.error_pb2.CORRUPT_BATCH)
        self.assertEqual(answers[2].WhichOneof("outcome"), "ack")
        self.assertEqual(node.offsets("t"), {0: (0, 2)})


def peak_bytes(node):
    with open("/proc/%d/status" % node.process.pid) as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) << 10


class Pressure(Wire):
    def test_refused_for_memory_and_taken_in_the_end(self):
        """16 MiB for requests, a disk that stands still for a while, and producers that want to send 80 MiB."""
        # A ring so large that the other bound on memory, a quarter of it pinned, lies far away.
        node = self.broker("memory.produce_bytes_max=16MiB", "runtime.shards=1", "storage.journal_file_bytes=20MiB",
                           "storage.journal_files_max=16", "storage.segment_flush_bytes=64KiB",
                           "memory.cache_bytes_per_shard=1MiB")
        stall = FailPoints(node, "journal.write:sleep=4000@1-1")
        node.start()
        node.ok("topic", "create", "t", "--partitions", "4")
        loads = [Load(node, "t", n, value_bytes=20_000, pause=0.05) for n in range(4)]
        for load in loads:
            load.wait_acked(50)
        before = peak_bytes(node)
        stall.trip()
        wait_until(lambda: node.metric("forebay_produce_bytes_held") > 12 * MIB, "the bound is near")
        # Who asks now is told to come back, and when.
        log = self.log_of(node)
        large = batches.batch(batches.record(0, b"9:0:" + b"y" * 900_000))
        refused = None
        for _ in range(20):  # the place that is left
            reason, detail = self.append(log, "t", large, timeout=0.2)
            if reason == "RESOURCE_EXHAUSTED":
                refused = detail
                break
        self.assertIsNotNone(refused, "never refused")
        self.assertGreater(refused.retry_delay_ms, 0)
        self.assertIn("memory.produce_bytes_max", refused.message)
        for load in loads:
            load.wait_acked(500)
        for load in loads:
            load.finish()
            self.assertEqual(load.status, 0, load.errors)
            self.assertEqual(len(load.acked()), load.sent, "every record is acknowledged in the end")
        self.assertLess(peak_bytes(node) - before, 200 * MIB)
        records = [record for record in node.consume("t") if not record[2].startswith(b"9:")]
        found = {(partition, offset): value for partition, offset, value in records}
        self.assertEqual(len(found), sum(load.sent for load in loads))
        for load in loads:
            for place, line in load.acked():
                self.assertEqual(found.get(place), load.line(line))


if __name__ == "__main__":
    main()

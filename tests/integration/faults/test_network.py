"""Bad input from the network, on every port; a normal producer and consumer are not disturbed meanwhile."""

import os
import random
import socket
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from broker import SMALL_RING, BrokerTest, Load, check_log, connect, main, reset, wait_until  # noqa: E402

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\x04\0\0\0\0\0"
TLS_HELLO_HALF = bytes.fromhex("16030100f8010000f40303") + b"\x11" * 40
MIB = 1 << 20


class Garbage(BrokerTest):
    def inputs(self, random_numbers):
        yield b""
        yield TLS_HELLO_HALF
        yield b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        yield b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n"
        yield b"POST /metrics HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n"
        yield b"\xff" * 70000
        yield PREFACE
        yield PREFACE + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"  # a frame of 16 MiB that never comes
        yield PREFACE + SETTINGS + b"\0\0\x04\x01\x04\0\0\0\x01" + b"\xff" * 4  # headers that are none
        yield PREFACE + SETTINGS + b"\0\0\x04\x03\0\0\0\0\x01\0\0\0\x08" * 2000  # rapid resets of a stream
        for _ in range(40):
            yield random_numbers.randbytes(random_numbers.randrange(1, 5000))
            yield PREFACE + SETTINGS + random_numbers.randbytes(random_numbers.randrange(1, 500))

    def test_on_every_port(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "n", "--partitions", "2")
        load = Load(node, "n", 1)
        load.wait_acked(200)
        before = node.rss_bytes()
        random_numbers = random.Random(1)
        for address in (node.api, node.http):
            for number, data in enumerate(self.inputs(random_numbers)):
                connection = connect(address)
                try:
                    connection.sendall(data)
                    if number % 3 == 1:
                        connection.shutdown(socket.SHUT_WR)
                except OSError:
                    pass  # refused in the middle: fine
                if number % 2:
                    reset(connection)
                else:
                    connection.close()
        load.wait_acked(200)
        self.assertEqual(node.get("/healthz")[0], 200)
        self.assertIsNone(node.process.poll(), node.log())
        load.finish()
        check_log(node.consume("n"), [load])
        self.assertLess(node.rss_bytes() - before, 200 * MIB)

    def test_slow_talkers_hold_nobody_up(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "n")
        slow = [connect(address) for address in [node.api] * 60 + [node.http] * 20]
        for number, connection in enumerate(slow):
            connection.sendall((PREFACE if number < 60 else b"GET /readyz HT")[:number % 13])
        self.assertEqual(node.get("/readyz")[0], 200)
        node.produce("n", [b"x"])
        for connection in slow:
            connection.close()


    def test_requests_that_come_byte_by_byte_are_ended(self):
        """More of them than HTTP connections are allowed, and half prefaces of gRPC: each sends a byte now and then."""
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "n")
        slow = [connect(node.http) for _ in range(80)] + [connect(node.api) for _ in range(300)]
        for number, connection in enumerate(slow):
            connection.sendall(b"GET /readyz HTTP/1.1\r\nX-Slow: " if number < 80 else PREFACE[:9 + number % 8])
        ended = set()

        def served():
            for number, connection in enumerate(slow[:80]):
                try:
                    connection.send(b"a")
                except OSError:
                    ended.add(number)
            try:
                return len(ended) == 80 and node.get("/readyz")[0] == 200
            except OSError:
                return False

        wait_until(served, lambda: "%d ended" % len(ended))
        node.produce("n", [b"x"])
        status, seconds = node.stop()
        self.assertEqual(status, 0, node.log())
        self.assertLess(seconds, 10.0)
        for connection in slow:
            connection.close()


class Clients(BrokerTest):
    def test_ten_thousand_connections_opened_and_dropped(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "n")
        load = Load(node, "n", 1)
        load.wait_acked(100)
        before = node.rss_bytes(), node.descriptors()
        for number in range(10_000):
            try:
                connection = connect(node.api if number % 4 else node.http)
            except OSError:
                continue
            if number % 2:
                reset(connection)
            else:
                connection.close()
        wait_until(lambda: node.descriptors() <= before[1] + 20, lambda: "%d descriptors" % node.descriptors())
        load.wait_acked(100)
        load.finish()
        self.assertLess(node.rss_bytes() - before[0], 200 * MIB)
        check_log(node.consume("n"), [load])

    def test_a_client_that_never_reads(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "n")
        node.produce("n", [b"%d:%s" % (n, b"z" * 20_000) for n in range(3000)])
        before = node.rss_bytes()
        stuck = [node.popen("consume", "n", "--follow", stdout=-1, stderr=-3) for _ in range(8)]
        try:
            wait_until(lambda: node.metric("forebay_fetch_bytes_total") > MIB, "they are being served")
            self.assertEqual(len(node.consume("n")), 3000)  # another one is
            self.assertLess(node.rss_bytes() - before, 300 * MIB)
        finally:
            for process in stuck:
                process.kill()
                process.wait()
                process.stdout.close()

    def test_refusals_name_the_reason(self):
        node = self.broker(*SMALL_RING).start()
        node.ok("topic", "create", "n", "--partitions", "2", "--config", "max.message.bytes=64KiB")
        for words, stdin, status, pattern in (
                (("produce", "none", "-"), b"x\n", 3, "UNKNOWN_TOPIC|topic create"),
                (("produce", "n", "-", "--partition", "7"), b"x\n", 3, "(?i)partition"),
                (("produce", "n", "-"), b"y" * 100_000 + b"\n", None, "TOO_LARGE|max.message.bytes"),
                (("consume", "none", "--until-end"), b"", 3, "UNKNOWN_TOPIC|none"),
                (("consume", "n", "--partition", "7", "--until-end"), b"", None, "(?i)partition"),
                (("topic", "trim", "n", "--before", "100", "--yes"), b"", None, "(?i)offset|end")):
            done = node.run(*words, "--timeout", "5s", stdin=stdin)
            self.assertNotEqual(done.returncode, 0, words)
            if status:
                self.assertEqual(done.returncode, status, (words, done.stderr))
            self.assertRegex(done.stderr + done.stdout, pattern, words)
        node.produce("n", [b"still here"])


if __name__ == "__main__":
    main()

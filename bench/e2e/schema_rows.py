"""What checking records against schemas costs: one node, the same bytes into topics that check nothing, the id, the payload."""
import os
import struct
import urllib.request
import json

from rows import Row, median, spread

FIELDS = 20


def zigzag(number):
    number = number << 1 if number >= 0 else (-number << 1) - 1
    return varint(number)


def varint(number):
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(out) + bytes([number])


def text(index, size):
    return "".join(chr(97 + (index + i) % 26) for i in range(size))


def avro():
    """A record of ten texts, five longs and five doubles, about a kilobyte."""
    fields, value = [], b""
    for i in range(FIELDS):
        kind = "string" if i < 10 else "long" if i < 15 else "double"
        fields.append({"name": f"field{i}", "type": kind})
        if kind == "string":
            data = text(i, 92).encode()
            value += zigzag(len(data)) + data
        else:
            value += zigzag(1_700_000_000_000 + i) if kind == "long" else struct.pack("<d", i * 1.5)
    return "AVRO", json.dumps({"type": "record", "name": "Event", "fields": fields}), value, b""


def protobuf():
    lines, value = [], b""
    for i in range(FIELDS):
        kind = "string" if i < 10 else "int64" if i < 15 else "double"
        lines.append(f"  {kind} field{i} = {i + 1};")
        if kind == "string":
            data = text(i, 92).encode()
            value += varint((i + 1) << 3 | 2) + varint(len(data)) + data
        elif kind == "int64":
            value += varint((i + 1) << 3) + varint(1_700_000_000_000 + i)
        else:
            value += varint((i + 1) << 3 | 1) + struct.pack("<d", i * 1.5)
    return "PROTOBUF", 'syntax = "proto3";\nmessage Event {\n' + "\n".join(lines) + "\n}\n", value, b"\0"


def json_schema():
    properties, value = {}, {}
    for i in range(FIELDS):
        properties[f"field{i}"] = {"type": "string" if i < 10 else "number"}
        value[f"field{i}"] = text(i, 72) if i < 10 else i * 1.5
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return "JSON", json.dumps(schema), json.dumps(value).encode(), b""


def register(node, subject, kind, schema):
    body = json.dumps({"schemaType": kind, "schema": schema}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{node.http_port}/subjects/{subject}/versions", body,
                                     {"Content-Type": "application/vnd.schemaregistry.v1+json"})
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["id"]


def schemas(bench):
    node = bench.node("schemas").start()
    found = []
    for kind, schema, value, path in (avro(), protobuf(), json_schema()):
        found += cost_of_payloads(bench, node, kind, schema, value, path)
    found += cost_of_ids(bench, node)
    bench.drop(node)
    return found


def cost_of_payloads(bench, node, kind, schema, value, path):
    """The server's CPU for a record, and what the check of its payload adds to it."""
    cpu, _ = in_turns(bench, node, kind.lower(), kind, schema, path + value, ("none", "payload"), 2 * bench.runs, 100_000)
    a_core = [1e6 / one for one in cpu["payload"]]
    demanded = kind != "JSON"
    return [
        Row(f"{kind}, {len(value)} bytes: server CPU us a record, no check", spread(cpu["none"], "{:.2f}".format), ""),
        Row("  the payload checked: server CPU us a record", spread(cpu["payload"], "{:.2f}".format), ""),
        Row("  the payload checked: records/s a core", spread(a_core, "{:,.0f}".format),
            "100,000" if demanded else "", met=median(a_core) >= 100_000 if demanded else None),
    ]


def cost_of_ids(bench, node):
    """A bound of 3 % needs longer runs, and more of them."""
    kind, schema, value, path = avro()
    cpu, rate = in_turns(bench, node, "ids", kind, schema, path + value, ("none", "id"), 8 * bench.runs, 250_000)
    ratios = {name: [one / other for one, other in zip(all_of["id"], all_of["none"])] for name, all_of in (("cpu", cpu), ("rate", rate))}
    ratio = "{:.3f}".format
    return [
        Row("the id checked: throughput of that without, pairs", spread(ratios["rate"], ratio), "0.97",
            met=median(ratios["rate"]) >= 0.97),
        Row("the id checked: server CPU of that without, pairs", spread(ratios["cpu"], ratio), "1.03",
            met=median(ratios["cpu"]) <= 1.03),
    ]


def in_turns(bench, node, name, kind, schema, payload, modes, turns, records_a_second):
    """The server's CPU microseconds a record and the megabytes a second, by mode, of runs that take turns."""
    topics = {mode: f"{name}-{mode}" for mode in modes}
    for mode, topic in topics.items():
        number = register(node, topic + "-value", kind, schema)
        bench.program.create_topic(node, topic, 6, retention_bytes="256MiB", segment_bytes="64MiB", schema_validation=mode)
    file = os.path.join(bench.directory, name + ".value")
    with open(file, "wb") as out:
        out.write(b"\0" + struct.pack(">i", number) + payload)
    records = int(bench.seconds * records_a_second)
    cpu, rate = {mode: [] for mode in modes}, {mode: [] for mode in modes}
    for turn in range(turns + 1):
        for mode in list(topics) if turn % 2 else reversed(list(topics)):
            watch = node.watch()
            result = bench.program.perf(node, "produce", topics[mode], "--records", records, "--value", file)
            watch.end()
            if turn == 0:
                continue  # warms up
            cpu[mode].append(watch.cpu_s / result["records"] * 1e6)
            rate[mode].append(result["mb_per_s"])
    return cpu, rate

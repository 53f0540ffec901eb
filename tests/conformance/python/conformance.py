"""Confluent's client for Python against Forebay's registry, and what its serializers write through Forebay's topics.

REGISTRY_URL, REGISTRY_OTHERS (of the other nodes, with commas between; may be empty), SCHEMAS and COURIER say where what is.
"""

import base64
import json
import os
import subprocess
import sys
import time

from confluent_kafka.schema_registry import (ConfigCompatibilityLevel, Schema, SchemaReference, SchemaRegistryClient,
                                             ServerConfig, header_schema_id_serializer)
from confluent_kafka.schema_registry.avro import AvroDeserializer, AvroSerializer
from confluent_kafka.schema_registry.error import SchemaRegistryError
from confluent_kafka.schema_registry.json_schema import JSONDeserializer, JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufDeserializer, ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SCHEMAS, URL = os.environ["SCHEMAS"], os.environ["REGISTRY_URL"]
OTHERS = [url for url in os.environ.get("REGISTRY_OTHERS", "").split(",") if url]
COURIER = json.loads(os.environ["COURIER"])
NOWHERE = "/nothing/like: this%?-value"  # a subject that must be encoded in a path
LOOK_UP = {"auto.register.schemas": False}


def check(condition, what):
    if not condition:
        sys.exit("failed: %s" % what)


def equal(found, wanted, what):
    check(found == wanted, "%s: found %r, expected %r" % (what, found, wanted))


def refused(code, what, *arguments, **options):
    """The client's own error, with this code and the status that goes with it."""
    try:
        got = what(*arguments, **options)
    except SchemaRegistryError as error:
        equal((error.http_status_code, error.error_code), (code // 100, code), "%s%r: %s" % (what.__name__, arguments[:1], error))
        check(error.error_message, "a message for %d" % code)
        return error
    return sys.exit("failed: %s%r answers %r, expected error %d" % (what.__name__, arguments, got, code))


def client(url=URL):
    return SchemaRegistryClient({"url": url})


def read(*path, mode="r"):
    with open(os.path.join(SCHEMAS, *path), mode) as file:
        return file.read()


def courier(*words, records=()):
    lines = "".join(json.dumps({"value": base64.b64encode(value).decode(),
                                "headers": {name: base64.b64encode(of).decode() for name, of in headers.items()}}) + "\n"
                    for value, headers in records)
    return subprocess.run([*COURIER, *words], input=lines, capture_output=True, text=True, timeout=60)


def received(topic):
    done = courier("read", topic)
    equal(done.returncode, 0, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return [(base64.b64decode(line["value"]),
             [(name, base64.b64decode(of)) for name, of in line["headers"].items()]) for line in lines]


# --- the formats -------------------------------------------------------------------------------------------------------------

ORDERS = [
    {"id": "a-1", "amount": 10, "tags": [], "address": {"street": "", "city": "Bern"}},
    {"id": "\n", "amount": -(1 << 40), "tags": ["x", "ü\n"], "address": {"street": "Weg 1", "city": "Zürich"}},
    {"id": "c-3", "amount": 0, "tags": ["long" * 500], "address": {"street": "s", "city": "c"}},
]


class Avro:
    kind, suffix, reference = "AVRO", "avsc", ("conformance.Address", "conformance.Address")
    no_note = None
    broken = b"\x02a"  # ends within the record
    in_header = 0  # bytes behind the GUID

    def __init__(self, schemas):
        self.schemas = schemas

    def serializer(self, registry, version, conf):
        return AvroSerializer(registry, self.schemas[version], conf=conf)

    def deserializer(self, registry):
        return AvroDeserializer(registry, self.schemas["v2"])

    def plain(self, value):
        return value


class Json(Avro):
    kind, suffix, reference = "JSON", "json", ("address.json", "address.json")
    no_note = "nothing"  # the member is not there
    broken = b'{"id": "a", "amount": "ten"}'

    def serializer(self, registry, version, conf):
        return JSONSerializer(self.schemas[version], registry, conf=conf)

    def deserializer(self, registry):
        return JSONDeserializer(self.schemas["v2"], schema_registry_client=registry)

    def plain(self, value):
        return {"note": self.no_note, **value}


class Protobuf(Avro):
    kind, suffix, reference = "PROTOBUF", "proto", ("address.proto", "address.proto")
    no_note = ""
    broken = b"\x00\x0a\x05a"  # index of the message, then a text that is cut
    in_header = 1  # the index of the message

    def message(self, version):
        pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(read(version + ".desc", mode="rb")).file:
            pool.Add(file)
        return message_factory.GetMessageClass(pool.FindMessageTypeByName("conformance.Order"))

    def serializer(self, registry, version, conf):
        message = self.message(version)
        serialize = ProtobufSerializer(message, registry, conf=conf)
        return lambda value, context: serialize(json_format.ParseDict(value, message()), context)

    def deserializer(self, registry):
        return ProtobufDeserializer(self.message("v2"), schema_registry_client=registry)

    def plain(self, value):
        got = json_format.MessageToDict(value, always_print_fields_with_no_presence=True)
        return {**got, "amount": int(got["amount"])}


def schemas_of(kind):
    name, subject = kind.reference
    references = [SchemaReference(name, subject, 1)]
    return {version: Schema(read(version, "order." + kind.suffix), kind.kind, references) for version in ("v1", "v2", "bad")}


# --- the story ---------------------------------------------------------------------------------------------------------------

def evolve(registry, form, subject):
    """Registers the address, then two versions that refer to it, and is refused the third. Returns both ids."""
    address = Schema(read("address." + form.suffix), form.kind)
    address_id = registry.register_schema(form.reference[1], address)
    refused(40401, client().get_latest_version, subject)
    refused(40401, client().lookup_schema, subject, form.schemas["v1"])

    one = registry.register_schema(subject, form.schemas["v1"])
    equal(client().register_schema(subject, form.schemas["v1"]), one, "the same schema has the same id")
    refused(40403, client().lookup_schema, subject, form.schemas["v2"])
    check(registry.test_compatibility(subject, form.schemas["v2"]), "v2 is compatible")
    check(registry.test_compatibility_all_versions(subject, form.schemas["v2"], verbose=True), "v2 is compatible with all")
    check(not registry.test_compatibility(subject, form.schemas["bad"], version=1), "bad is not compatible with 1")
    check(not registry.test_compatibility_all_versions(subject, form.schemas["bad"]), "bad is not compatible")
    told = registry.register_schema_full_response(subject, form.schemas["v2"])
    two = told.schema_id
    check(two not in (one, address_id), "another schema has another id")
    refused(40901, registry.register_schema, subject, form.schemas["bad"])
    refused(42201, registry.register_schema, subject, Schema('{"type": "nonsense"', form.kind))
    refused(42201, registry.register_schema, subject,
            Schema(read("v2", "order." + form.suffix), form.kind, [SchemaReference(form.reference[0], "no-such", 1)]))
    return one, two


def look_elsewhere(registry, form, subject, one, two):
    """On a node that may not have heard of it: what is named is there at once, lists follow."""
    equal(registry.get_version(subject, 2).schema_id, two, "version 2 on another node")
    equal(registry.get_schema(two, subject).schema_type, form.kind, "its schema on another node")
    equal(registry.lookup_schema(subject, form.schemas["v1"]).schema_id, one, "look-up on another node")
    until = time.monotonic() + 30
    while registry.get_versions(subject) != [1, 2] or subject not in registry.get_subjects():
        check(time.monotonic() < until, "another node hears of it")
        time.sleep(0.01)


def look(registry, form, subject, one, two):
    equal(registry.get_versions(subject), [1, 2], "versions")
    latest = registry.get_latest_version(subject)
    equal((latest.subject, latest.version, latest.schema_id), (subject, 2, two), "the latest version")
    first = registry.get_version(subject, 1)
    equal((first.version, first.schema_id, first.schema.schema_type), (1, one, form.kind), "version 1")
    equal([(r.name, r.subject, r.version) for r in first.schema.references], [(*form.reference, 1)], "references of version 1")
    for number, version in ((1, "v1"), (2, "v2")):
        found = registry.lookup_schema(subject, form.schemas[version])
        equal((found.version, found.schema_id), (number, (one, two)[number - 1]), "look-up of " + version)
    by_id = client().get_schema(two, subject)
    equal(by_id.schema_type, form.kind, "type of the schema by id")
    check(first.guid and len(first.guid) == 36, "version 1 has a GUID: %r" % first.guid)
    equal(client().get_schema_by_guid(first.guid).schema_str, first.schema.schema_str, "the schema by GUID")
    check(subject in registry.get_subjects(), "the subject is listed")
    equal(registry.get_subjects_by_schema_id(two), [subject], "subjects of the id")
    equal([(v.subject, v.version) for v in registry.get_schema_versions(two)], [(subject, 2)], "versions of the id")
    equal(sorted(registry.get_referenced_by(form.reference[1], 1)), sorted([one, two]), "who refers to the address")
    check(form.kind in registry.get_schema_types(), "types of schemas")
    refused(40402, registry.get_version, subject, 9)
    refused(42202, registry.get_version, subject, 0)
    refused(40403, client().get_schema, 1_000_000)
    refused(40401, registry.get_versions, NOWHERE)


def configure(registry, subject):
    refused(40408, registry.get_compatibility, subject)
    equal(registry.set_compatibility(subject, "FULL_TRANSITIVE")["compatibility"], "FULL_TRANSITIVE", "what was set")
    equal(registry.get_compatibility(subject), "FULL_TRANSITIVE", "what is set")
    registry.set_config(subject, ServerConfig(compatibility=ConfigCompatibilityLevel.BACKWARD, compatibility_group="major"))
    config = registry.get_config(subject)
    equal((config.compatibility_level or config.compatibility, config.compatibility_group), (ConfigCompatibilityLevel.BACKWARD, "major"), "what is set")
    registry.delete_config(subject)
    refused(40408, registry.get_config, subject)
    equal(registry.get_compatibility(), "BACKWARD", "for all")
    refused(42203, registry.set_compatibility, subject, "SIDEWARD")
    refused(40409, registry.get_mode, subject)
    equal(registry.update_mode(subject, "READONLY"), "READONLY", "the mode that was set")
    refused(42205, client().delete_subject, subject)
    equal(registry.delete_mode(subject), "READONLY", "the mode that was")
    equal(registry.get_global_mode(), "READWRITE", "mode for all")
    equal(registry.get_contexts(), ["."], "contexts")


def carry(registry, form, topic, one, two):
    """Through Forebay: both versions, both framings, and what must not come in."""
    done = courier("create", topic, "schema.validation=payload")
    equal(done.returncode, 0, done.stderr)
    records, sent = [], []
    in_header = {**LOOK_UP, "schema.id.serializer": header_schema_id_serializer}
    latest_in_header = {**in_header, "use.latest.version": True}
    for version, conf in (("v1", LOOK_UP), ("v2", {"auto.register.schemas": True}), ("v1", in_header), ("v2", latest_in_header)):
        serialize = form.serializer(registry, version, conf)
        for order in ORDERS:
            order = {**order, "note": "noted"} if version == "v2" else order
            context = SerializationContext(topic, MessageField.VALUE, {})
            records.append((serialize(order, context), context.headers))
            sent.append(order)
        is_in_front = "schema.id.serializer" not in conf
        framed = b"\0" + (one if version == "v1" else two).to_bytes(4, "big")
        equal(records[-1][0][:5] == framed, is_in_front, "magic byte and id in front")
        equal([(name, value[:1], len(value)) for name, value in context.headers.items()],
              [] if is_in_front else [("__value_schema_id", b"\x01", 17 + form.in_header)], "the header")
    equal(client().get_versions(topic + "-value"), [1, 2], "what registers by itself registers nothing twice")
    done = courier("send", topic, records=records)
    equal(done.returncode, 0, done.stderr)

    for value, found in ((b"\0" + one.to_bytes(4, "big") + form.broken, "no value of schema id %d" % one),
                         (b"\0" + (999_999).to_bytes(4, "big") + form.broken, "999999"),
                         (b"no frame", "magic byte")):
        done = courier("send", topic, records=[*records[:2], (value, {})])
        check(done.returncode == 1 and found in done.stderr, "refused with %r: %d %s" % (found, done.returncode, done.stderr))

    got = received(topic)
    equal([(value, dict(headers)) for value, headers in got], records, "the bytes that come back")
    deserialize = form.deserializer(client())
    for (value, headers), order in zip(got, sent):
        context = SerializationContext(topic, MessageField.VALUE, headers)
        wanted = {"note": form.no_note, **order}
        equal(form.plain(deserialize(value, context)), wanted, "a record with version 2 as reader")


def delete(form, subject):
    registry = client()
    refused(42206, registry.delete_version, form.reference[1], 1)
    refused(40407, registry.delete_version, subject, 1, permanent=True)
    equal(registry.delete_version(subject, 1), 1, "the version that went")
    refused(40406, registry.delete_version, subject, 1)
    equal(client().get_versions(subject), [2], "what is left")
    equal(registry.delete_version(subject, 1, permanent=True), 1, "the version that went for good")
    refused(40402, registry.delete_version, subject, 1, permanent=True)
    refused(40405, registry.delete_subject, subject, permanent=True)
    equal(registry.delete_subject(subject), [2], "the versions that went")
    refused(40404, registry.delete_subject, subject)
    equal(registry._rest_client.delete("subjects/%s?permanent=true" % subject), [2], "the versions that went for good")
    refused(40401, registry.delete_subject, subject)


def main():
    for kind in (Avro, Protobuf, Json):
        registry, topic = client(), "python-" + kind.suffix
        form, subject = kind(schemas_of(kind)), topic + "-value"
        one, two = evolve(registry, form, subject)
        for url in OTHERS:
            look_elsewhere(client(url), form, subject, one, two)
        for url in (URL, *OTHERS):
            look(client(url), form, subject, one, two)
        configure(registry, subject)
        carry(registry, form, topic, one, two)
        delete(form, subject)
        print(kind.kind, "passed", flush=True)


if __name__ == "__main__":
    main()

// Confluent's client for Node against Forebay's registry, and what its serializers write through Forebay's topics.
//
// REGISTRY_URL, REGISTRY_OTHERS (of the other nodes, with commas between; may be empty), SCHEMAS and COURIER say where what is.

'use strict';

const assert = require('node:assert');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { create, createFileRegistry, createMutableRegistry, fromBinary } = require('@bufbuild/protobuf');
const { FileDescriptorSetSchema } = require('@bufbuild/protobuf/wkt');
const registryClient = require('@confluentinc/schemaregistry');

const { HeaderSchemaIdSerializer, RestError, SchemaRegistryClient, SerdeType } = registryClient;
const { REGISTRY_URL, SCHEMAS } = process.env;
const OTHERS = (process.env.REGISTRY_OTHERS || '').split(',').filter(Boolean);
const COURIER = JSON.parse(process.env.COURIER);
const NOWHERE = '/nothing/like: this%?-value'; // a subject that must be encoded in a path

const equal = assert.deepStrictEqual;
const read = (...names) => fs.readFileSync(path.join(SCHEMAS, ...names));
const client = (url = REGISTRY_URL) => new SchemaRegistryClient({ baseURLs: [url], maxRetries: 0 });

/** The client's own error, with this code and the status that goes with it. */
async function refused(code, answer) {
  let got;
  try {
    got = await answer;
  } catch (error) {
    assert(error instanceof RestError, `a RestError for ${code}: ${error.stack}`);
    equal([error.status, error.errorCode], [Math.floor(code / 100), code], error.message);
    return;
  }
  assert.fail(`answers ${JSON.stringify(got)}, expected error ${code}`);
}

function courier(words, records = []) {
  const lines = records.map(({ value, headers }) => {
    const named = Object.entries(headers).map(([name, of]) => [name, Buffer.from(of).toString('base64')]);
    return JSON.stringify({ value: value.toString('base64'), headers: Object.fromEntries(named) }) + '\n';
  });
  const done = spawnSync(COURIER[0], [...COURIER.slice(1), ...words], { input: lines.join(''), encoding: 'utf8', timeout: 60000 });
  return done;
}

function received(topic) {
  const done = courier(['read', topic]);
  equal(done.status, 0, done.stderr);
  return done.stdout.split('\n').filter(Boolean).map((line) => {
    const told = JSON.parse(line);
    const headers = Object.entries(told.headers).map(([name, of]) => [name, Buffer.from(of, 'base64')]);
    return { value: Buffer.from(told.value, 'base64'), headers: Object.fromEntries(headers) };
  });
}

// --- the formats -----------------------------------------------------------------------------------------------------------

const ORDERS = [
  { id: 'a-1', amount: 10, tags: [], address: { street: '', city: 'Bern' } },
  { id: '\n', amount: -(2 ** 40), tags: ['x', 'ü\n'], address: { street: 'Weg 1', city: 'Zürich' } },
  { id: 'c-3', amount: 0, tags: ['long'.repeat(500)], address: { street: 's', city: 'c' } },
];

/** What the serializers of Avro and JSON have in common: the schema is that of an id. */
function byId(Serializer, Deserializer) {
  return {
    inHeader: 0,
    serializer: (registry, version, id, conf) => {
      const serializer = new Serializer(registry, SerdeType.VALUE, { useSchemaId: id, ...conf });
      return (topic, order, headers) => serializer.serialize(topic, order, headers);
    },
    deserializer: (registry) => new Deserializer(registry, SerdeType.VALUE, { useLatestVersion: true }),
  };
}

const avro = {
  kind: 'AVRO', suffix: 'avsc', reference: { name: 'conformance.Address', subject: 'conformance.Address', version: 1 },
  broken: Buffer.from('\x02a'), // ends within the record
  ...byId(registryClient.AvroSerializer, registryClient.AvroDeserializer),
  plain: (value) => JSON.parse(JSON.stringify(value)), // without the classes of the library
  wanted: (order) => ({ note: null, ...order }),
};

const json = {
  kind: 'JSON', suffix: 'json', reference: { name: 'address.json', subject: 'address.json', version: 1 },
  broken: Buffer.from('{"id": "a", "amount": "ten"}'),
  ...byId(registryClient.JsonSerializer, registryClient.JsonDeserializer),
  plain: (value) => value,
  wanted: (order) => order,
};

const protobuf = {
  kind: 'PROTOBUF', suffix: 'proto', reference: { name: 'address.proto', subject: 'address.proto', version: 1 },
  broken: Buffer.from('\x00\x0a\x05a'), // index of the message, then a text that is cut
  inHeader: 1, // the index of the message
  serializer: (registry, version, id, conf) => {
    const files = createFileRegistry(fromBinary(FileDescriptorSetSchema, read(version + '.desc')));
    const types = createMutableRegistry(...files);
    // Registering again what is there, as the client writes it, gives the same id.
    const autoRegisterSchemas = version === 'v2';
    const serializer = new registryClient.ProtobufSerializer(
      registry, SerdeType.VALUE, { registry: types, autoRegisterSchemas, ...conf });
    return (topic, order, headers) => serializer.serialize(
      topic, create(types.getMessage('conformance.Order'), { ...order, amount: BigInt(order.amount) }), headers);
  },
  deserializer: (registry) => new registryClient.ProtobufDeserializer(registry, SerdeType.VALUE, { useLatestVersion: true }),
  plain: ({ id, amount, tags, address, note }) =>
    ({ id, amount: Number(amount), tags: [...tags], address: { street: address.street, city: address.city }, note }),
  wanted: (order) => ({ note: undefined, ...order }),
};

function schemasOf(form) {
  const one = (version) =>
    ({ schema: read(version, 'order.' + form.suffix).toString(), schemaType: form.kind, references: [form.reference] });
  return { v1: one('v1'), v2: one('v2'), bad: one('bad') };
}

// --- the story -------------------------------------------------------------------------------------------------------------

/** Registers the address, then two versions that refer to it, and is refused the third. Returns both ids. */
async function evolve(registry, form, subject) {
  const { v1, v2, bad } = schemasOf(form);
  const address = { schema: read('address.' + form.suffix).toString(), schemaType: form.kind };
  const addressId = await registry.register(form.reference.subject, address);
  await refused(40401, client().getLatestSchemaMetadata(subject));
  await refused(40401, client().getId(subject, v1));

  const one = await registry.register(subject, v1);
  equal(await client().register(subject, v1), one, 'the same schema has the same id');
  await refused(40403, client().getId(subject, v2));
  equal(await registry.testSubjectCompatibility(subject, v2), true, 'v2 is compatible with all');
  equal(await registry.testCompatibility(subject, 1, v2), true, 'v2 is compatible with 1');
  equal(await registry.testSubjectCompatibility(subject, bad), false, 'bad is not compatible with all');
  equal(await registry.testCompatibility(subject, 1, bad), false, 'bad is not compatible with 1');
  const two = (await registry.registerFullResponse(subject, v2)).id;
  equal(new Set([one, two, addressId]).size, 3, 'another schema has another id');
  await refused(40901, registry.register(subject, bad));
  await refused(42201, registry.register(subject, { schema: '{"type": "nonsense"', schemaType: form.kind }));
  await refused(42201, registry.register(subject, { ...v2, references: [{ ...form.reference, subject: 'no-such' }] }));
  return [one, two];
}

async function look(registry, form, subject, ids) {
  const { v1, v2 } = schemasOf(form);
  equal(await registry.getAllVersions(subject), [1, 2], 'versions');
  const latest = await registry.getLatestSchemaMetadata(subject);
  equal([latest.subject, latest.version, latest.id], [subject, 2, ids[1]], 'the latest version');
  const first = await registry.getSchemaMetadata(subject, 1);
  // Nothing is said of the type of Avro.
  equal([first.version, first.id, first.schemaType || 'AVRO', first.references], [1, ids[0], form.kind, [form.reference]], 'version 1');
  for (const [index, schema] of [v1, v2].entries()) {
    const found = await registry.getIdFullResponse(subject, schema);
    equal([found.version, found.id], [index + 1, ids[index]], 'look-up');
    equal(await registry.getVersion(subject, schema, false, false), index + 1, 'the version of a schema');
  }
  equal((await client().getBySubjectAndId(subject, ids[1])).references, [form.reference], 'references of the schema by id');
  const { guid } = await client().getIdFullResponse(subject, v1);
  equal(guid.length, 36, 'the GUID ' + guid);
  equal((await client().getByGuid(guid)).schema, first.schema, 'the schema by GUID');
  assert((await registry.getAllSubjects()).includes(subject), 'the subject is listed');
  await refused(40402, registry.getSchemaMetadata(subject, 9));
  await refused(42202, registry.getSchemaMetadata(subject, 0));
  await refused(40403, client().getBySubjectAndId(subject, 1000000));
  await refused(40401, registry.getLatestSchemaMetadata(NOWHERE));
}

async function configure(registry, subject) {
  await refused(40408, registry.getCompatibility(subject));
  equal(await registry.updateCompatibility(subject, 'FULL_TRANSITIVE'), 'FULL_TRANSITIVE', 'what was set');
  equal(await registry.getCompatibility(subject), 'FULL_TRANSITIVE', 'what is set');
  await registry.updateConfig(subject, { compatibility: 'BACKWARD', normalize: true });
  const config = await registry.getConfig(subject);
  equal([config.compatibilityLevel || config.compatibility, config.normalize], ['BACKWARD', true], 'what is set');
  // Left on, it would look for normalized texts, and the versions here are not.
  equal((await registry.updateConfig(subject, { normalize: false })).normalize, false, 'what was set');
  equal(await registry.getDefaultCompatibility(), 'BACKWARD', 'for all');
  await refused(42203, registry.updateCompatibility(subject, 'SIDEWARD'));
}

/** Through Forebay: both versions, both framings, and what must not come in. */
async function carry(registry, form, topic, [one, two]) {
  const framed = (id) => Buffer.from([0, 0, 0, id >> 8, id & 255]);
  const done = courier(['create', topic, 'schema.validation=payload']);
  equal(done.status, 0, done.stderr);
  const records = [];
  const sent = [];
  for (const [version, id, conf] of [['v1', one, {}], ['v2', two, {}], ['v1', one, { schemaIdSerializer: HeaderSchemaIdSerializer }]]) {
    const serialize = form.serializer(registry, version, id, conf);
    for (const plain of ORDERS) {
      const order = version === 'v2' ? { ...plain, note: 'noted' } : plain;
      const headers = {};
      const value = await serialize(topic, order, headers);
      records.push({ value, headers });
      sent.push(order);
      const inHeader = Object.entries(headers).map(([name, of]) => [name, of[0], of.length]);
      const inFront = framed(id).equals(value.subarray(0, 5));
      equal([inFront, inHeader], conf.schemaIdSerializer ? [false, [['__value_schema_id', 1, 17 + form.inHeader]]] : [true, []], 'framing');
    }
  }
  equal(await client().getAllVersions(topic + '-value'), [1, 2], 'nothing is registered twice');
  const stored = courier(['send', topic], records);
  equal(stored.status, 0, stored.stderr);

  for (const [value, found] of [
    [Buffer.concat([framed(one), form.broken]), `no value of schema id ${one}`],
    [Buffer.concat([framed(65535), form.broken]), '65535'],
    [Buffer.from('no frame'), 'magic byte'],
  ]) {
    const answer = courier(['send', topic], [...records.slice(0, 2), { value, headers: {} }]);
    assert(answer.status === 1 && answer.stderr.includes(found), `refused with '${found}': ${answer.status} ${answer.stderr}`);
  }

  const got = received(topic);
  equal(got.length, records.length, 'as many records come back');
  const deserializer = form.deserializer(client());
  for (const [index, { value, headers }] of got.entries()) {
    assert(value.equals(records[index].value), `the bytes of record ${index}`);
    const order = form.plain(await deserializer.deserialize(topic, value, headers));
    const note = order.note === undefined ? {} : { note: order.note };
    equal({ ...order, ...note }, form.wanted(sent[index]), `record ${index} with version 2 as reader`);
  }
}

async function remove(form, subject) {
  const registry = client();
  await refused(42206, registry.deleteSubjectVersion(form.reference.subject, 1));
  await refused(40407, registry.deleteSubjectVersion(subject, 1, true));
  equal(await registry.deleteSubjectVersion(subject, 1), 1, 'the version that went');
  await refused(40406, registry.deleteSubjectVersion(subject, 1));
  equal(await client().getAllVersions(subject), [2], 'what is left');
  equal(await registry.deleteSubjectVersion(subject, 1, true), 1, 'the version that went for good');
  await refused(40402, registry.deleteSubjectVersion(subject, 1, true));
  await refused(40405, registry.deleteSubject(subject, true));
  equal(await registry.deleteSubject(subject), [2], 'the versions that went');
  await refused(40404, registry.deleteSubject(subject));
  equal(await registry.deleteSubject(subject, true), [2], 'the versions that went for good');
  await refused(40401, registry.deleteSubject(subject));
}

async function main() {
  for (const form of [avro, protobuf, json]) {
    const registry = client();
    const topic = 'node-' + form.suffix;
    const subject = topic + '-value';
    const ids = await evolve(registry, form, subject);
    for (const url of [REGISTRY_URL, ...OTHERS]) await look(client(url), form, subject, ids);
    await configure(registry, subject);
    await carry(registry, form, topic, ids);
    await remove(form, subject);
    console.log(form.kind, 'passed');
  }
}

main().then(() => process.exit(0), (error) => {
  console.error('failed:', error.stack);
  process.exit(1);
});

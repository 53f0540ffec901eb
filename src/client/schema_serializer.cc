#include "forebay/schema_serializer.h"

#include <mutex>
#include <utility>

#include "base/shared_bytes.h"
#include "base/varint.h"
#include "client/core/recent.h"
#include "client/registry_core.h"
#include "schema/core/subject_name.h"
#include "schema/core/wire_format.h"

namespace forebay {
namespace {

constexpr std::size_t kSubjectsMax = 1'000;  // that one serializer keeps

std::string_view header_name(RecordPart part) {
  return part == RecordPart::kKey ? schema::kKeySchemaHeader : schema::kValueSchemaHeader;
}

std::string guid_header(const std::string& guid) {
  std::string value(1, static_cast<char>(schema::kGuidMagic));
  if (const auto uuid = model::Uuid::parse(guid)) {
    for (const auto byte : uuid->bytes) value += static_cast<char>(byte);
  }
  return value;
}

// The last one that has a value, as read_mark() has it.
const HeaderView* schema_header(const RecordView& record, RecordPart part) {
  const HeaderView* last = nullptr;
  for (const HeaderView& header : record.headers)
    if (header.name == header_name(part) && header.value) last = &header;
  return last;
}

std::optional<std::string_view> part_of(const RecordView& record, RecordPart part) {
  return part == RecordPart::kKey ? record.key : record.value;
}

// An alias may lead into another context, whose ids mean other schemas to who reads the records.
Result<void> check_context(const std::string& asked, const std::string& found) {
  const std::string context = schema::context_of(found);
  if (context == schema::context_of(asked)) return {};
  return Error{ErrorCode::kInvalidArgument,
               "subject '" + asked + "' is '" + found + "', of the context '" + context +
                   "', and records say the ids of another one: name that subject, and read its records in "
                   "that context"};
}

}  // namespace

struct SchemaSerializer::State {
  State(SchemaRegistry& of, SchemaSerializerOptions with) : registry(of), options(std::move(with)) {}

  // The schema that records of that topic say.
  Result<KnownSchemaPtr> known(std::string_view topic, const SchemaMessagePath& message);
  Result<KnownSchemaPtr> find(std::string_view topic, const SchemaMessagePath& message);
  Result<std::string> subject_of(std::string_view topic, const SchemaMessagePath& message);
  Result<schema::SchemaPtr> own_schema();
  Result<SchemaRegistry::Core::KnownId> id_of(const std::string& subject);
  // Bytes that were made by `options.schema` must not say another one.
  Result<void> check_encoded_by(const KnownSchema& known);
  SerializedPart framed(const KnownSchema& known, std::string_view payload, const SchemaMessagePath& message);

  SchemaRegistry& registry;
  const SchemaSerializerOptions options;
  using Place = std::pair<std::string, SchemaMessagePath>;  // topic and message
  std::mutex mutex;
  schema::SchemaPtr own;  // options.schema
  std::uint64_t refreshes = 0;
  std::unique_ptr<client::Recent<Place, KnownSchemaPtr>> kept =
      std::make_unique<client::Recent<Place, KnownSchemaPtr>>(kSubjectsMax);
};

Result<KnownSchemaPtr> SchemaSerializer::State::known(std::string_view topic,
                                                      const SchemaMessagePath& message) {
  const Place place{std::string(topic), message};
  std::uint64_t asked_of = 0;
  {
    const std::lock_guard lock(mutex);
    if (const KnownSchemaPtr* found = kept->find(place)) return *found;
    asked_of = refreshes;
  }
  FOREBAY_TRY(KnownSchemaPtr found, find(topic, message));
  if (const auto name = found->parsed->record_name(message); !name) return name.error();
  const std::lock_guard lock(mutex);
  if (refreshes == asked_of) kept->put(place, found);  // else it may be old already
  return found;
}

Result<KnownSchemaPtr> SchemaSerializer::State::find(std::string_view topic,
                                                     const SchemaMessagePath& message) {
  FOREBAY_TRY(const std::string subject, subject_of(topic, message));
  if (!options.schema || options.use_latest) {
    const std::int32_t version = options.schema ? kLatestVersion : options.version;
    FOREBAY_TRY(const FoundSchemaVersion found, registry.get_version(subject, version));
    FOREBAY_CHECK(check_context(subject, found.version.subject));
    return registry.core_->known(found.version.id, found.version.subject);
  }
  FOREBAY_TRY(auto id, id_of(subject));
  auto known = std::make_shared<KnownSchema>();
  known->id = id.id;
  known->guid = std::move(id.guid);
  FOREBAY_TRY(known->parsed, own_schema());
  return KnownSchemaPtr(std::move(known));
}

Result<SchemaRegistry::Core::KnownId> SchemaSerializer::State::id_of(const std::string& subject) {
  if (auto known = registry.core_->known_id(subject, *options.schema)) return *known;
  SchemaRegistry::Core::KnownId id;
  if (options.auto_register) {
    FOREBAY_TRY(const RegisteredSchema registered, registry.register_schema(subject, *options.schema));
    FOREBAY_CHECK(check_context(subject, registered.version.subject));
    id = {registered.version.id, registered.version.guid};
  } else {
    FOREBAY_TRY(const SchemaVersion found, registry.lookup(subject, *options.schema));
    FOREBAY_CHECK(check_context(subject, found.subject));
    id = {found.id, found.guid};
  }
  registry.core_->keep_id(subject, *options.schema, id);
  return id;
}

Result<schema::SchemaPtr> SchemaSerializer::State::own_schema() {
  {
    const std::lock_guard lock(mutex);
    if (own != nullptr) return own;
  }
  FOREBAY_TRY(schema::SchemaPtr parsed, registry.core_->parse(options.subject, *options.schema));
  const std::lock_guard lock(mutex);
  own = parsed;
  return parsed;
}

Result<std::string> SchemaSerializer::State::subject_of(std::string_view topic,
                                                        const SchemaMessagePath& message) {
  if (!options.subject.empty()) return options.subject;
  if (options.naming == SubjectNaming::kTopic)
    return std::string(topic) + (options.part == RecordPart::kKey ? "-key" : "-value");
  if (!options.schema)
    return Error{ErrorCode::kInvalidArgument,
                 "the subject is called after what the schema describes, and no schema is given: set "
                 "SchemaSerializerOptions::schema or subject"};
  FOREBAY_TRY(const schema::SchemaPtr parsed, own_schema());
  FOREBAY_TRY(const std::string name, parsed->record_name(message));
  if (name.empty())
    return Error{ErrorCode::kInvalidArgument,
                 "the subject is called after what the schema describes, and that has no name: give it one, "
                 "or set SchemaSerializerOptions::subject"};
  return options.naming == SubjectNaming::kRecord ? name : std::string(topic) + "-" + name;
}

Result<void> SchemaSerializer::State::check_encoded_by(const KnownSchema& known) {
  if (!options.schema || !options.use_latest || known.parsed->format() != schema::Format::kAvro) return {};
  FOREBAY_TRY(const schema::SchemaPtr mine, own_schema());
  if (mine->canonical_text() == known.parsed->canonical_text()) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the latest version, schema id " + std::to_string(known.id) +
                   ", is not the schema by which the bytes were encoded, and they cannot be read by it: give "
                   "that one without use_latest, or give JSON"};
}

SerializedPart SchemaSerializer::State::framed(const KnownSchema& known, std::string_view payload,
                                               const SchemaMessagePath& message) {
  SerializedPart part;
  part.schema_id = known.id;
  const std::string prefix = schema::id_prefix(known.id, known.parsed->format(), message);
  if (options.framing == SchemaFraming::kMagicByte) {
    part.bytes.reserve(prefix.size() + payload.size());
    part.bytes = prefix;
  } else {
    part.header = Header{std::string(header_name(options.part)),
                         guid_header(known.guid) + prefix.substr(schema::kIdPrefixBytes)};
  }
  part.bytes += payload;
  return part;
}

SchemaSerializer::SchemaSerializer(SchemaRegistry& registry, SchemaSerializerOptions options)
    : state_(std::make_unique<State>(registry, std::move(options))) {}
SchemaSerializer::~SchemaSerializer() = default;

Result<SerializedPart> SchemaSerializer::from_json(std::string_view topic, std::string_view json) {
  const SchemaMessagePath& message = state_->options.message;
  FOREBAY_TRY(const KnownSchemaPtr known, state_->known(topic, message));
  FOREBAY_TRY(const std::string payload, known->parsed->from_json(json, message));
  return state_->framed(*known, payload, message);
}

Result<SerializedPart> SchemaSerializer::from_encoded(std::string_view topic, std::string_view encoded,
                                                      const SchemaMessagePath& message,
                                                      std::string_view message_name) {
  FOREBAY_TRY(const KnownSchemaPtr known, state_->known(topic, message));
  FOREBAY_CHECK(state_->check_encoded_by(*known));
  if (!message_name.empty()) {
    FOREBAY_TRY(const std::string name, known->parsed->record_name(message));
    if (name != message_name)
      return Error{ErrorCode::kInvalidArgument,
                   "the message is " + std::string(message_name) + "; schema id " +
                       std::to_string(known->id) + " has " + name +
                       " there: give the file that declares the message as SchemaSerializerOptions::schema"};
  }
  return state_->framed(*known, encoded, message);
}

namespace {

void put(SerializedPart part, RecordPart where, Record& record) {
  (where == RecordPart::kKey ? record.key : record.value) = std::move(part.bytes);
  // A record that was read and is written on may say another schema yet.
  std::erase_if(record.headers, [where](const Header& one) { return one.name == header_name(where); });
  if (part.header) record.headers.push_back(std::move(*part.header));
}

}  // namespace

Result<void> SchemaSerializer::put_json(std::string_view topic, std::string_view json, Record& record) {
  FOREBAY_TRY(SerializedPart part, from_json(topic, json));
  put(std::move(part), state_->options.part, record);
  return {};
}

Result<void> SchemaSerializer::put_encoded(std::string_view topic, std::string_view encoded, Record& record,
                                           const SchemaMessagePath& message, std::string_view message_name) {
  FOREBAY_TRY(SerializedPart part, from_encoded(topic, encoded, message, message_name));
  put(std::move(part), state_->options.part, record);
  return {};
}

void SchemaSerializer::refresh() {
  const std::lock_guard lock(state_->mutex);
  ++state_->refreshes;
  state_->kept = std::make_unique<client::Recent<State::Place, KnownSchemaPtr>>(kSubjectsMax);
}

// --- the way back

SchemaDeserializer::SchemaDeserializer(SchemaRegistry& registry, SchemaDeserializerOptions options)
    : registry_(registry), options_(std::move(options)) {}

bool SchemaDeserializer::says_schema(const RecordView& record) const {
  if (schema_header(record, options_.part) != nullptr) return true;
  const auto part = part_of(record, options_.part);
  return part && part->size() >= schema::kIdPrefixBytes &&
         part->front() == static_cast<char>(schema::kIdMagic);
}

Result<DeserializedPart> SchemaDeserializer::deserialize(const RecordView& record) {
  const auto part = part_of(record, options_.part);
  if (!part) return Error{ErrorCode::kInvalidRecord, "found nothing (null), expected a value with a schema"};
  // The wire format is read from headers as they are stored.
  std::string encoded;
  if (const HeaderView* header = schema_header(record, options_.part)) {
    const auto put = [&encoded](std::string_view text) {
      std::array<std::byte, kVarintBytesMax> number{};
      const std::byte* const end = write_varint(number.data(), static_cast<std::int32_t>(text.size()));
      encoded += as_text({number.data(), static_cast<std::size_t>(end - number.data())});
      encoded += text;
    };
    put(header->name);
    put(header->value.value_or(std::string_view()));
  }
  const model::HeadersView headers(as_bytes(encoded), encoded.empty() ? 0 : 1);
  FOREBAY_TRY(const schema::SchemaMark mark,
              schema::read_mark(as_bytes(*part), headers, options_.part == RecordPart::kKey));
  FOREBAY_TRY(const KnownSchemaPtr known, mark.is_guid() ? registry_.core_->known(mark.guid.to_string())
                                                         : registry_.core_->known(mark.id, options_.context));
  FOREBAY_TRY(const schema::MarkedPayload marked, schema::read_payload(mark, known->parsed->format()));
  DeserializedPart read;
  read.payload = as_text(marked.payload);
  read.schema_id = known->id;
  read.guid = known->guid;
  read.format = static_cast<SchemaFormat>(known->parsed->format());
  auto json = known->parsed->to_json(marked.payload, marked.path);
  if (!json) {
    Error error = std::move(json).error();
    error.context = "no value of schema id " + std::to_string(known->id) + ": " + error.context;
    return error;
  }
  read.json = std::move(*json);
  return read;
}

}  // namespace forebay

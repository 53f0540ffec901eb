#include "cli/verbs/record_schemas.h"

#include <utility>

#include "cli/value.h"
#include "cli/verbs/schema.h"

namespace forebay::cli {
namespace {

// Bytes that only look as if they said a schema may say many: then they are no schemas.
constexpr std::size_t kUnknownMax = 100;
constexpr std::size_t kMarkBytes = 5;  // the magic byte and the id

// What says the schema, as it stands there.
std::string mark_of(const RecordView& record, std::string_view bytes, RecordPart which) {
  const std::string_view name = which == RecordPart::kKey ? "__key_schema_id" : "__value_schema_id";
  std::optional<std::string_view> last;
  for (const HeaderView& header : record.headers)
    if (header.name == name && header.value) last = header.value;
  return last ? "header " + std::string(*last) : std::string(bytes.substr(0, kMarkBytes));
}

}  // namespace

Result<std::unique_ptr<RecordEncoder>> RecordEncoder::make(Session& session,
                                                           const std::optional<std::string>& value,
                                                           const std::optional<std::string>& key) {
  FOREBAY_TRY(SchemaRegistry * registry, session.registry());
  auto encoder = std::make_unique<RecordEncoder>();
  if (value) FOREBAY_CHECK(open(*registry, *value, RecordPart::kValue, encoder->value_));
  if (key) FOREBAY_CHECK(open(*registry, *key, RecordPart::kKey, encoder->key_));
  return encoder;
}

Result<void> RecordEncoder::open(SchemaRegistry& registry, const std::string& named, RecordPart which,
                                 Part& part) {
  FOREBAY_TRY(NamedSubject subject, parse_named_subject(named));
  if (subject.subject.starts_with(":.") && !subject.subject.starts_with(":.:"))
    return Error{ErrorCode::kInvalidArgument,
                 "subject '" + subject.subject +
                     "' is in a context of its own, and records say ids of the default one: register the "
                     "schema there, and name that subject"};
  SchemaSerializerOptions options;
  options.subject = std::move(subject.subject);
  options.version = subject.version;
  options.part = which;
  part.serializer = std::make_unique<SchemaSerializer>(registry, std::move(options));
  // Whether it is there is known before anything is sent.
  FOREBAY_CHECK(part.serializer->from_encoded("", ""));
  return {};
}

Result<void> RecordEncoder::encode(RecordView& record) {
  const auto named = [](const char* part, Error error) {
    error.context.insert(0, part);
    return error;
  };
  if (value_.serializer != nullptr && record.value) {
    auto encoded = value_.serializer->from_json("", *record.value);
    if (!encoded) return named("value: ", std::move(encoded).error());
    value_.bytes = std::move(encoded->bytes);
    record.value = value_.bytes;
  }
  if (key_.serializer != nullptr && record.key) {
    auto encoded = key_.serializer->from_json("", *record.key);
    if (!encoded) {
      std::string text;
      append_json_string(text, *record.key);
      auto as_text = key_.serializer->from_json("", text);
      if (!as_text) return named("key: ", std::move(encoded).error());
      encoded = std::move(as_text);
    }
    key_.bytes = std::move(encoded->bytes);
    record.key = key_.bytes;
  }
  return {};
}

bool RecordDecoder::open() {
  if (value_.deserializer != nullptr) return true;
  const auto registry = session_.registry();
  if (!registry) return false;
  value_.deserializer = std::make_unique<SchemaDeserializer>(**registry);
  key_.deserializer = std::make_unique<SchemaDeserializer>(
      **registry, SchemaDeserializerOptions{.part = RecordPart::kKey, .context = ""});
  return true;
}

RecordView RecordDecoder::decode(const RecordView& record) {
  RecordView shown = record;
  if (raw_ || !open()) return shown;
  decode(RecordPart::kValue, record, value_, shown.value);
  decode(RecordPart::kKey, record, key_, shown.key);
  return shown;
}

void RecordDecoder::decode(RecordPart which, const RecordView& record, Part& part,
                           std::optional<std::string_view>& shown) {
  const auto& bytes = which == RecordPart::kKey ? record.key : record.value;
  if (raw_ || part.raw || !bytes || !part.deserializer->says_schema(record)) return;
  std::string mark = mark_of(record, *bytes, which);
  if (part.unknown.contains(mark)) return;
  auto read = part.deserializer->deserialize(record);
  if (read) {
    part.json = std::move(read->json);
    shown = part.json;
    return;
  }
  // What fits its schema not is one record; what has none to be found, or one that cannot be read here, will
  // have none the next time.
  switch (read.error().code) {
    case ErrorCode::kInvalidRecord:
      return tell(read.error(), record);
    case ErrorCode::kNotFound:
    case ErrorCode::kInvalidSchema:
      tell(read.error(), record);
      part.raw = part.unknown.size() >= kUnknownMax;
      part.unknown.insert(std::move(mark));
      return;
    default:  // each record would wait as long for the registry
      session_.warn(
          "the schema registry cannot be asked, so that records are shown as they are from offset " +
          std::to_string(record.offset) + " on: " + read.error().to_string());
      raw_ = true;
  }
}

void RecordDecoder::tell(const Error& error, const RecordView& record) {
  if (std::exchange(told_, true)) return;
  session_.note(
      "records that do not decode by the schema that they say are shown as they are (--raw shows all so); "
      "the first one, offset " +
      std::to_string(record.offset) + ": " + error.context);
}

}  // namespace forebay::cli

// From JSON text, or bytes that are encoded already, to the key or value of a record that says its schema,
// and back. What other serializers of the registry's convention write is read, and the other way round.
//
// Threads: every method may be called from any thread. The registry outlives both.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "forebay/schema_registry.h"
#include "forebay/types.h"

namespace forebay {

// By which name the subject of a record's schema is known; as the topic has it in
// schema.value.subject.strategy.
enum class SubjectNaming : std::uint8_t {
  kTopic,        // "TOPIC-value", "TOPIC-key"
  kRecord,       // the full name of what the schema describes
  kTopicRecord,  // "TOPIC-" and that
};
enum class RecordPart : std::uint8_t { kValue, kKey };
// How a record says its schema.
enum class SchemaFraming : std::uint8_t {
  kMagicByte,  // in front of the payload: a zero byte and the id
  kHeader,     // in a header: the GUID
};

// Which message of a Protobuf schema: the index of a top-level message, then of those nested in it. Empty:
// the first one. The other formats have no use for it.
using SchemaMessagePath = std::vector<std::uint32_t>;

struct SchemaSerializerOptions {
  // What the program writes. Absent: the latest version of the subject, whatever it is; then `naming` is
  // kTopic, or `subject` says which it is.
  std::optional<Schema> schema;
  std::string subject;  // not empty: that one, whatever the naming
  SubjectNaming naming = SubjectNaming::kTopic;
  RecordPart part = RecordPart::kValue;
  SchemaFraming framing = SchemaFraming::kMagicByte;
  // The schema is registered when its subject does not have it. False: that is an error. Who registers
  // schemas is the author of a contract; a producer seldom is.
  bool auto_register = false;
  // With `schema`: the record says the latest version of the subject instead, of which the JSON text is to be
  // a value.
  bool use_latest = false;
  // Instead of the latest, with no `schema`.
  std::int32_t version = kLatestVersion;
  // Of a Protobuf schema.
  SchemaMessagePath message;
};

struct SerializedPart {
  std::string bytes;             // the key or value
  std::optional<Header> header;  // that goes with it, when the framing is kHeader
  std::int32_t schema_id = 0;
};

class SchemaSerializer {
 public:
  SchemaSerializer(SchemaRegistry& registry, SchemaSerializerOptions options);
  ~SchemaSerializer();
  SchemaSerializer(const SchemaSerializer&) = delete;
  SchemaSerializer& operator=(const SchemaSerializer&) = delete;

  // One JSON value, in the JSON encoding of the schema's format. The registry is asked once for a subject.
  // Errors: kInvalidRecord, with the path within the value, what was found and what was expected; those of
  // SchemaRegistry: 40401, 40403 (the subject has not this schema, and auto_register is off), and those of
  // register_schema().
  [[nodiscard]] Result<SerializedPart> from_json(std::string_view topic, std::string_view json);
  // Bytes that a library of the format has encoded; they are not looked at. `message`: as in the options;
  // `message_name`: its full name, where that is known. Errors: as above; kInvalidArgument: the schema has no
  // such message, or another one there.
  [[nodiscard]] Result<SerializedPart> from_encoded(std::string_view topic, std::string_view encoded,
                                                    const SchemaMessagePath& message = {},
                                                    std::string_view message_name = {});
  // The same into a record, as its key or value, in place of what that was and of the header that said its
  // schema. Changes nothing on an error.
  [[nodiscard]] Result<void> put_json(std::string_view topic, std::string_view json, Record& record);
  [[nodiscard]] Result<void> put_encoded(std::string_view topic, std::string_view encoded, Record& record,
                                         const SchemaMessagePath& message = {},
                                         std::string_view message_name = {});
  // The latest version is asked for again with the next record.
  void refresh();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct DeserializedPart {
  std::string_view payload;  // without what says the schema; within the bytes that were given
  std::int32_t schema_id = 0;
  std::string guid;
  SchemaFormat format = SchemaFormat::kAvro;
  std::string json;  // of the payload, on one line
};

struct SchemaDeserializerOptions {
  RecordPart part = RecordPart::kValue;
  // ":.CONTEXT:": in which ids are meant. Empty: the default one.
  std::string context;
};

class SchemaDeserializer {
 public:
  explicit SchemaDeserializer(SchemaRegistry& registry, SchemaDeserializerOptions options = {});

  // Whether the record says a schema at all: by a header, or by a first byte of zero with four more.
  [[nodiscard]] bool says_schema(const RecordView& record) const;
  // Errors: kInvalidRecord: it says none, or the payload is no value of it, with the path; 40403: there is no
  // such schema.
  [[nodiscard]] Result<DeserializedPart> deserialize(const RecordView& record);

 private:
  SchemaRegistry& registry_;
  const SchemaDeserializerOptions options_;
};

}  // namespace forebay

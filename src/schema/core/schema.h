// One schema of any format, as the registry, the broker and the clients use it. Pure; immutable once parsed,
// so any thread may use it at any time. Each format lives in its own folder; parse_schema() is the only door.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "schema/core/difference.h"
#include "schema/core/limits.h"

namespace forebay::schema {

enum class Format : std::uint8_t { kAvro = 1, kJson = 2, kProtobuf = 3 };  // stored: never renumber one
// As every client of the convention writes it: "AVRO", "JSON", "PROTOBUF".
[[nodiscard]] std::string_view format_name(Format format);
[[nodiscard]] std::optional<Format> format_named(std::string_view name);

// The text of a schema that another one refers to. Avro: the types declared in it are known by their full
// names, whatever `name` is. JSON Schema: `name` is what a "$ref" says. Protobuf: the path of an import.
struct NamedText {
  std::string name;
  std::string text;
};

// What of a payload does not fit its schema.
struct PayloadFault {
  std::string path;      // of the field, in the terms of the data: "order.lines[2].price"; empty: the whole
  std::string found;     // what is there, cut short: "3 more bytes after the end", "string \"abc\""
  std::string expected;  // what the schema has there: "int"
  friend bool operator==(const PayloadFault&, const PayloadFault&) = default;
};

// Which message of a Protobuf schema: the index of a top-level message, then of those nested in it. Empty:
// the first one. The other formats have no use for it.
using MessagePath = std::span<const std::uint32_t>;

class ParsedSchema {
 public:
  virtual ~ParsedSchema() = default;
  [[nodiscard]] virtual Format format() const = 0;
  // Two texts that are the same schema have one canonical text: insignificant space, quoting and the like are
  // gone; what other registries keep apart stays apart.
  [[nodiscard]] virtual std::string canonical_text() const = 0;
  // Also without the order of what has none (the query flag "normalize").
  [[nodiscard]] virtual std::string normalized_text() const = 0;
  // In one of the forms that the query flag "format" knows for this format (Avro: "resolved"; Protobuf:
  // "serialized", "ignore_extensions"); "default", or empty: canonical. Errors: kInvalidArgument with the
  // forms there are.
  [[nodiscard]] virtual Result<std::string> text_as(std::string_view form) const = 0;
  // The full name of what is described, by which the subjects of the record strategies are called; empty: it
  // has none (a JSON Schema without title, an Avro schema that is not a named type). Errors: kInvalidArgument
  // for a path that is not there.
  [[nodiscard]] virtual Result<std::string> record_name(MessagePath path = {}) const = 0;
  // What keeps this schema from reading what was written with `writer`; empty: nothing does.
  // Requires: writer.format() == format().
  [[nodiscard]] virtual std::vector<Difference> differences(const ParsedSchema& writer,
                                                            const CompatibilityPolicy& policy) const = 0;
  // Whether the bytes are exactly one value of this schema. The first fault, none if they are. Time and
  // memory are bounded by the payload and the limits that the schema was parsed under.
  [[nodiscard]] virtual std::optional<PayloadFault> check(ByteSpan payload, MessagePath path = {}) const = 0;
  // The value as JSON on one line, in the format's own JSON encoding. Errors: kInvalidRecord, with path,
  // found and expected; kInvalidArgument for a message path that is not there.
  [[nodiscard]] virtual Result<std::string> to_json(ByteSpan payload, MessagePath path = {}) const = 0;
  // The other way; appends to nothing. Errors: as above.
  [[nodiscard]] virtual Result<std::string> from_json(std::string_view json, MessagePath path = {}) const = 0;
  // Roughly what it takes in memory, for the bound of a cache.
  [[nodiscard]] virtual std::size_t memory_bytes() const = 0;
};
using SchemaPtr = std::shared_ptr<const ParsedSchema>;

// Where a text comes from. A registry may have schemas that are older than what is asked of new ones and that
// nobody's payloads depend on: in Avro, that a default is a value of its field.
enum class Origin : std::uint8_t { kNew, kRegistry };

// `references`: every schema that it refers to, directly or through others, each after those that it refers
// to itself. Errors: kInvalidArgument, with the place, what is wrong and what would be right;
// kRecordTooLarge: above the limits.
[[nodiscard]] Result<SchemaPtr> parse_schema(Format format, std::string_view text,
                                             const std::vector<NamedText>& references = {},
                                             const Limits& limits = {}, Origin origin = Origin::kNew);

}  // namespace forebay::schema

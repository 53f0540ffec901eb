// The schemas of records: `produce --schema` encodes what it sends, `consume` decodes what it prints.
// Thread rules: one thread.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/session.h"
#include "forebay/schema_serializer.h"
#include "forebay/types.h"

namespace forebay::cli {

class RecordEncoder {
 public:
  // SUBJECT or SUBJECT:VERSION, of what is to be encoded. Asks the registry for both. Errors: there is no
  // such version, or nobody to ask.
  [[nodiscard]] static Result<std::unique_ptr<RecordEncoder>> make(Session& session,
                                                                   const std::optional<std::string>& value,
                                                                   const std::optional<std::string>& key);
  // JSON text becomes bytes; what is null stays so. `record` points into the encoder until the next call. A
  // key that is no JSON value of its schema is taken as a text. Errors: kInvalidRecord: which of the two, and
  // where in it.
  [[nodiscard]] Result<void> encode(RecordView& record);

 private:
  struct Part {
    std::unique_ptr<SchemaSerializer> serializer;
    std::string bytes;
  };
  [[nodiscard]] static Result<void> open(SchemaRegistry& registry, const std::string& named, RecordPart which,
                                         Part& part);
  Part value_, key_;
};

class RecordDecoder {
 public:
  RecordDecoder(Session& session, bool raw) : session_(session), raw_(raw) {}

  // With key and value as JSON where they say a schema that the registry has; as they are where not, and with
  // a note on that once. Points into the decoder until the next call.
  [[nodiscard]] RecordView decode(const RecordView& record);

 private:
  struct Part {
    std::unique_ptr<SchemaDeserializer> deserializer;
    std::string json;
    bool raw = false;               // it has too many that do not decode: its bytes only look as if they did
    std::set<std::string> unknown;  // what says a schema that there is not, as it says it
  };
  [[nodiscard]] bool open();
  void decode(RecordPart which, const RecordView& record, Part& part, std::optional<std::string_view>& shown);
  void tell(const Error& error, const RecordView& record);

  Session& session_;
  bool raw_;
  bool told_ = false;
  Part value_, key_;
};

}  // namespace forebay::cli

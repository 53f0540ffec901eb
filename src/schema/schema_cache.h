// Parsed schemas, kept while there is room: those used last stay. Any thread. What is in use outlives its
// place here.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <mutex>

#include "schema/core/decisions.h"

namespace forebay::schema {

class SchemaCache final : public ParsedSchemas {
 public:
  explicit SchemaCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  // Two threads that need the same one at the same time both parse it; one of the two stays.
  [[nodiscard]] Result<SchemaPtr> parsed(const ImageAccess& access, const StoredSchemaPtr& schema) override;
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Kept {
    StoredSchemaPtr stored;  // keeps the place in memory that it is known by
    SchemaPtr schema;
    std::size_t bytes;
  };
  [[nodiscard]] SchemaPtr find(const StoredSchemaPtr& stored);
  [[nodiscard]] SchemaPtr keep(const StoredSchemaPtr& stored, SchemaPtr schema);

  const std::size_t bytes_max_;
  mutable std::mutex mutex_;
  std::list<Kept> kept_;  // the one used last first
  // Not by the id or the GUID: a schema that was deleted and brought back may refer to others.
  std::map<StoredSchemaPtr, std::list<Kept>::iterator> by_stored_;
  std::size_t bytes_ = 0;
};

}  // namespace forebay::schema

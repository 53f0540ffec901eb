#include "schema/schema_cache.h"

#include <iterator>
#include <utility>

namespace forebay::schema {

Result<SchemaPtr> SchemaCache::parsed(const ImageAccess& access, const StoredSchemaPtr& schema) {
  if (SchemaPtr found = find(schema)) return found;
  FOREBAY_TRY(SchemaPtr parsed, parse_stored(access, *schema));
  return keep(schema, std::move(parsed));
}

SchemaPtr SchemaCache::find(const StoredSchemaPtr& stored) {
  const std::lock_guard lock(mutex_);
  const auto at = by_stored_.find(stored);
  if (at == by_stored_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, at->second);
  return at->second->schema;
}

SchemaPtr SchemaCache::keep(const StoredSchemaPtr& stored, SchemaPtr schema) {
  const std::size_t bytes = schema->memory_bytes();
  const std::lock_guard lock(mutex_);
  if (const auto at = by_stored_.find(stored); at != by_stored_.end()) return at->second->schema;
  kept_.push_front({stored, schema, bytes});
  by_stored_.emplace(stored, kept_.begin());
  bytes_ += bytes;
  while (bytes_ > bytes_max_ && kept_.size() > 1) {
    bytes_ -= kept_.back().bytes;
    by_stored_.erase(kept_.back().stored);
    kept_.pop_back();
  }
  return schema;
}

std::size_t SchemaCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

}  // namespace forebay::schema

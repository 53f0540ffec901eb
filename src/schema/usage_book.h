// Which schemas still arrive: of each topic that is validated, how many records this node has taken with
// which schema, from which producers, and when the last one came. What a version must not be retired by
// without knowing. Thread rules: any thread; a note for each batch takes a lock for a moment.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "kv/key_value_store.h"
#include "model/ids.h"
#include "schema/core/records.h"

namespace forebay::schema {

struct SchemaProducer {
  std::string client_id;  // empty: it does not say who it is
  std::uint64_t records = 0;
  model::Timestamp last;
  friend bool operator==(const SchemaProducer&, const SchemaProducer&) = default;
};
struct SchemaUsage {
  std::string topic;
  SchemaId id = 0;
  std::uint64_t records = 0;
  model::Timestamp first, last;
  std::vector<SchemaProducer> producers;  // the last kProducersKept that were seen, the latest first
  friend bool operator==(const SchemaUsage&, const SchemaUsage&) = default;
};

class UsageBook {
 public:
  // Of one topic and schema. Who was not seen for longest makes room.
  static constexpr std::size_t kProducersKept = 20;
  // Topics times schemas: more than a node has partitions. Those that have not come for longest make room,
  // some at a time.
  static constexpr std::size_t kEntriesMax = 20'000, kMadeRoomFor = 1'000;

  // Records of a batch that has come.
  void note(const std::string& topic, const std::map<SchemaId, std::uint64_t>& seen,
            const std::string& client_id, model::Timestamp now);
  [[nodiscard]] std::vector<SchemaUsage> of(const std::set<SchemaId>& ids) const;

  // What it knows, over restarts: blocks on the disk. save(): what has changed since the last time; after a
  // crash the minutes since then are missing. Errors: of the store; the next call tries again.
  [[nodiscard]] Result<void> save(kv::KeyValueStore& store);
  [[nodiscard]] Result<void> load(const kv::View& store);

 private:
  using Key = std::pair<std::string, SchemaId>;
  mutable std::mutex mutex_;
  std::map<Key, SchemaUsage> entries_;
  void make_room();
  std::set<Key> changed_, gone_;  // since the last save()
};

}  // namespace forebay::schema

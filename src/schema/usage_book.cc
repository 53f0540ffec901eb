#include "schema/usage_book.h"

#include <algorithm>
#include <optional>

#include "forebay/internal/v1/schemas.pb.h"

namespace forebay::schema {
namespace {

constexpr std::string_view kPrefix = "schema-usage/";

// "schema-usage/ID/TOPIC"
std::string key_of(const std::string& topic, SchemaId id) {
  return std::string(kPrefix) + std::to_string(id) + "/" + topic;
}

std::string value_of(const SchemaUsage& usage) {
  internal::v1::SchemaUsage message;
  message.set_topic(usage.topic);
  message.set_id(usage.id);
  message.set_records(usage.records);
  message.set_first_ms(usage.first.value());
  message.set_last_ms(usage.last.value());
  for (const SchemaProducer& one : usage.producers) {
    auto* producer = message.add_producers();
    producer->set_client_id(one.client_id);
    producer->set_records(one.records);
    producer->set_last_ms(one.last.value());
  }
  return message.SerializeAsString();
}

std::optional<SchemaUsage> usage_of(std::string_view value) {
  internal::v1::SchemaUsage message;
  if (!message.ParseFromArray(value.data(), static_cast<int>(value.size()))) return std::nullopt;
  SchemaUsage usage{message.topic(),
                    message.id(),
                    message.records(),
                    model::Timestamp(message.first_ms()),
                    model::Timestamp(message.last_ms()),
                    {}};
  for (const auto& one : message.producers())
    usage.producers.push_back({one.client_id(), one.records(), model::Timestamp(one.last_ms())});
  return usage;
}

// The one that was seen last stands first.
void note_producer(std::vector<SchemaProducer>& producers, const std::string& client_id,
                   std::uint64_t records, model::Timestamp now) {
  auto at = std::find_if(producers.begin(), producers.end(),
                         [&client_id](const SchemaProducer& one) { return one.client_id == client_id; });
  if (at == producers.end()) {
    if (producers.size() == UsageBook::kProducersKept) producers.pop_back();
    at = producers.insert(producers.end(), SchemaProducer{client_id, 0, now});
  }
  at->records += records;
  at->last = now;
  std::rotate(producers.begin(), at, at + 1);
}

}  // namespace

void UsageBook::note(const std::string& topic, const std::map<SchemaId, std::uint64_t>& seen,
                     const std::string& client_id, model::Timestamp now) {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, records] : seen) {
    const Key key{topic, id};
    auto at = entries_.find(key);
    if (at == entries_.end()) {
      if (entries_.size() >= kEntriesMax) make_room();
      at = entries_.emplace(key, SchemaUsage{topic, id, 0, now, now, {}}).first;
    }
    at->second.records += records;
    at->second.last = now;
    note_producer(at->second.producers, client_id, records, now);
    changed_.insert(key);
    gone_.erase(key);
  }
}

// Requires: the lock.
void UsageBook::make_room() {
  std::vector<std::pair<model::Timestamp, Key>> oldest;
  oldest.reserve(entries_.size());
  for (const auto& [key, usage] : entries_) oldest.emplace_back(usage.last, key);
  const auto end = oldest.begin() + kMadeRoomFor;
  std::nth_element(oldest.begin(), end, oldest.end());
  for (auto at = oldest.begin(); at != end; ++at) {
    entries_.erase(at->second);
    changed_.erase(at->second);
    gone_.insert(std::move(at->second));
  }
}

std::vector<SchemaUsage> UsageBook::of(const std::set<SchemaId>& ids) const {
  std::vector<SchemaUsage> found;
  const std::lock_guard lock(mutex_);
  for (const auto& [key, usage] : entries_)
    if (ids.contains(key.second)) found.push_back(usage);
  return found;
}

Result<void> UsageBook::save(kv::KeyValueStore& store) {
  kv::WriteBatch batch;
  std::set<Key> written, erased;
  std::vector<SchemaUsage> usages;  // encoded without the lock
  {
    const std::lock_guard lock(mutex_);
    for (const Key& key : gone_) batch.remove(key_of(key.first, key.second));
    erased.swap(gone_);
    for (const Key& key : changed_) usages.push_back(entries_.at(key));
    written.swap(changed_);
  }
  for (const SchemaUsage& one : usages) batch.put(key_of(one.topic, one.id), value_of(one));
  if (batch.empty()) return {};
  auto saved = store.write(batch, kv::Durability::kBuffered);
  if (!saved) {
    const std::lock_guard lock(mutex_);
    for (const Key& key : written)
      if (entries_.contains(key)) changed_.insert(key);
    for (const Key& key : erased)
      if (!entries_.contains(key)) gone_.insert(key);
  }
  return saved;
}

Result<void> UsageBook::load(const kv::View& store) {
  std::map<Key, SchemaUsage> entries;
  FOREBAY_CHECK(
      store.scan(kv::KeyRange::prefix(kPrefix), [&entries](std::string_view, std::string_view value) {
        // What cannot be read is not known: it is counted anew.
        if (auto usage = usage_of(value)) entries.emplace(Key{usage->topic, usage->id}, std::move(*usage));
        return entries.size() < kEntriesMax;
      }));
  const std::lock_guard lock(mutex_);
  entries_ = std::move(entries);
  return {};
}

}  // namespace forebay::schema

#include "cluster/core/producer_names.h"

#include <algorithm>

#include "base/murmur2.h"

namespace forebay::cluster {
namespace {

bool is_allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
         c == '-';
}

// What a terminal or a log may show of a name that anybody could have sent.
std::string shown(std::string_view name) {
  constexpr std::size_t kShownMax = 64;
  std::string text(name.substr(0, kShownMax));
  for (char& c : text) {
    if (!is_allowed(c)) c = '?';
  }
  return name.size() > kShownMax ? text + "..." : text;
}

}  // namespace

ProducerNames::ProducerNames(std::vector<Entry> entries) {
  std::array<Bucket, kBuckets> filled;
  for (Entry& entry : entries) filled[bucket_of(entry.first)].insert(std::move(entry));
  auto buckets = std::make_shared<Buckets>();
  for (std::size_t i = 0; i < kBuckets; ++i) {
    size_ += filled[i].size();
    if (!filled[i].empty()) (*buckets)[i] = std::make_shared<const Bucket>(std::move(filled[i]));
  }
  if (size_ > 0) buckets_ = std::move(buckets);
}

std::size_t ProducerNames::bucket_of(const std::string& name) {
  return static_cast<std::uint32_t>(murmur2(as_bytes(name))) % kBuckets;
}

const NamedProducer* ProducerNames::find(const std::string& name) const {
  if (buckets_ == nullptr) return nullptr;
  const auto& bucket = (*buckets_)[bucket_of(name)];
  if (bucket == nullptr) return nullptr;
  const auto at = bucket->find(name);
  return at == bucket->end() ? nullptr : &at->second;
}

void ProducerNames::put(std::size_t at, Bucket bucket) {
  auto buckets = buckets_ == nullptr ? std::make_shared<Buckets>() : std::make_shared<Buckets>(*buckets_);
  (*buckets)[at] = bucket.empty() ? nullptr : std::make_shared<const Bucket>(std::move(bucket));
  buckets_ = std::move(buckets);
}

void ProducerNames::set(const std::string& name, const NamedProducer& producer) {
  const std::size_t at = bucket_of(name);
  Bucket changed;
  if (buckets_ != nullptr && (*buckets_)[at] != nullptr) changed = *(*buckets_)[at];
  size_ += changed.insert_or_assign(name, producer).second ? 1 : 0;
  put(at, std::move(changed));
}

void ProducerNames::erase(const std::string& name) {
  if (find(name) == nullptr) return;
  const std::size_t at = bucket_of(name);
  Bucket changed = *(*buckets_)[at];
  size_ -= changed.erase(name);
  put(at, std::move(changed));
}

std::vector<ProducerNames::Entry> ProducerNames::list(std::string_view after, std::size_t count_max) const {
  std::vector<const Bucket::value_type*> behind;
  if (buckets_ == nullptr) return {};
  for (const auto& bucket : *buckets_) {
    if (bucket == nullptr) continue;
    for (auto at = bucket->upper_bound(std::string(after)); at != bucket->end(); ++at) behind.push_back(&*at);
  }
  const std::size_t count = std::min(count_max, behind.size());
  std::partial_sort(behind.begin(), behind.begin() + static_cast<std::ptrdiff_t>(count), behind.end(),
                    [](const auto* a, const auto* b) { return a->first < b->first; });
  std::vector<Entry> entries;
  entries.reserve(count);
  for (std::size_t i = 0; i < count; ++i) entries.emplace_back(*behind[i]);
  return entries;
}

Result<void> check_producer_name(std::string_view name) {
  const char* wrong = nullptr;
  if (name.empty()) wrong = "it is empty";
  if (name.size() > kProducerNameBytesMax) wrong = "it is too long";
  if (!std::all_of(name.begin(), name.end(), is_allowed)) wrong = "it has a character that is not allowed";
  if (wrong == nullptr) return {};
  return Error{ErrorCode::kInvalidArgument,
               "the name of a producer cannot be '" + shown(name) + "': " + wrong + "; the rule: 1 to " +
                   std::to_string(kProducerNameBytesMax) + " of a-z, A-Z, 0-9, '.', '_' and '-'"};
}

}  // namespace forebay::cluster

// The names of producers: which identity each has. A value: copying copies a pointer, and a change copies one
// of many buckets, for an image is published after every decision and must not copy a hundred thousand names
// each time. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/ids.h"

namespace forebay::cluster {

// The last session of a named producer.
struct NamedProducer {
  model::ProducerId id;
  model::ProducerEpoch epoch{0};
  std::optional<model::ProducerId> previous_id = {};  // that it had until its epochs were used up
  friend bool operator==(const NamedProducer&, const NamedProducer&) = default;
};

class ProducerNames {
 public:
  using Entry = std::pair<std::string, NamedProducer>;
  ProducerNames() = default;
  // Many at once, without a copy for each; of a name that comes twice one counts.
  explicit ProducerNames(std::vector<Entry> entries);
  // Nothing: nobody has the name. Valid until the next change of this value.
  [[nodiscard]] const NamedProducer* find(const std::string& name) const;
  [[nodiscard]] std::size_t size() const { return size_; }
  void set(const std::string& name, const NamedProducer& producer);
  void erase(const std::string& name);
  // In the order of the names, from the first one behind `after` on.
  [[nodiscard]] std::vector<Entry> list(std::string_view after, std::size_t count_max) const;
  [[nodiscard]] std::vector<Entry> all() const { return list({}, size_); }

 private:
  // At 100,000 names a change copies some 400 of them.
  static constexpr std::size_t kBuckets = 256;
  using Bucket = std::map<std::string, NamedProducer>;
  using Buckets = std::array<std::shared_ptr<const Bucket>, kBuckets>;
  [[nodiscard]] static std::size_t bucket_of(const std::string& name);
  void put(std::size_t at, Bucket bucket);

  std::shared_ptr<const Buckets> buckets_;  // null: no name yet
  std::size_t size_ = 0;
};

inline constexpr std::size_t kProducerNameBytesMax = 249;

// Errors: kInvalidArgument; the context shows the name, what is wrong with it, and the rule.
[[nodiscard]] Result<void> check_producer_name(std::string_view name);

}  // namespace forebay::cluster

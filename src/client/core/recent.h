// What was used last, by key, so many of it. Pure; not for several threads at a time.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace forebay::client {

template <typename Key, typename Value>
class Recent {
 public:
  explicit Recent(std::size_t entries_max) : entries_max_(entries_max) {}

  // Null: it is not kept. Until the next put().
  [[nodiscard]] const Value* find(const Key& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, at->second);
    return &at->second->second;
  }
  void put(const Key& key, Value value) {
    if (const auto at = by_key_.find(key); at != by_key_.end()) {
      at->second->second = std::move(value);
      entries_.splice(entries_.begin(), entries_, at->second);
      return;
    }
    entries_.emplace_front(key, std::move(value));
    by_key_.emplace(key, entries_.begin());
    if (entries_.size() <= entries_max_) return;
    by_key_.erase(entries_.back().first);
    entries_.pop_back();
  }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }

 private:
  const std::size_t entries_max_;
  std::list<std::pair<Key, Value>> entries_;  // the one used last first
  std::map<Key, typename std::list<std::pair<Key, Value>>::iterator> by_key_;
};

}  // namespace forebay::client

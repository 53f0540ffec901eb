// The last offset of each key, in bounded memory: what compaction asks. Keys are known by 128 bits of a keyed
// hash (SipHash-2-4 twice), seeded anew for each compaction, so that nobody can choose keys that fall
// together. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::log {

struct KeyHash {
  std::uint64_t low = 0, high = 0;
  friend bool operator==(const KeyHash&, const KeyHash&) = default;
};

class KeyHasher {
 public:
  explicit KeyHasher(const std::array<std::uint64_t, 4>& seed) : seed_(seed) {}
  [[nodiscard]] KeyHash hash(ByteSpan key) const;

 private:
  std::array<std::uint64_t, 4> seed_;
};

[[nodiscard]] std::uint64_t siphash24(std::uint64_t k0, std::uint64_t k1, ByteSpan bytes);

class KeyMap {
 public:
  // Never takes more than `bytes_max`; grows towards it.
  explicit KeyMap(std::size_t bytes_max);
  // The larger offset of a key stays. False when the map is full; then nothing has changed.
  [[nodiscard]] bool put(const KeyHash& key, model::Offset offset);
  [[nodiscard]] std::optional<model::Offset> find(const KeyHash& key) const;
  void clear();
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Slot {
    KeyHash key;
    std::int64_t offset = -1;  // -1: free
  };
  [[nodiscard]] std::size_t place(const KeyHash& key) const;
  [[nodiscard]] bool grow();

  std::size_t slots_max_;
  std::size_t size_ = 0;
  std::vector<Slot> slots_;  // a power of two of them
};

}  // namespace forebay::log

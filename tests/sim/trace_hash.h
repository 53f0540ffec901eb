// Folds what happened into one number: two runs of one seed must end with the same (FNV-1a over 64-bit
// words).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace forebay::sim {

class TraceHash {
 public:
  void add(std::uint64_t word) { hash_ = (hash_ ^ word) * 0x100000001b3ULL; }
  void add(std::string_view text) {
    for (const char c : text) add(static_cast<std::uint64_t>(static_cast<unsigned char>(c)));
    add(text.size());
  }
  [[nodiscard]] std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 0xcbf29ce484222325ULL;
};

}  // namespace forebay::sim

// The bytes of a simulated file. Pages that were never written, or only with zeros, take no memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <map>
#include <span>
#include <vector>

#include "base/shared_bytes.h"

namespace forebay::sim {

class SparseContent {
 public:
  static constexpr std::uint64_t kPageBytes = 4096;

  [[nodiscard]] std::uint64_t size() const { return size_; }

  void resize(std::uint64_t bytes) {
    if (bytes < size_) {
      pages_.erase(pages_.lower_bound((bytes + kPageBytes - 1) / kPageBytes), pages_.end());
      const auto last = pages_.find(bytes / kPageBytes);
      if (last != pages_.end()) {
        std::fill(last->second.begin() + static_cast<std::ptrdiff_t>(bytes % kPageBytes), last->second.end(),
                  std::byte{0});
      }
    }
    size_ = bytes;
  }

  void write(std::uint64_t offset, ByteSpan bytes) {
    size_ = std::max(size_, offset + bytes.size());
    for_each_page(
        offset, bytes.size(),
        [&](std::uint64_t index, std::size_t in_page, std::size_t at, std::size_t count) {
          const ByteSpan part = bytes.subspan(at, count);
          auto page = pages_.find(index);
          if (page == pages_.end()) {
            if (std::all_of(part.begin(), part.end(), [](std::byte b) { return b == std::byte{0}; })) return;
            page = pages_.emplace(index, Page{}).first;
          }
          std::memcpy(page->second.data() + in_page, part.data(), count);
        });
  }

  // The bytes read: fewer than asked at the end.
  std::size_t read(std::uint64_t offset, std::span<std::byte> into) const {
    if (offset >= size_) return 0;
    const std::size_t total = static_cast<std::size_t>(std::min<std::uint64_t>(into.size(), size_ - offset));
    for_each_page(offset, total,
                  [&](std::uint64_t index, std::size_t in_page, std::size_t at, std::size_t count) {
                    const auto page = pages_.find(index);
                    if (page == pages_.end()) {
                      std::memset(into.data() + at, 0, count);
                    } else {
                      std::memcpy(into.data() + at, page->second.data() + in_page, count);
                    }
                  });
    return total;
  }

  [[nodiscard]] std::vector<std::byte> all() const {
    std::vector<std::byte> bytes(static_cast<std::size_t>(size_));
    read(0, bytes);
    return bytes;
  }

 private:
  using Page = std::array<std::byte, kPageBytes>;

  template <typename Visit>
  static void for_each_page(std::uint64_t offset, std::size_t total, Visit visit) {
    for (std::size_t at = 0; at < total;) {
      const std::uint64_t position = offset + at;
      const auto in_page = static_cast<std::size_t>(position % kPageBytes);
      const std::size_t count = std::min(total - at, static_cast<std::size_t>(kPageBytes) - in_page);
      visit(position / kPageBytes, in_page, at, count);
      at += count;
    }
  }

  std::map<std::uint64_t, Page> pages_;
  std::uint64_t size_ = 0;
};

}  // namespace forebay::sim

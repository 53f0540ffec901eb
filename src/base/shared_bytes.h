// Immutable bytes with shared ownership: one buffer serves the disk, the cache, followers and consumers at
// once. The owner is counted, so a slice keeps the whole buffer alive: `retained_bytes` is what memory bounds
// must count. Thread rules: the bytes never change after construction, so slices may be shared across
// threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace forebay {

using ByteSpan = std::span<const std::byte>;

[[nodiscard]] inline ByteSpan as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
[[nodiscard]] inline std::string_view as_text(ByteSpan bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class SharedBytes {
 public:
  SharedBytes() = default;
  // `owner` keeps `bytes` alive; `retained_bytes` is the size of everything that `owner` holds.
  SharedBytes(std::shared_ptr<const void> owner, ByteSpan bytes, std::size_t retained_bytes)
      : owner_(std::move(owner)), bytes_(bytes), retained_bytes_(retained_bytes) {}

  [[nodiscard]] static SharedBytes take(std::string text) {
    auto owner = std::make_shared<const std::string>(std::move(text));
    const ByteSpan bytes = as_bytes(*owner);
    return {owner, bytes, owner->capacity()};
  }
  [[nodiscard]] static SharedBytes take(std::vector<std::byte> data) {
    auto owner = std::make_shared<const std::vector<std::byte>>(std::move(data));
    const ByteSpan bytes(*owner);
    return {owner, bytes, owner->capacity()};
  }
  [[nodiscard]] static SharedBytes copy_of(ByteSpan bytes) {
    return take(std::vector<std::byte>(bytes.begin(), bytes.end()));
  }

  [[nodiscard]] ByteSpan span() const { return bytes_; }
  [[nodiscard]] const std::byte* data() const { return bytes_.data(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] std::size_t retained_bytes() const { return retained_bytes_; }
  [[nodiscard]] const std::shared_ptr<const void>& owner() const { return owner_; }
  // The same buffer, narrowed. Requires: begin + count <= size().
  [[nodiscard]] SharedBytes slice(std::size_t begin, std::size_t count) const {
    return {owner_, bytes_.subspan(begin, count), retained_bytes_};
  }

 private:
  std::shared_ptr<const void> owner_;
  ByteSpan bytes_;
  std::size_t retained_bytes_ = 0;
};

}  // namespace forebay

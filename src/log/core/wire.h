// Little-endian fields of our own formats, written and read one after the other. The reader never passes its
// end: after a field that was not there, `failed()` stays true and every value is zero.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/endian.h"
#include "base/shared_bytes.h"
#include "model/ids.h"

namespace forebay::log {

class WireWriter {
 public:
  explicit WireWriter(std::vector<std::byte>& to) : to_(to) {}
  template <typename T>
  void put(T value) {
    const std::size_t at = to_.size();
    to_.resize(at + sizeof value);
    store_le(to_.data() + at, value);
  }
  void bytes(ByteSpan span) { to_.insert(to_.end(), span.begin(), span.end()); }
  void uuid(const model::Uuid& id) { bytes(std::as_bytes(std::span(id.bytes))); }
  void partition(const model::TopicPartition& id) {
    uuid(id.topic);
    put(id.partition.value());
  }
  void position(const model::LogPosition& at) {
    put(at.next_offset.value());
    put(at.control_count);
  }

 private:
  std::vector<std::byte>& to_;
};

class WireReader {
 public:
  explicit WireReader(ByteSpan from) : from_(from) {}
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] std::size_t left() const { return from_.size(); }
  // True when every field was there and nothing is left over.
  [[nodiscard]] bool finished() const { return !failed_ && from_.empty(); }
  void fail() {
    failed_ = true;
    from_ = {};
  }
  template <typename T>
  [[nodiscard]] T get() {
    if (from_.size() < sizeof(T)) {
      fail();
      return T{};
    }
    const T value = load_le<T>(from_.data());
    from_ = from_.subspan(sizeof(T));
    return value;
  }
  [[nodiscard]] ByteSpan bytes(std::size_t count) {
    if (from_.size() < count) {
      fail();
      return {};
    }
    const ByteSpan span = from_.first(count);
    from_ = from_.subspan(count);
    return span;
  }
  [[nodiscard]] model::Uuid uuid() {
    model::Uuid id;
    const ByteSpan span = bytes(id.bytes.size());
    if (!span.empty()) std::memcpy(id.bytes.data(), span.data(), span.size());
    return id;
  }
  [[nodiscard]] model::TopicPartition partition() {
    model::TopicPartition id;
    id.topic = uuid();
    id.partition = model::PartitionIndex(get<std::int32_t>());
    if (id.partition.value() < 0) fail();
    return id;
  }
  [[nodiscard]] model::LogPosition position() {
    model::LogPosition at;
    at.next_offset = model::Offset(get<std::int64_t>());
    at.control_count = get<std::uint32_t>();
    if (at.next_offset.value() < 0) fail();
    return at;
  }
  // A count of items that take at least `item_bytes_min` each: a lying count allocates nothing.
  [[nodiscard]] std::uint32_t count(std::size_t item_bytes_min) {
    const auto value = get<std::uint32_t>();
    if (value > from_.size() / item_bytes_min) {
      fail();
      return 0;
    }
    return value;
  }

 private:
  ByteSpan from_;
  bool failed_ = false;
};

}  // namespace forebay::log

// One record: as a view into the bytes of a batch, as input of the batch builder, and as an owner of its
// bytes. Thread rules: plain values. A view lives as long as the bytes it was decoded from.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/assert.h"
#include "base/shared_bytes.h"
#include "base/varint.h"
#include "model/ids.h"

namespace forebay::model {

// A header's name is UTF-8 and may repeat; its value may be null, which is not the same as empty.
struct HeaderView {
  std::string_view name;
  std::optional<ByteSpan> value;
};

// The headers of a decoded record, read as they are walked: decoding a record allocates nothing.
// Invariant: `encoded` holds exactly `count` well-formed headers (RecordIterator has checked them).
class HeadersView {
 public:
  class Iterator {
   public:
    using value_type = HeaderView;
    using difference_type = std::ptrdiff_t;
    Iterator() = default;
    const HeaderView& operator*() const { return header_; }
    const HeaderView* operator->() const { return &header_; }
    Iterator& operator++() {
      --left_;
      decode();
      return *this;
    }
    Iterator operator++(int) {
      Iterator before = *this;
      ++*this;
      return before;
    }
    friend bool operator==(const Iterator& a, const Iterator& b) { return a.left_ == b.left_; }

   private:
    friend class HeadersView;
    Iterator(ByteSpan encoded, std::size_t left)
        : at_(encoded.data()), end_(encoded.data() + encoded.size()), left_(left) {
      decode();
    }
    void decode() {
      if (left_ == 0) return;
      std::int32_t size = 0;
      at_ = read_varint(at_, end_, size);
      FOREBAY_ASSERT(at_ != nullptr);
      header_.name = as_text({at_, static_cast<std::size_t>(size)});
      at_ = read_varint(at_ + size, end_, size);
      FOREBAY_ASSERT(at_ != nullptr);
      header_.value.reset();
      if (size < 0) return;
      header_.value.emplace(at_, static_cast<std::size_t>(size));
      at_ += size;
    }
    const std::byte* at_ = nullptr;
    const std::byte* end_ = nullptr;
    std::size_t left_ = 0;
    HeaderView header_;
  };

  HeadersView() = default;
  HeadersView(ByteSpan encoded, std::size_t count) : encoded_(encoded), count_(count) {}
  [[nodiscard]] Iterator begin() const { return {encoded_, count_}; }
  [[nodiscard]] Iterator end() const { return {}; }
  [[nodiscard]] std::size_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }
  [[nodiscard]] ByteSpan encoded() const { return encoded_; }

 private:
  ByteSpan encoded_;
  std::size_t count_ = 0;
};

// Of one record; they count in a batch with BatchAttributes::kDeadLetters only.
struct RecordAttributes {
  static constexpr std::uint8_t kDeadLetter = 0x01;
  static constexpr unsigned kDeadLetterRuleAt = 1;  // four bits
};
inline constexpr std::uint8_t kDeadLetterRuleMax = 0x0f;

// A record of a batch. No key, or no value, is null; a null value is a tombstone where the topic is
// compacted.
struct RecordView {
  Offset offset;
  Timestamp timestamp;  // what readers are shown: of a batch with append time, that one for every record
  std::int32_t offset_delta = 0;
  std::int64_t timestamp_delta = 0;  // as stored, whatever the batch's timestamp type
  std::optional<ByteSpan> key;
  std::optional<ByteSpan> value;
  HeadersView headers;
  std::size_t size_bytes = 0;  // encoded, its length prefix included
  // Why it is a dead letter (dead_letters.h): a number of whoever made it one, kDeadLetterRuleMax at most.
  std::optional<std::uint8_t> dead_letter;
};

// What the batch builder takes; nothing is kept after the call.
struct NewRecord {
  std::optional<ByteSpan> key{};
  std::optional<ByteSpan> value{};
  std::span<const HeaderView> headers{};
  Timestamp timestamp = kNoTimestamp;
};

struct Header {
  std::string name;
  std::optional<std::string> value{};
  friend bool operator==(const Header&, const Header&) = default;
};

struct Record {
  std::optional<std::string> key{};
  std::optional<std::string> value{};
  std::vector<Header> headers{};
  Timestamp timestamp = kNoTimestamp;
  friend bool operator==(const Record&, const Record&) = default;
};

[[nodiscard]] Record owned(const RecordView& view);

}  // namespace forebay::model

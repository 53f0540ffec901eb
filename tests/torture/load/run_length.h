// What a read returned, as a history line says it: OFFSET:VALUE[xCOUNT][!],... Pure.
#pragma once

#include <cstdint>
#include <string>

namespace forebay::torture {

class RunLength {
 public:
  void add(std::int64_t offset, std::uint64_t value, bool sound) {
    if (count_ != 0 && sound == sound_ && offset == offset_ + static_cast<std::int64_t>(count_) &&
        value == value_ + count_) {
      ++count_;
      return;
    }
    flush();
    offset_ = offset;
    value_ = value;
    sound_ = sound;
    count_ = 1;
  }
  [[nodiscard]] std::string take() {
    flush();
    return std::move(text_);
  }

 private:
  void flush() {
    if (count_ == 0) return;
    if (!text_.empty()) text_ += ',';
    text_ += std::to_string(offset_) + ':' + std::to_string(value_);
    if (count_ > 1) text_ += 'x' + std::to_string(count_);
    if (!sound_) text_ += '!';
    count_ = 0;
  }

  std::string text_;
  std::int64_t offset_ = 0;
  std::uint64_t value_ = 0;
  std::uint64_t count_ = 0;
  bool sound_ = true;
};

}  // namespace forebay::torture

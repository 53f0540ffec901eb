// Values in Avro's binary encoding, put together by hand.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/endian.h"
#include "base/varint.h"

namespace forebay::schema::avro {

class Bytes {
 public:
  Bytes& number(std::int64_t value) {
    std::array<std::byte, kVarlongBytesMax> bytes{};
    const std::byte* end = write_varlong(bytes.data(), value);
    text_.append(reinterpret_cast<const char*>(bytes.data()), static_cast<std::size_t>(end - bytes.data()));
    return *this;
  }
  Bytes& text(std::string_view value) { return number(static_cast<std::int64_t>(value.size())).raw(value); }
  Bytes& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  Bytes& byte(int value) {
    text_ += static_cast<char>(value);
    return *this;
  }
  template <typename T>
  Bytes& real(T value) {
    std::array<std::byte, sizeof(T)> bytes{};
    store_le(bytes.data(), value);
    text_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return *this;
  }
  operator const std::string&() const { return text_; }  // NOLINT: implicit by design
  [[nodiscard]] const std::string& str() const { return text_; }

 private:
  std::string text_;
};

}  // namespace forebay::schema::avro

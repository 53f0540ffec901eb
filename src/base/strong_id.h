// Two numbers that mean different things are two types. StrongId is an integer with a tag: ordered, hashable,
// explicit.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace forebay {

template <typename Tag, typename Value>
class StrongId {
 public:
  using value_type = Value;
  constexpr StrongId() = default;
  constexpr explicit StrongId(Value value) : value_(value) {}
  [[nodiscard]] constexpr Value value() const { return value_; }
  [[nodiscard]] constexpr StrongId next() const { return StrongId(static_cast<Value>(value_ + 1)); }
  [[nodiscard]] constexpr StrongId plus(Value count) const {
    return StrongId(static_cast<Value>(value_ + count));
  }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Value value_{};
};

}  // namespace forebay

template <typename Tag, typename Value>
struct std::hash<forebay::StrongId<Tag, Value>> {
  std::size_t operator()(forebay::StrongId<Tag, Value> id) const noexcept {
    return std::hash<Value>{}(id.value());
  }
};

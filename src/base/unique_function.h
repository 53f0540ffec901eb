// A move-only callable, until std::move_only_function is there (C++23). Empty ones must not be called.
#pragma once

#include <concepts>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/assert.h"

namespace forebay {

template <typename Signature>
class UniqueFunction;

// Callables of up to 48 bytes live inside, so that the usual completion handler allocates nothing.
template <typename R, typename... Args>
class UniqueFunction<R(Args...)> {
  static constexpr std::size_t kInlineBytes = 48;

 public:
  UniqueFunction() = default;
  UniqueFunction(std::nullptr_t) {}  // NOLINT: implicit by design
  template <typename F>
    requires(!std::same_as<std::remove_cvref_t<F>, UniqueFunction> && std::is_invocable_r_v<R, F&, Args...>)
  UniqueFunction(F&& function) {  // NOLINT: implicit by design
    using Stored = std::remove_cvref_t<F>;
    if constexpr (fits_inline<Stored>) {
      ::new (static_cast<void*>(storage_)) Stored(std::forward<F>(function));
      table_ = &kInlineTable<Stored>;
    } else {
      ::new (static_cast<void*>(storage_)) Stored*(new Stored(std::forward<F>(function)));
      table_ = &kHeapTable<Stored>;
    }
  }
  UniqueFunction(UniqueFunction&& other) noexcept { take(other); }
  UniqueFunction& operator=(UniqueFunction&& other) noexcept {
    if (this != &other) {
      reset();
      take(other);
    }
    return *this;
  }
  UniqueFunction(const UniqueFunction&) = delete;
  UniqueFunction& operator=(const UniqueFunction&) = delete;
  ~UniqueFunction() { reset(); }

  explicit operator bool() const { return table_ != nullptr; }
  R operator()(Args... args) {
    FOREBAY_ASSERT(table_ != nullptr);
    return table_->call(storage_, std::forward<Args>(args)...);
  }

 private:
  template <typename F>
  static constexpr bool fits_inline = sizeof(F) <= kInlineBytes && alignof(F) <= alignof(std::max_align_t) &&
                                      std::is_nothrow_move_constructible_v<F>;
  struct Table {
    R (*call)(std::byte*, Args&&...);
    void (*move)(std::byte* from, std::byte* to);
    void (*destroy)(std::byte*);
  };
  template <typename F>
  static F& inline_of(std::byte* storage) {
    return *std::launder(reinterpret_cast<F*>(storage));
  }
  template <typename F>
  static F*& heap_of(std::byte* storage) {
    return *std::launder(reinterpret_cast<F**>(storage));
  }
  template <typename F>
  static constexpr Table kInlineTable{
      [](std::byte* s, Args&&... args) -> R { return inline_of<F>(s)(std::forward<Args>(args)...); },
      [](std::byte* from, std::byte* to) {
        ::new (static_cast<void*>(to)) F(std::move(inline_of<F>(from)));
        inline_of<F>(from).~F();
      },
      [](std::byte* s) { inline_of<F>(s).~F(); }};
  template <typename F>
  static constexpr Table kHeapTable{
      [](std::byte* s, Args&&... args) -> R { return (*heap_of<F>(s))(std::forward<Args>(args)...); },
      [](std::byte* from, std::byte* to) { ::new (static_cast<void*>(to)) F*(heap_of<F>(from)); },
      [](std::byte* s) { delete heap_of<F>(s); }};

  void take(UniqueFunction& other) noexcept {
    if (other.table_ == nullptr) return;
    other.table_->move(other.storage_, storage_);
    table_ = std::exchange(other.table_, nullptr);
  }
  void reset() noexcept {
    if (table_ != nullptr) std::exchange(table_, nullptr)->destroy(storage_);
  }

  alignas(std::max_align_t) std::byte storage_[kInlineBytes];
  const Table* table_ = nullptr;
};

}  // namespace forebay

// The templates that more than one part of the coordinator uses.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "group/coordinator.h"

namespace forebay::group {

// While the rest waits, whoever asks may ask again soon.
inline constexpr std::uint32_t kRetryMs = 100;
inline constexpr std::size_t kEntryBytes = 64;  // of an offset in a record, about

inline Error not_yet(const std::string& text) { return Error{ErrorCode::kNotYet, text, kRetryMs}; }

// Ignored when the coordinator is gone, or does not lead any more in the leadership of now.
template <typename Function>
auto Coordinator::guarded(Function function) {
  return
      [alive = alive_, leadership = leadership_, function = std::move(function)](auto&&... values) mutable {
        if (*alive != nullptr && (*alive)->leading_ && (*alive)->leadership_ == leadership)
          function(std::forward<decltype(values)>(values)...);
      };
}

// `function` decides; what it says is answered when the turn is applied.
template <typename T, typename Function>
Coordinator::Input Coordinator::input_of(Function function, std::shared_ptr<Done<T>> done) {
  Input input;
  input.refuse = [done](const Error& why) { (*done)(why); };
  input.decide = [function = std::move(function), done](Turn& turn) mutable -> Finish {
    return [decided = function(turn), done](const Result<void>& logged) mutable {
      // Also a refusal: who could not log the turn may not coordinate any more, and knows old things.
      if (!logged) return (*done)(logged.error());
      (*done)(std::move(decided));
    };
  };
  return input;
}

}  // namespace forebay::group

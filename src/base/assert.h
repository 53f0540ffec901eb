// FOREBAY_ASSERT: our own bugs stop the process, in every build; faults of the world are Results, never
// asserts.
#pragma once

namespace forebay {
[[noreturn]] void assertion_failed(const char* expression, const char* file, int line);
}  // namespace forebay

#define FOREBAY_ASSERT(expression)                      \
  (static_cast<bool>(expression) ? static_cast<void>(0) \
                                 : ::forebay::assertion_failed(#expression, __FILE__, __LINE__))

// Result<T> for the inside of the program: the public one, and two macros to pass an error upwards.
#pragma once

#include "forebay/error.h"

#define FOREBAY_CONCAT_INNER(a, b) a##b
#define FOREBAY_CONCAT(a, b) FOREBAY_CONCAT_INNER(a, b)

// FOREBAY_TRY(const auto size, file.size());  declares `size`, or returns the error.
#define FOREBAY_TRY(declaration, expression) \
  FOREBAY_TRY_INNER(FOREBAY_CONCAT(forebay_try_, __LINE__), declaration, expression)
#define FOREBAY_TRY_INNER(temporary, declaration, expression)      \
  auto temporary = (expression);                                   \
  if (!temporary.has_value()) return std::move(temporary).error(); \
  declaration = std::move(temporary).value()

// FOREBAY_CHECK(file.sync());  returns the error of a Result that carries nothing of interest.
#define FOREBAY_CHECK(expression)                                                          \
  do {                                                                                     \
    auto forebay_check_result = (expression);                                              \
    if (!forebay_check_result.has_value()) return std::move(forebay_check_result).error(); \
  } while (false)

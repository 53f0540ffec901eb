#include "cli/count_text.h"

namespace forebay::cli {

std::string count_text(std::uint64_t count, std::string_view one) {
  std::string text = std::to_string(count) + ' ';
  text += one;
  if (count != 1) text += 's';
  return text;
}

}  // namespace forebay::cli

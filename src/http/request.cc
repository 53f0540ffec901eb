#include "http/request.h"

#include <algorithm>

#include "base/utf8.h"

namespace forebay::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// `plus_is_space`: as forms write it, in a query.
std::optional<std::string> decoded(std::string_view text, bool plus_is_space) {
  std::string bytes;
  bytes.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      bytes += ' ';
    } else if (static_cast<unsigned char>(text[i]) <= ' ' || text[i] == 0x7f) {
      return std::nullopt;
    } else if (text[i] != '%') {
      bytes += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      bytes += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  if (!is_utf8(bytes)) return std::nullopt;
  return bytes;
}

// Calls `take` with what stands between the separators, until it says no.
template <typename Take>
bool split(std::string_view text, char separator, Take take) {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!take(text.substr(0, end))) return false;
    if (end == std::string_view::npos) return true;
    text.remove_prefix(end + 1);
  }
}

bool read_path(std::string_view text, Target& target) {
  if (text.empty() || text.front() != '/') return false;
  text.remove_prefix(1);
  if (!text.empty() && text.back() == '/') text.remove_suffix(1);
  if (text.empty()) return true;
  return split(text, '/', [&](std::string_view part) {
    auto segment = decoded(part, false);
    if (!segment || target.path.size() == kPathSegmentsMax) return false;
    target.path.push_back(*std::move(segment));
    return true;
  });
}

bool read_query(std::string_view text, Target& target) {
  return split(text, '&', [&](std::string_view part) {
    if (part.empty()) return true;
    const std::size_t equals = part.find('=');
    auto name = decoded(part.substr(0, equals), true);
    auto value = decoded(equals == std::string_view::npos ? "" : part.substr(equals + 1), true);
    if (!name || !value || target.query.size() == kQueryParametersMax) return false;
    target.query.emplace_back(*std::move(name), *std::move(value));
    return true;
  });
}

}  // namespace

const std::string* Request::parameter(std::string_view name) const {
  const auto found =
      std::find_if(query.begin(), query.end(), [&](const auto& entry) { return entry.first == name; });
  return found == query.end() ? nullptr : &found->second;
}

std::string_view Request::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string_view() : found->second;
}

std::optional<Target> parse_target(std::string_view text) {
  Target target;
  text = text.substr(0, text.find('#'));
  const std::size_t question = text.find('?');
  if (!read_path(text.substr(0, question), target)) return std::nullopt;
  if (question != std::string_view::npos && !read_query(text.substr(question + 1), target))
    return std::nullopt;
  return target;
}

}  // namespace forebay::http

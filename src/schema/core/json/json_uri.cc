#include "schema/core/json/json_uri.h"

#include <algorithm>
#include <optional>

namespace forebay::schema::json {
namespace {

struct Parts {
  std::optional<std::string_view> scheme, authority, query, fragment;
  std::string_view path;
};

bool is_scheme(std::string_view text) {
  if (text.empty() || (text[0] | 0x20) < 'a' || (text[0] | 0x20) > 'z') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
           c == '.';
  });
}

Parts split(std::string_view uri) {
  Parts parts;
  if (const auto hash = uri.find('#'); hash != std::string_view::npos) {
    parts.fragment = uri.substr(hash + 1);
    uri = uri.substr(0, hash);
  }
  if (const auto mark = uri.find('?'); mark != std::string_view::npos) {
    parts.query = uri.substr(mark + 1);
    uri = uri.substr(0, mark);
  }
  const auto colon = uri.find(':');
  if (colon != std::string_view::npos && is_scheme(uri.substr(0, colon))) {
    parts.scheme = uri.substr(0, colon);
    uri.remove_prefix(colon + 1);
  }
  if (uri.starts_with("//")) {
    uri.remove_prefix(2);
    parts.authority = uri.substr(0, uri.find('/'));
    uri.remove_prefix(parts.authority->size());
  }
  parts.path = uri;
  return parts;
}

std::string without_dots(std::string_view path) {
  std::string out;
  while (!path.empty()) {
    const bool rooted = path.front() == '/';
    const std::string_view rest = rooted ? path.substr(1) : path;
    const std::string_view segment = rest.substr(0, rest.find('/'));
    const bool is_last = segment.size() == rest.size();
    if (segment == "." || segment == "..") {
      if (segment == "..") out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
      if (is_last && rooted) out += '/';
    } else {
      if (rooted) out += '/';
      out += segment;
    }
    path = rest.substr(segment.size());
    if (is_last) break;
  }
  return out;
}

std::string merged(const Parts& base, std::string_view path) {
  if (base.authority && base.path.empty()) return "/" + std::string(path);
  const auto slash = base.path.rfind('/');
  return std::string(base.path.substr(0, slash == std::string_view::npos ? 0 : slash + 1)) +
         std::string(path);
}

std::string joined(const Parts& from, std::string_view path, const Parts& query_of) {
  std::string out;
  if (from.scheme) out += std::string(*from.scheme) + ":";
  if (from.authority) out += "//" + std::string(*from.authority);
  out += path;
  if (query_of.query) out += "?" + std::string(*query_of.query);
  return out;
}

}  // namespace

Uri resolve_uri(std::string_view base_text, std::string_view reference) {
  const Parts base = split(base_text);
  const Parts one = split(reference);
  Uri uri;
  uri.fragment = std::string(one.fragment.value_or(""));
  if (one.scheme) {
    const bool is_plain = !one.path.starts_with('/');  // urn:uuid:... has no dots to remove
    uri.document = joined(one, is_plain ? std::string(one.path) : without_dots(one.path), one);
  } else if (one.authority) {
    Parts from = one;
    from.scheme = base.scheme;
    uri.document = joined(from, without_dots(one.path), one);
  } else if (one.path.empty()) {
    uri.document = joined(base, base.path, one.query ? one : base);
  } else if (one.path.front() == '/') {
    uri.document = joined(base, without_dots(one.path), one);
  } else {
    uri.document = joined(base, without_dots(merged(base, one.path)), one);
  }
  return uri;
}

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') return (c | 0x20) - 'a' + 10;
    return -1;
  };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      out += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

}  // namespace forebay::schema::json

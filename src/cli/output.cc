#include "cli/output.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <limits>

#include "cli/bytes_text.h"
#include "config/units.h"

namespace forebay::cli {
namespace {

std::string shown(const Value& value, Show show) {
  const auto number = value.number();
  if (!number || !(*number >= 0)) return value.plain();
  switch (show) {
    case Show::kPlain:
    case Show::kCount:
      return value.plain();
    case Show::kBytesLimit:
      if (*number == 0) return "none";
      [[fallthrough]];
    case Show::kBytes:
      return config::format_bytes(static_cast<std::uint64_t>(*number));
    case Show::kDurationMs:
      return config::format_duration(std::chrono::nanoseconds(static_cast<std::int64_t>(*number * 1e6)));
    case Show::kRate: {
      char buffer[32];
      const int length = std::snprintf(buffer, sizeof(buffer), *number < 100 ? "%.2f" : "%.0f", *number);
      return {buffer, static_cast<std::size_t>(length)};
    }
  }
  return value.plain();
}

// Text from outside must not steer the terminal, nor break a table.
std::string one_line(std::string text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) {
      char buffer[8];
      out.append(buffer, static_cast<std::size_t>(std::snprintf(buffer, sizeof(buffer), "\\x%02x", byte)));
    } else {
      out += c;
    }
  }
  return out;
}

void append_padded(std::string& out, std::string_view text, std::size_t width, bool to_the_right) {
  const std::size_t gap = width - std::min(width, display_width(text));
  if (to_the_right) out.append(gap, ' ');
  out += text;
  if (!to_the_right) out.append(gap, ' ');
}

void trim_line_end(std::string& out) {
  while (!out.empty() && out.back() == ' ') out.pop_back();
}

void append_table(std::string& out, const Value::Array& rows, const std::vector<Column>& columns) {
  std::vector<std::vector<std::string>> cells;
  std::vector<std::size_t> widths;
  std::vector<bool> numeric;
  for (const Column& column : columns) {
    widths.push_back(display_width(column.title));
    numeric.push_back(!rows.empty());
  }
  for (const Value& row : rows) {
    auto& line = cells.emplace_back();
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Value& value = row.at(columns[i].path);
      line.push_back(one_line(shown(value, columns[i].show)));
      widths[i] = std::max(widths[i], display_width(line.back()));
      if (!value.is_number() && !value.is_null()) numeric[i] = false;
    }
  }
  const auto append_line = [&](auto&& text_of) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (i != 0) out += "  ";
      append_padded(out, text_of(i), widths[i], numeric[i]);
    }
    trim_line_end(out);
    out += '\n';
  };
  append_line([&](std::size_t i) -> const std::string& { return columns[i].title; });
  for (const auto& line : cells) {
    append_line([&](std::size_t i) -> const std::string& { return line[i]; });
  }
}

void append_lines(std::string& out, const std::vector<std::pair<std::string, std::string>>& lines) {
  std::size_t width = 0;
  for (const auto& [name, text] : lines) width = std::max(width, display_width(name));
  for (const auto& [name, text] : lines) {
    append_padded(out, name, width, false);
    out += "  " + text;
    trim_line_end(out);
    out += '\n';
  }
}

void append_section(std::string& out, const Value& root, const Section& section, Format format) {
  const Value& value = root.at(section.path);
  std::vector<Column> columns;
  for (const Column& column : section.columns) {
    if (column.in == Column::In::kAlways || format == Format::kWide) columns.push_back(column);
  }
  if (!section.title.empty()) {
    const bool empty = value.is_null() || (value.is_array() && value.items().empty()) ||
                       (value.is_object() && value.members().empty());
    if (empty) return;
    if (!out.empty()) out += '\n';
    out += section.title + '\n';
  }
  if (value.is_array()) {
    append_table(out, value.items(), columns);
  } else if (value.is_object()) {
    std::vector<std::pair<std::string, std::string>> lines;
    if (section.columns.empty()) {
      for (const auto& [key, member] : value.members()) lines.emplace_back(key, one_line(member.plain()));
    }
    for (const Column& column : columns) {
      lines.emplace_back(column.title, one_line(shown(value.at(column.path), column.show)));
    }
    append_lines(out, lines);
  } else if (!value.is_null()) {
    out += one_line(value.plain()) + '\n';
  }
}

}  // namespace

std::string render(const Value& value, const View& view, Format format) {
  std::string out;
  if (format == Format::kJson) {
    value.append_json(out, 0);
    out += '\n';
  } else if (format == Format::kYaml) {
    value.append_yaml(out);
  } else if (view.repeat == View::Repeat::kForEachItem && value.is_array()) {
    for (const Value& item : value.items()) {
      if (!out.empty()) out += '\n';
      std::string part;
      for (const Section& section : view.sections) append_section(part, item, section, format);
      out += part;
    }
  } else {
    for (const Section& section : view.sections) append_section(out, value, section, format);
  }
  return out;
}

void OutputStream::write(std::string_view bytes) {
  buffer_ += bytes;
  written();
}

void OutputStream::written() {
  if (buffer_.size() >= kBufferBytes) flush();
}

void OutputStream::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty() && state_ == State::kOpen) {
    const ssize_t count = ::write(descriptor_, rest.data(), rest.size());
    if (count >= 0) {
      rest.remove_prefix(static_cast<std::size_t>(count));
    } else if (errno == EAGAIN ||
               errno == EWOULDBLOCK) {  // a terminal or pipe that somebody made non-blocking
      pollfd wait{descriptor_, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      error_number_ = errno;
      state_ = errno == EPIPE ? State::kClosed : State::kFailed;
    }
  }
  buffer_.clear();
}

}  // namespace forebay::cli

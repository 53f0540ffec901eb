// The one way to standard output: every verb hands over a Value and a View, and text, wide, JSON and YAML are
// made of it here. Messages for people go to standard error, through session.h.
// Thread rules: one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "cli/value.h"

namespace forebay::cli {

enum class Format : std::uint8_t { kText, kWide, kJson, kYaml };

// How a value is written for people. JSON and YAML always have the raw one.
enum class Show : std::uint8_t { kPlain, kBytes, kBytesLimit, kCount, kDurationMs, kRate };

struct Column {
  std::string title;
  std::string path;  // of the value inside the row, "disk.total"
  Show show = Show::kPlain;
  enum class In : std::uint8_t { kAlways, kWide } in = In::kAlways;
};

// What text and wide show of a part of the tree: of an array a table, of an object one line for each column.
// Without columns an object becomes one line for each of its members.
struct Section {
  std::string path;   // "" = the whole
  std::string title;  // a line above; "" = none
  std::vector<Column> columns;
};
struct View {
  std::vector<Section> sections;
  // Of an array each item is shown with all sections, one after another.
  enum class Repeat : std::uint8_t { kNo, kForEachItem } repeat = Repeat::kNo;
};

[[nodiscard]] std::string render(const Value& value, const View& view, Format format);

// Bytes on their way to a file descriptor, gathered into large writes. A reader that went away is not an
// error: closed() turns true and the rest is dropped, so that `forebay consume ... | head` ends quietly.
class OutputStream {
 public:
  explicit OutputStream(int descriptor) : descriptor_(descriptor) {}
  OutputStream(const OutputStream&) = delete;
  OutputStream& operator=(const OutputStream&) = delete;
  ~OutputStream() { flush(); }

  void write(std::string_view bytes);
  // For those who append themselves; call written() afterwards.
  [[nodiscard]] std::string& buffer() { return buffer_; }
  void written();
  void flush();
  [[nodiscard]] bool closed() const { return state_ == State::kClosed; }
  [[nodiscard]] bool failed() const { return state_ == State::kFailed; }  // a full disk, for example
  [[nodiscard]] int error_number() const { return error_number_; }

 private:
  enum class State : std::uint8_t { kOpen, kClosed, kFailed };
  static constexpr std::size_t kBufferBytes = 64 * 1024;
  int descriptor_;
  std::string buffer_;
  State state_ = State::kOpen;
  int error_number_ = 0;
};

}  // namespace forebay::cli

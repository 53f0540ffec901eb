#include "cli/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"

namespace forebay::cli {
namespace {

using Outcome = LineReader::Outcome;

// A file in memory with a content.
class MemoryFile {
 public:
  explicit MemoryFile(const std::string& content) : descriptor_(::memfd_create("lines", MFD_CLOEXEC)) {
    EXPECT_EQ(::pwrite(descriptor_, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  }
  ~MemoryFile() { ::close(descriptor_); }
  MemoryFile(const MemoryFile&) = delete;
  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

struct Line {
  Outcome outcome;
  std::string text;
  std::uint64_t number;
};

std::vector<Line> read_all(const std::string& content, std::size_t line_bytes_max) {
  const MemoryFile file(content);
  LineReader reader(file.descriptor(), line_bytes_max);
  std::vector<Line> lines;
  for (;;) {
    std::string_view line;
    const auto outcome = reader.next(line);
    EXPECT_TRUE(outcome);
    if (!outcome || *outcome == Outcome::kEnd) break;
    lines.push_back({*outcome, *outcome == Outcome::kLine ? std::string(line) : "", reader.line_number()});
  }
  EXPECT_EQ(reader.bytes_read(), content.size());
  return lines;
}

std::vector<std::string> texts(const std::vector<Line>& lines) {
  std::vector<std::string> result;
  for (const Line& line : lines) result.push_back(line.text);
  return result;
}

TEST(LineReader, LinesWithAndWithoutALastNewline) {
  EXPECT_EQ(texts(read_all("", 100)), std::vector<std::string>{});
  EXPECT_EQ(texts(read_all("a\nb\n", 100)), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(texts(read_all("a\nb", 100)), (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(texts(read_all("\n\nx\r\n", 100)), (std::vector<std::string>{"", "", "x\r"}));
}

TEST(LineReader, LinesOfEveryLengthAcrossItsReads) {
  std::string content;
  std::vector<std::string> want;
  for (std::size_t length = 0; length < 3000; length += 7) {
    want.emplace_back(length * 3 % 2999, static_cast<char>('a' + length % 26));
    content += want.back() + '\n';
  }
  want.emplace_back(1'000'000, 'L');
  content += want.back();
  EXPECT_EQ(texts(read_all(content, 2'000'000)), want);
}

TEST(LineReader, ALineThatIsTooLongIsSkippedAndCounted) {
  const std::string content = "a\n" + std::string(1'000'000, 'x') + "\nb\n" + std::string(11, 'y') + "\nc";
  const std::vector<Line> lines = read_all(content, 10);
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_EQ(lines[1].outcome, Outcome::kTooLong);
  EXPECT_EQ(lines[2].text, "b");
  EXPECT_EQ(lines[2].number, 3U);
  EXPECT_EQ(lines[3].outcome, Outcome::kTooLong);
  EXPECT_EQ(lines[4].text, "c");
  EXPECT_EQ(lines[4].number, 5U);
}

TEST(LineReader, TooLongAtTheVeryEnd) {
  const std::vector<Line> lines = read_all(std::string(1'000'000, 'x'), 10);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0].outcome, Outcome::kTooLong);
}

TEST(LineReader, ADirectoryCannotBeRead) {
  const int directory = ::open("/", 0);
  LineReader reader(directory, 10);
  std::string_view line;
  EXPECT_FALSE(reader.next(line));
  ::close(directory);
}

TEST(LineReader, SaysWhereALineEnds) {
  const auto ends = [](const std::string& content, std::size_t line_bytes_max) {
    const MemoryFile file(content);
    LineReader reader(file.descriptor(), line_bytes_max);
    std::vector<std::uint64_t> places;
    std::string_view line;
    while (*reader.next(line) != Outcome::kEnd) places.push_back(reader.end_of_line());
    return places;
  };
  EXPECT_EQ(ends("\nab\n\nc", 100), (std::vector<std::uint64_t>{0, 3, 4, 6}));
  EXPECT_EQ(ends("\nab\n\nc\n", 100), (std::vector<std::uint64_t>{0, 3, 4, 6}));
  EXPECT_EQ(ends(std::string(1'000'000, 'x') + "\nb", 10),
            (std::vector<std::uint64_t>{1'000'000, 1'000'002}));
}

TEST(LineReader, ChecksumIsOfAllUpToTheEndOfTheLine) {
  const std::string content = "one\n\n" + std::string(1'000'000, 'x') + "\nlast";
  const MemoryFile file(content);
  LineReader reader(file.descriptor(), 10'000);
  reader.keep_checksum();
  std::string_view line;
  for (int count = 0; count < 4; ++count) {
    ASSERT_TRUE(reader.next(line));
    const std::string_view before = std::string_view(content).substr(0, reader.end_of_line());
    EXPECT_EQ(reader.checksum(), crc32c(as_bytes(before))) << "line " << reader.line_number();
    EXPECT_EQ(reader.is_whole(), count < 3);
  }
  EXPECT_EQ(reader.end_of_line(), content.size());
}

}  // namespace
}  // namespace forebay::cli

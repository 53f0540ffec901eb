#include "cli/source_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/crc32c.h"

namespace forebay::cli {
namespace {

class SourceFile : public testing::Test {
 protected:
  void SetUp() override { descriptor_ = ::memfd_create("source", MFD_CLOEXEC); }
  void TearDown() override { ::close(descriptor_); }
  void write(const std::string& content) {
    ASSERT_EQ(::ftruncate(descriptor_, 0), 0);
    ASSERT_EQ(::pwrite(descriptor_, content.data(), content.size(), 0), static_cast<ssize_t>(content.size()));
  }
  [[nodiscard]] std::string identity() const { return file_identity(descriptor_, {}).value(); }
  [[nodiscard]] bool is(const std::string& identity) const { return has_identity(descriptor_, identity); }
  int descriptor_ = -1;
};

TEST_F(SourceFile, StaysTheSameWhenItGrows) {
  write("one\n");
  const std::string small = identity();
  write("one\ntwo\n" + std::string(10'000, 'x'));
  EXPECT_TRUE(is(small));
  const std::string large = identity();
  EXPECT_NE(large, small);
  write("one\ntwo\n" + std::string(20'000, 'x'));
  EXPECT_TRUE(is(large));
}

TEST_F(SourceFile, IsAnotherWhenItBeginsOtherwiseOrIsShorter) {
  write("one\ntwo\n");
  const std::string was = identity();
  write("one\nTwo\n");
  EXPECT_FALSE(is(was));
  write("one\n");
  EXPECT_FALSE(is(was));
}

TEST_F(SourceFile, WhatIsNoIdentityIsNotItsOwn) {
  write("one\n");
  for (const char* text : {"", "file1", "file1 4", "file2 4 00000000", "file3 4 00000000",
                           "file2 99999999 00000000", "file1 99999999 00000000", "table"}) {
    EXPECT_FALSE(is(text)) << text;
  }
}

TEST_F(SourceFile, TextIsForEver) {
  write("123456789");
  EXPECT_EQ(identity(), "file2 9 e3069283 lines - - -");  // the check value of CRC-32C
  EXPECT_EQ(file_identity(descriptor_, {"ndjson", "123456789", std::nullopt, 7}).value(),
            "file2 9 e3069283 ndjson e3069283 - 7");
  EXPECT_TRUE(is("file1 9 e3069283"));
}

TEST_F(SourceFile, NamesTheOptionThatIsAnother) {
  write("one\n");
  const LinePlacement was{"lines", std::nullopt, ":", std::nullopt};
  const std::string stored = file_identity(descriptor_, was).value();
  EXPECT_EQ(changed_option(stored, was), std::nullopt);
  EXPECT_EQ(changed_option(stored, {"ndjson", std::nullopt, ":", std::nullopt}), "--format");
  EXPECT_EQ(changed_option(stored, {"lines", "a", ":", std::nullopt}), "--key-field");
  EXPECT_EQ(changed_option(stored, {"lines", std::nullopt, ";", std::nullopt}), "--key-separator");
  EXPECT_EQ(changed_option(stored, {"lines", std::nullopt, std::nullopt, std::nullopt}), "--key-separator");
  EXPECT_EQ(changed_option(stored, {"lines", std::nullopt, ":", 0}), "--partition");
  EXPECT_EQ(changed_option("file1 4 00000000", was), std::nullopt) << "an older version did not say";
}

std::string why(const Result<void>& checked) { return checked ? "" : checked.error().context; }

class SentPart : public SourceFile {
 protected:
  // Sent were its first bytes, up to that place.
  [[nodiscard]] static SourcePlace sent(const std::string& content, std::size_t end) {
    return {end, crc32c(as_bytes(std::string_view(content).substr(0, end)))};
  }
  [[nodiscard]] std::string check(const std::vector<std::optional<SourcePlace>>& stored) const {
    return why(check_sent(descriptor_, "f.txt", stored));
  }
};

TEST_F(SentPart, IsThereWhileTheFileOnlyGrows) {
  const std::string content = std::string(600'000, 'x') + "\ntwo\nthree";
  const std::vector<std::optional<SourcePlace>> stored = {sent(content, content.size()), std::nullopt,
                                                          sent(content, 600'000), sent(content, 600'004)};
  write(content);
  EXPECT_EQ(check(stored), "");
  write(content + "\nfour\n");
  EXPECT_EQ(check(stored), "");
}

TEST_F(SentPart, ChangeAnywhereBeforeIsRefused) {
  std::string content;
  for (int line = 0; line < 2'000; ++line) content += std::to_string(10'000 + line) + "\n";
  const std::vector<std::optional<SourcePlace>> stored = {sent(content, 11'999), sent(content, 8'999)};
  write(content);
  ASSERT_EQ(check(stored), "");
  std::string inserted = content;
  inserted.insert(6'000, "new 1\n");  // as long as the others
  write(inserted);
  EXPECT_THAT(check(stored), testing::HasSubstr("f.txt has changed before byte 8999"));
  EXPECT_THAT(check(stored), testing::HasSubstr("partition 1"));
  write(content.substr(0, 10'000));
  EXPECT_THAT(check(stored), testing::HasSubstr("it was cut"));
}

TEST_F(SentPart, LineThatGoesOnIsRefusedWithTheWayOut) {
  const std::vector<std::optional<SourcePlace>> stored = {sent("one\ntw", 6)};
  write("one\ntwo\n");
  EXPECT_THAT(check(stored), testing::HasSubstr("sent before it was whole"));
  write("one\ntw\no\n");
  EXPECT_EQ(check(stored), "") << "the way out that it names";
}

TEST_F(SentPart, PlacesWithoutChecksumLieAtLineEnds) {
  write("one\ntwo\n");
  EXPECT_EQ(check({SourcePlace(3)}), "");
  EXPECT_THAT(check({SourcePlace(5)}), testing::HasSubstr("no line ends at byte 5"));
}

}  // namespace
}  // namespace forebay::cli

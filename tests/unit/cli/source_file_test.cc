#include "cli/source_file.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

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
  [[nodiscard]] std::string identity() const { return file_identity(descriptor_).value(); }
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
  for (const char* text : {"", "file1", "file1 4", "file2 4 00000000", "file1 99999999 00000000", "table"}) {
    EXPECT_FALSE(is(text)) << text;
  }
  EXPECT_FALSE(is(identity() + " "));
}

TEST_F(SourceFile, TextIsForEver) {
  write("123456789");
  EXPECT_EQ(identity(), "file1 9 e3069283");  // the check value of CRC-32C
}

}  // namespace
}  // namespace forebay::cli

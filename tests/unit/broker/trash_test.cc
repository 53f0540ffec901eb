#include "broker/trash.h"

#include <gtest/gtest.h>

#include "sim/sim_machine.h"

namespace forebay::broker {
namespace {

using namespace std::chrono_literals;

TEST(Trash, NameTellsWhenItWasPutThere) {
  EXPECT_EQ(trashed_at("abc-0-1769860800000"), model::Timestamp(1769860800000));
  for (const char* name : {"", "abc", "abc-", "abc-12x", "abc-0-17", "lost+found"})
    EXPECT_EQ(trashed_at(name), std::nullopt) << name;
}

TEST(Trash, FoldersGoWhenTheirTimeIsOverAndNothingElseDoes) {
  sim::SimMachine machine(1);
  auto& fs = machine.file_system();
  for (const char* name : {"a-0-1000000000000", "b-0-1000000005000", "keep-me"}) {
    ASSERT_TRUE(fs.create_directories(std::string("/trash/") + name));
    ASSERT_TRUE(io::write_file_atomically(fs, std::string("/trash/") + name + "/file", as_bytes("x")));
  }
  EXPECT_EQ(*Trash::sweep(fs, "/trash", model::Timestamp(1000000009999), 10'000ms), 0U);
  EXPECT_EQ(*Trash::sweep(fs, "/trash", model::Timestamp(1000000010000), 10'000ms), 1U);
  EXPECT_FALSE(fs.exists("/trash/a-0-1000000000000"));
  EXPECT_TRUE(fs.exists("/trash/b-0-1000000005000/file"));
  EXPECT_EQ(*Trash::sweep(fs, "/trash", model::Timestamp(2000000000000), 10'000ms), 1U);
  EXPECT_TRUE(fs.exists("/trash/keep-me"));
}

TEST(Trash, MissingFolderIsEmpty) {
  sim::SimMachine machine(1);
  EXPECT_EQ(*Trash::sweep(machine.file_system(), "/trash", model::Timestamp(0), 1ms), 0U);
}

}  // namespace
}  // namespace forebay::broker

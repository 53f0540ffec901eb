// One tiny bad run of a consumer group for each rule, and good ones that look almost like them.
#include "torture/group_check.h"

#include <gtest/gtest.h>

#include "torture/run_reader.h"

namespace forebay::torture {
namespace {

// Partition 0 of topic t has six records; a and b are members of group g.
struct Story {
  std::vector<std::string> lines{"1 harness ok topic t 1 id=00-11 replicas=0",
                                 "1 p1 invoke produce t 0 first=100 count=6",
                                 "2 p1 ok produce t 0 first=100 count=6 offset=0",
                                 "3 a ok member - - group=g",
                                 "3 b ok member - - group=g",
                                 "900 reader ok final t 0 start=0 end=6 records=0:100x6"};
  Story& line(int at, const std::string& rest) {
    lines.push_back(std::to_string(at) + ' ' + rest);
    return *this;
  }
  Story& processed(int at, const std::string& member, int begin, int count) {
    return line(at, member + " ok processed t 0 records=" + std::to_string(begin) + ':' +
                        std::to_string(100 + begin) + 'x' + std::to_string(count));
  }
  Story& committed(int at, int offset, const std::string& more = "") {
    return line(at, "watch ok committed t 0 group=g asked=" + std::to_string(at - 1) +
                        " offset=" + std::to_string(offset) + more);
  }
  // All is done by a, and committed.
  Story& rest(int begin) { return processed(800, "a", begin, 6 - begin).committed(810, 6); }
  [[nodiscard]] GroupReport check() const {
    RunReader reader("run");
    for (const std::string& one : lines) {
      const auto read = reader.history_line(one);
      EXPECT_TRUE(read) << read.error().to_string();
    }
    const auto run = reader.finish();
    EXPECT_TRUE(run);
    EXPECT_EQ(sim::judge(run->history).to_string(), "valid");
    return check_groups(*run);
  }
  [[nodiscard]] std::string broken() const {
    std::string rules;
    for (const auto& violation : check().violations)
      rules += std::string(violation.rule) + ": " + violation.what + '\n';
    return rules;
  }
  void expect_breaks(const std::string& rule) const {
    const auto violations = check().violations;
    ASSERT_FALSE(violations.empty());
    for (const auto& violation : violations) EXPECT_EQ(violation.rule, rule) << violation.what;
  }
};

// a has the partition, has processed 0, 1, 2, of which 0 and 1 are committed.
Story begun() {
  Story story;
  story.line(10, "a ok assigned t 0").processed(11, "a", 0, 2).committed(20, 2).processed(21, "a", 2, 1);
  return story;
}

// b takes over at `offset`, and does the rest.
Story taken_over(Story story, int at, int offset) {
  return story.line(at, "b ok assigned t 0").processed(at + 1, "b", offset, 6 - offset).committed(at + 5, 6);
}

TEST(GroupCheck, OneMemberThatDoesEverythingIsFine) {
  const auto report = begun().rest(3).check();
  EXPECT_TRUE(report.violations.empty());
  EXPECT_EQ(report.unknown, "");
  ASSERT_EQ(report.groups.size(), 1U);
  EXPECT_EQ(report.groups[0].processed, 6U);
  EXPECT_EQ(report.groups[0].again, 0U);
  EXPECT_EQ(report.groups[0].members, 2U);
  EXPECT_EQ(report.groups[0].tenures, 1U);
}

TEST(GroupCheck, APartitionThatIsGivenUpGoesOnWhereItWas) {
  EXPECT_EQ(taken_over(begun().line(30, "a ok revoked t 0"), 40, 3).broken(), "");
}

TEST(GroupCheck, WhatWasNotCommittedMayComeAgainWhenItsMemberIsGone) {
  EXPECT_EQ(taken_over(begun().line(30, "harness ok kill - - member=a"), 40, 2).broken(), "");
  EXPECT_EQ(taken_over(begun().line(30, "a ok lost t 0"), 40, 2).broken(), "");
  EXPECT_EQ(taken_over(begun().line(30, "a ok revoked t 0").line(31, "a info away - -"), 40, 2).broken(), "");
  EXPECT_EQ(taken_over(begun().line(30, "a ok revoked t 0").line(31, "a fail left - -"), 40, 2).broken(), "");
  const auto report = taken_over(begun().line(30, "harness ok kill - - member=a"), 40, 2).check();
  EXPECT_EQ(report.groups[0].again, 1U);
  EXPECT_EQ(report.groups[0].killed, 1U);
}

TEST(GroupCheck, AgainWithoutAnExcuse) {
  taken_over(begun().line(30, "a ok revoked t 0"), 40, 2).expect_breaks("again");
  taken_over(begun().line(30, "a ok revoked t 0").line(31, "a ok left - -"), 40, 2).expect_breaks("again");
  taken_over(begun(), 40, 2).expect_breaks("again");
  // What happens to it later is no excuse.
  taken_over(begun().line(30, "a ok revoked t 0"), 40, 2)
      .line(50, "harness ok kill - - member=a")
      .expect_breaks("again");
}

TEST(GroupCheck, BelowWhatIsCommittedNobodyBegins) {
  taken_over(begun().line(30, "harness ok kill - - member=a"), 40, 1).expect_breaks("I17");
}

TEST(GroupCheck, NothingIsLeftOut) {
  taken_over(begun().line(30, "harness ok kill - - member=a"), 40, 4).expect_breaks("I19");
}

TEST(GroupCheck, ACommitOfWhatNobodyHasProcessed) { begun().committed(25, 4).rest(3).expect_breaks("I19"); }

TEST(GroupCheck, WhatIsCommittedNeverGoesBack) {
  begun().committed(25, 1).rest(3).expect_breaks("I17");
  // Of two questions at one time either answer may be the older one.
  EXPECT_EQ(begun().line(25, "watch ok committed t 0 group=g asked=15 offset=1").rest(3).broken(), "");
}

TEST(GroupCheck, WhatIsCommittedIsNeverBeyondTheEnd) {
  begun().committed(25, 2, " end=1").rest(3).expect_breaks("I17");
  EXPECT_EQ(begun().committed(25, 2, " end=2").rest(3).broken(), "");
}

TEST(GroupCheck, TwoAtATime) {
  const auto both = [](Story story) {
    return taken_over(std::move(story), 40, 2).processed(60, "a", 3, 1).broken();
  };
  EXPECT_NE(both(begun().line(39, "a ok lost t 0")).find("I18"), std::string::npos);
  // Who stood still may have had it in hand.
  EXPECT_EQ(both(begun().line(30, "harness ok pause - - member=a").line(59, "harness ok wake - - member=a")),
            "");
}

TEST(GroupCheck, WhatItHasGivenUpIsNotProcessed) {
  begun().line(30, "a ok revoked t 0").rest(3).expect_breaks("I18");
}

TEST(GroupCheck, InTheEndAllIsProcessedAndCommitted) {
  EXPECT_EQ(begun().rest(3).committed(820, 6).broken(), "");
  begun().processed(800, "a", 3, 2).committed(810, 5).expect_breaks("I19");
  begun().processed(800, "a", 3, 3).committed(810, 5).expect_breaks("I19");
  begun().processed(800, "a", 3, 3).expect_breaks("I19");
}

TEST(GroupCheck, WithoutAnEndNothingIsProved) {
  Story story = begun().rest(3);
  std::erase_if(story.lines,
                [](const std::string& line) { return line.find(" final ") != std::string::npos; });
  RunReader reader("run");
  for (const std::string& one : story.lines) ASSERT_TRUE(reader.history_line(one));
  const auto run = reader.finish();
  ASSERT_TRUE(run);
  EXPECT_NE(check_groups(*run).unknown, "");
}

TEST(GroupReader, WhatAMemberWasToldIsKept) {
  RunReader reader("run");
  for (const std::string& line : Story().lines) ASSERT_TRUE(reader.history_line(line));
  ASSERT_TRUE(reader.history_line("10 a info trouble - - error=OFFSET_OUT_OF_RANGE what=commit_of_t/0"));
  const auto run = reader.finish();
  ASSERT_TRUE(run);
  EXPECT_EQ(run->groups.troubles,
            std::vector<std::string>{"a was told OFFSET_OUT_OF_RANGE at 10: commit_of_t/0"});
}

TEST(GroupReader, WhatCannotBeReadIsRefused) {
  const std::vector<std::string> cases = {"10 c ok assigned t 0",
                                          "10 a ok processed t 0 records=0:100",  // it never had it
                                          "10 a ok assigned - -",
                                          "10 a ok member - - group=g",
                                          "10 harness ok kill - -",
                                          "10 watch ok committed t 0 group=g offset=1",
                                          "10 watch ok committed t 0 asked=1 offset=1"};
  for (const std::string& one : cases) {
    RunReader reader("run");
    for (const std::string& line : Story().lines) ASSERT_TRUE(reader.history_line(line));
    EXPECT_FALSE(reader.history_line(one)) << one;
  }
}

}  // namespace
}  // namespace forebay::torture

// Who forms, who joins, who waits.
#include "cluster/core/forming.h"

#include <gtest/gtest.h>

#include "images.h"

namespace forebay::cluster {
namespace {

const model::Uuid kNone{};
const model::Uuid kA = uuid_of(0xaa), kB = uuid_of(0xbb);

std::optional<Hello> says(std::uint32_t node, const model::Uuid& cluster = kNone) {
  return Hello{model::NodeId(node), disk_of(node), cluster, model::NodeId(1)};
}
const std::optional<Hello> kSilent;

// Of nodes 1 2 3.
FormingInput input_of(std::uint32_t self, const model::Uuid& cluster,
                      std::vector<std::optional<Hello>> heard) {
  FormingInput input;
  for (std::uint32_t node = 1; node <= heard.size(); ++node)
    input.listed.push_back({model::NodeId(node), "host-" + std::to_string(node) + ":7401"});
  input.self = *says(self, cluster);
  input.heard = std::move(heard);
  return input;
}

std::string text(const Forming& forming) {
  if (std::holds_alternative<Serve>(forming)) return "serve";
  if (std::holds_alternative<Initialise>(forming)) return "initialise";
  if (const auto* join = std::get_if<Join>(&forming)) {
    std::string members;
    for (const model::NodeId node : join->members) members += " " + std::to_string(node.value());
    return (join->cluster_id == kA ? "join A:" : "join B:") + members;
  }
  if (const auto* wait = std::get_if<Wait>(&forming)) return "wait: " + wait->reason;
  return "refuse: " + std::get<Refuse>(forming).error.to_string();
}

struct Case {
  const char* name;
  FormingInput input;
  std::vector<std::string> want;  // the first begins the text, the others are in it
};

void expect_all(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    const std::string got = text(next_step(c.input));
    EXPECT_EQ(got.substr(0, c.want.front().size()), c.want.front()) << c.name << ": " << got;
    for (const std::string& want : c.want)
      EXPECT_NE(got.find(want), std::string::npos) << c.name << ": " << want << ": " << got;
  }
}

TEST(Forming, ASingleNodeNeedsNobody) {
  FormingInput input;
  input.self = *says(7);
  EXPECT_EQ(text(next_step(input)), "initialise");
  input.self.cluster_id = kA;
  EXPECT_EQ(text(next_step(input)), "serve");
  // A list of itself alone is the same.
  EXPECT_EQ(text(next_step(input_of(1, kNone, {kSilent}))), "initialise");
}

TEST(Forming, ANewClusterBeginsOnceAndWithEverybody) {
  expect_all({
      {"first, all empty", input_of(1, kNone, {kSilent, says(2), says(3)}), {"initialise"}},
      {"first, one silent",
       input_of(1, kNone, {kSilent, says(2), kSilent}),
       {"wait", "node 3 (host-3:7401)"}},
      {"first, nobody yet", input_of(1, kNone, {kSilent, kSilent, kSilent}), {"wait", "node 2", "node 3"}},
      {"second, all empty",
       input_of(2, kNone, {says(1), kSilent, says(3)}),
       {"wait", "node 1", "first listed"}},
      {"second, first silent",
       input_of(2, kNone, {kSilent, kSilent, says(3)}),
       {"wait", "no answer from node 1"}},
      {"second, first formed", input_of(2, kNone, {says(1, kA), kSilent, kSilent}), {"join A: 1"}},
  });
}

TEST(Forming, WipedNodesNeverFormAClusterOfTheirOwn) {
  expect_all({
      {"two wiped, the third silent: first", input_of(1, kNone, {kSilent, says(2), kSilent}), {"wait"}},
      {"two wiped, the third silent: second", input_of(2, kNone, {says(1), kSilent, kSilent}), {"wait"}},
      {"two wiped, the third back: first",
       input_of(1, kNone, {kSilent, says(2), says(3, kA)}),
       {"join A: 3"}},
      {"wiped first, one silent", input_of(1, kNone, {kSilent, says(2, kA), kSilent}), {"join A: 2"}},
      {"wiped first, both silent", input_of(1, kNone, {kSilent, kSilent, kSilent}), {"wait"}},
      {"wiped last", input_of(3, kNone, {says(1, kA), says(2, kA), kSilent}), {"join A: 1 2"}},
      {"all wiped is a new beginning", input_of(1, kNone, {kSilent, says(2), says(3)}), {"initialise"}},
  });
}

TEST(Forming, AMemberServesWhateverTheOthersDo) {
  expect_all({
      {"nobody answers", input_of(2, kA, {kSilent, kSilent, kSilent}), {"serve"}},
      {"the others were wiped", input_of(2, kA, {says(1), kSilent, says(3)}), {"serve"}},
      {"one stray node", input_of(1, kA, {kSilent, says(2, kA), says(3, kB)}), {"serve"}},
      {"one stray node, heard first", input_of(1, kA, {kSilent, kSilent, says(3, kB)}), {"serve"}},
      {"a namesake does not stop it", input_of(1, kA, {kSilent, says(1, kA), kSilent}), {"serve"}},
      {"it is the stray one",
       input_of(3, kB, {says(1, kA), says(2, kA), kSilent}),
       {"refuse: FAILED_PRECONDITION", kA.to_string(), kB.to_string(), "nothing was touched"}},
  });
}

TEST(Forming, WhatCannotBeRightIsRefused) {
  FormingInput other_order = input_of(1, kNone, {kSilent, says(2), says(3)});
  other_order.heard[1]->first_listed = model::NodeId(2);
  FormingInput old_version = input_of(1, kNone, {kSilent, says(2), says(3)});
  old_version.heard[1]->first_listed.reset();
  FormingInput copied = input_of(1, kNone, {kSilent, says(2), says(3)});
  copied.heard[2]->disk = disk_of(1);
  FormingInput twice = input_of(1, kNone, {kSilent, says(2), says(3)});
  twice.listed[2].node = model::NodeId(2);
  FormingInput one_address = input_of(1, kNone, {kSilent, says(2), says(3)});
  one_address.listed[2].address = one_address.listed[1].address;
  expect_all({
      {"two clusters",
       input_of(1, kNone, {kSilent, says(2, kA), says(3, kB)}),
       {"refuse: FAILED_PRECONDITION", "different clusters", kA.to_string(), kB.to_string()}},
      {"not listed",
       input_of(9, kNone, {says(1), says(2), says(3)}),
       {"refuse: INVALID_CONFIG", "cluster.nodes", "node 9", "not listed"}},
      {"a member, not listed", input_of(9, kA, {says(1), says(2), says(3)}), {"refuse: INVALID_CONFIG"}},
      {"own id elsewhere",
       input_of(1, kNone, {kSilent, says(1), says(3)}),
       {"refuse: FAILED_PRECONDITION", "two nodes have the id 1", "host-2:7401"}},
      {"another id than listed",
       input_of(1, kNone, {kSilent, says(3), kSilent}),
       {"refuse: FAILED_PRECONDITION", "node 2 (host-2:7401) answers as node 3"}},
      {"a copied data directory", copied, {"refuse: FAILED_PRECONDITION", "copy of the other"}},
      {"another order", other_order, {"refuse: FAILED_PRECONDITION", "same order"}},
      {"an order that is not told", old_version, {"initialise"}},
      {"listed twice", twice, {"refuse: INVALID_CONFIG", "node 2 is listed twice"}},
      {"one address for two", one_address, {"refuse: INVALID_CONFIG", "has the address of node 2"}},
  });
}

// Three nodes with whatever on their disks and whatever heard: there is never a second cluster. Every node
// hears the truth or nothing.
TEST(Forming, NoSecondClusterWhateverIsHeard) {
  for (int state = 0; state < 8; ++state) {
    const auto cluster_of = [&](std::uint32_t node) { return (state >> (node - 1)) & 1 ? kA : kNone; };
    int initialised = 0;
    for (std::uint32_t self = 1; self <= 3; ++self) {
      for (int silent = 0; silent < 8; ++silent) {
        std::vector<std::optional<Hello>> heard;
        for (std::uint32_t node = 1; node <= 3; ++node)
          heard.push_back((silent >> (node - 1)) & 1 ? kSilent : says(node, cluster_of(node)));
        const std::string step = text(next_step(input_of(self, cluster_of(self), heard)));
        initialised += step == "initialise" ? 1 : 0;
        EXPECT_EQ(step == "serve", !cluster_of(self).is_nil());
        EXPECT_NE(step.substr(0, 6), "refuse");
      }
    }
    // Only with nothing anywhere; from the two ways of (not) hearing itself.
    EXPECT_EQ(initialised, state == 0 ? 2 : 0) << state;
  }
}

}  // namespace
}  // namespace forebay::cluster

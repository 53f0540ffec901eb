#include "cluster/core/producer_names.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>

namespace forebay::cluster {
namespace {

using Model = std::map<std::string, NamedProducer>;

std::vector<ProducerNames::Entry> entries(const Model& model) { return {model.begin(), model.end()}; }

NamedProducer producer(std::int64_t id, std::int16_t epoch = 0) {
  return {model::ProducerId(id), model::ProducerEpoch(epoch)};
}

TEST(ProducerNames, IsAMapWhateverIsDone) {
  std::mt19937_64 rng(11);
  ProducerNames names;
  Model model;
  for (int step = 0; step < 4'000; ++step) {
    const std::string name = "n" + std::to_string(rng() % 700);
    if (rng() % 3 == 0) {
      names.erase(name);
      model.erase(name);
    } else {
      const NamedProducer one = producer(static_cast<std::int64_t>(rng() % 1000));
      names.set(name, one);
      model[name] = one;
    }
    ASSERT_EQ(names.size(), model.size());
    const std::string asked = "n" + std::to_string(rng() % 700);
    const NamedProducer* found = names.find(asked);
    ASSERT_EQ(found != nullptr, model.contains(asked));
    if (found != nullptr) {
      ASSERT_EQ(*found, model.at(asked));
    }
  }
  EXPECT_GT(model.size(), 256U);
  EXPECT_EQ(names.all(), entries(model));
  EXPECT_EQ(ProducerNames(names.all()).all(), entries(model));
  for (const auto& [name, one] : model) names.erase(name);
  EXPECT_EQ(names.size(), 0U);
  EXPECT_TRUE(names.all().empty());
}

TEST(ProducerNames, CopyStaysAsItWas) {
  ProducerNames names;
  names.set("a", producer(1));
  const ProducerNames before = names;
  names.set("a", producer(1, 1));
  names.set("b", producer(2));
  EXPECT_EQ(before.all(), entries({{"a", producer(1)}}));
  names.erase("a");
  EXPECT_EQ(before.size(), 1U);
  EXPECT_EQ(names.all(), entries({{"b", producer(2)}}));
}

TEST(ProducerNames, PagesAreTheListInOrder) {
  ProducerNames names;
  Model model;
  for (int i = 0; i < 50; ++i) {
    names.set("p" + std::to_string(i), producer(i));
    model["p" + std::to_string(i)] = producer(i);
  }
  std::vector<ProducerNames::Entry> pages;
  while (true) {
    const auto page = names.list(pages.empty() ? "" : pages.back().first, 7);
    if (page.empty()) break;
    EXPECT_LE(page.size(), 7U);
    pages.insert(pages.end(), page.begin(), page.end());
  }
  EXPECT_EQ(pages, entries(model));
}

TEST(ProducerName, RuleIsShownWithWhatIsWrong) {
  for (const std::string& name : {std::string("a"), std::string("Line-3_of.plant"), std::string(249, 'x')})
    EXPECT_TRUE(check_producer_name(name)) << name;
  const std::pair<std::string, const char*> wrong[] = {{"", "empty"},
                                                       {std::string(250, 'x'), "too long"},
                                                       {"a b", "not allowed"},
                                                       {std::string("a\0", 2), "not allowed"},
                                                       {"caf\xc3\xa9", "not allowed"}};
  for (const auto& [name, why] : wrong) {
    const auto checked = check_producer_name(name);
    ASSERT_FALSE(checked) << name;
    EXPECT_EQ(checked.error().code, ErrorCode::kInvalidArgument);
    EXPECT_NE(checked.error().context.find(why), std::string::npos) << checked.error().context;
    EXPECT_NE(checked.error().context.find("1 to 249"), std::string::npos) << checked.error().context;
  }
}

}  // namespace
}  // namespace forebay::cluster

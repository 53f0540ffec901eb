// A coordinator over a real partition on a simulated disk, members that it talks to, and partitions that go
// as far as a test says.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "group/coordinator.h"
#include "group/topics_view.h"
#include "kv/memory_store.h"
#include "shard_harness.h"
#include "test_places.h"

namespace forebay::group {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Stream final : public MemberStream {
 public:
  void tell(AssignmentNotice notice) override { notices.push_back(std::move(notice)); }
  void end(Error why) override { ended = std::move(why); }
  // Of the last notice, as "topic-0 topic-1".
  [[nodiscard]] std::string owned() const { return notices.empty() ? "nothing" : text(notices.back().owned); }
  [[nodiscard]] std::string give_up() const {
    return notices.empty() ? "nothing" : text(notices.back().give_up);
  }
  std::vector<AssignmentNotice> notices;
  std::optional<Error> ended;

 private:
  static std::string text(const std::vector<AssignmentNotice::Partition>& partitions) {
    std::set<std::string> names;
    for (const auto& one : partitions) names.insert(one.topic + "-" + std::to_string(one.partition.value()));
    std::string all;
    for (const std::string& name : names) all += (all.empty() ? "" : " ") + name;
    return all;
  }
};

class CoordinatorTest : public testing::Test {
 protected:
  void SetUp() override {
    // Frames as the daemon allows them: a batch of many groups is one.
    shard_.config_.journal.file_bytes = 8U << 20;
    shard_.config_.journal.frame_bytes_max = 2U << 20;
    set_topics({{"a", 4}, {"b", 2}});
    start();
  }
  void TearDown() override { coordinator_.reset(); }
  void set_topics(const std::map<std::string, std::uint32_t>& topics) {
    image_.topics.clear();
    for (const auto& [name, partitions] : topics) {
      auto topic = std::make_shared<cluster::Topic>();
      topic->id.bytes[0] = static_cast<std::uint8_t>(name[0]);
      topic->id.bytes[1] = static_cast<std::uint8_t>(name.size());
      topic->name = name;
      topic->partitions.resize(partitions);
      image_.topics[name] = topic;
    }
    image_.applied = image_.applied.plus(1);
    if (topics_.set(image_) && coordinator_) coordinator_->topics_changed();
  }
  // Another topic under the same name.
  void make_anew(const std::string& name) {
    auto topic = std::make_shared<cluster::Topic>(*image_.topics.at(name));
    ++topic->id.bytes[2];
    image_.topics[name] = topic;
    image_.applied = image_.applied.plus(1);
    if (topics_.set(image_)) coordinator_->topics_changed();
  }
  void start() {
    ASSERT_TRUE(shard_.start());
    store_ = *kv::open_memory_store(store_disk_);
    partition::PartitionConfig config;
    config.holds_state = true;
    places_ = std::make_unique<Ends>(shard_.machine_.executor());
    partition::Partition& log = shard_.open(partition::topic_partition(200), config);
    coordinator_ = std::make_unique<Coordinator>(CoordinatorParts{.log = &log,
                                                                  .store = store_.get(),
                                                                  .executor = &shard_.machine_.executor(),
                                                                  .pool = &shard_.machine_.pool(),
                                                                  .clock = &shard_.machine_.wall_clock(),
                                                                  .rng = &shard_.machine_.rng(),
                                                                  .topics = &topics_,
                                                                  .places = places_.get()},
                                                 machine::HostConfig{});
    coordinator_->start();
    ASSERT_TRUE(run_until([&] { return coordinator_->coordinates(); }));
  }
  void power_cut() {
    coordinator_.reset();
    store_.reset();
    shard_.power_cut();
    store_disk_->crash();
    start();
  }
  template <typename Predicate>
  bool run_until(Predicate predicate, runtime::Duration limit = std::chrono::minutes(5)) {
    return shard_.machine_.scheduler().run_until(predicate, {.steps_max = 2'000'000, .duration_max = limit});
  }
  template <typename T, typename Ask>
  Result<T> call(Ask ask) {
    auto result = std::make_shared<std::optional<Result<T>>>();
    ask([result](Result<T> value) { *result = std::move(value); });
    EXPECT_TRUE(run_until([&] { return result->has_value(); }));
    return result->has_value() ? std::move(**result) : Error{ErrorCode::kInternal, "no answer"};
  }
  struct Client {
    std::shared_ptr<Stream> stream = std::make_shared<Stream>();
    Joined joined;
    [[nodiscard]] MemberRef ref() const { return {joined.id, joined.epoch}; }
  };
  Client join(const std::vector<std::string>& topics, const std::string& pattern = {},
              const std::string& group = "g") {
    Client client;
    JoinInput input;
    input.subscription = {topics, pattern};
    const auto joined = call<Joined>(
        [&](auto done) { coordinator_->join(group, input, {}, client.stream, std::move(done)); });
    EXPECT_TRUE(joined) << joined.error().to_string();
    if (joined) client.joined = *joined;
    EXPECT_TRUE(run_until([&] { return !client.stream->notices.empty(); }));
    return client;
  }
  // Confirms whatever it is told to give up until nobody is told anything any more.
  void settle(std::vector<Client*> clients) {
    std::map<Client*, std::size_t> confirmed;
    EXPECT_TRUE(run_until([&] {
      for (Client* one : clients) {
        const auto& notices = one->stream->notices;
        if (notices.size() == confirmed[one]) continue;
        confirmed[one] = notices.size();
        if (notices.back().give_up.empty()) continue;
        coordinator_->confirm("g", one->ref(), notices.back().number, [](const Result<std::monostate>& done) {
          EXPECT_TRUE(done) << done.error().to_string();
        });
      }
      return group::state_of(*coordinator_->look().find("g")) == GroupState::kStable;
    }));
    shard_.machine_.scheduler().run_for(milliseconds(50));
  }
  Result<EntryResults> commit(const std::optional<MemberRef>& member, std::int64_t offset,
                              const std::string& topic = "a", std::int32_t partition = 0) {
    return call<EntryResults>([&](auto done) {
      coordinator_->commit("g", member,
                           {{{topic, model::PartitionIndex(partition)}, model::Offset(offset), "m"}},
                           std::move(done));
    });
  }
  // Nothing: none.
  [[nodiscard]] std::optional<std::int64_t> committed(const std::string& topic = "a",
                                                      std::int32_t partition = 0) {
    const Group* group = coordinator_->look().find("g");
    if (group == nullptr) return std::nullopt;
    model::TopicPartition id{image_.topics.at(topic)->id, model::PartitionIndex(partition)};
    const auto at = group->positions.find(id);
    if (at == group->positions.end() || !at->second.committed) return std::nullopt;
    return at->second.committed->value();
  }
  void heartbeats(const Client& client, runtime::Duration time) {
    for (runtime::Duration passed{}; passed < time; passed += seconds(1)) {
      shard_.machine_.scheduler().run_for(seconds(1));
      EXPECT_TRUE(call<std::monostate>(
          [&](auto done) { coordinator_->heartbeat("g", client.ref(), std::move(done)); }));
    }
  }

  partition::ShardHarness shard_;
  std::shared_ptr<kv::MemoryDisk> store_disk_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<kv::KeyValueStore> store_;
  cluster::ClusterImage image_;
  TopicsView topics_;
  std::unique_ptr<Ends> places_;
  std::unique_ptr<Coordinator> coordinator_;
};

}  // namespace forebay::group

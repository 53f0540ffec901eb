// A MemoryBroker with consumer groups: the broker's own coordinator over a log on a simulated disk, on a
// thread of its own. Its time goes on by as much as the log needs, and by advance().
#pragma once

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "group/topics_view.h"
#include "kv/memory_store.h"
#include "memory_broker.h"
#include "shard_harness.h"
#include "test_places.h"

namespace forebay::test {

class GroupsBroker : public MemoryBroker {
 public:
  GroupsBroker();
  ~GroupsBroker() override;

  // Of this broker and for its groups. All partitions end at `ends` for those.
  void make_group_topic(const std::string& name, std::uint32_t partitions);
  // Sessions run out by that. Waits.
  void advance_groups(std::chrono::milliseconds by);
  // Where partitions begin is found only when it is released, one by one. Waits.
  void hold_starts();
  [[nodiscard]] std::size_t held_starts();
  void release_one_start();
  // From now on another node coordinates; empty: this one again. What is attached here stays.
  void coordinate_elsewhere(const std::string& address);
  // How many members of a group are attached. Waits for what was asked before.
  [[nodiscard]] std::size_t attached(const std::string& group);
  std::int64_t ends = 100;  // before the first call

  void with_coordinator(std::string group, GroupsTopic topic, UseCoordinator use) override;
  void list_groups(broker::ListGroupsRequest request,
                   broker::Done<std::vector<broker::ListedGroups>> done) override;
  [[nodiscard]] Error name_coordinator(Error error, const std::string& group) const override;

 private:
  // Everything of the coordinator's shard: made, used and destroyed on its thread.
  struct Shard;
  using Task = UniqueFunction<void(Shard&)>;

  void run();
  void on_shard(Task task);
  void on_shard_and_wait(Task task);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Task> tasks_;
  std::string elsewhere_;
  bool used_ = false;  // there is a topic of groups
  bool closing_ = false;
  std::thread thread_;
};

}  // namespace forebay::test

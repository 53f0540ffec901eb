// Three nodes with one state machine on a partition of three replicas, in one simulated world: each with its
// disk, its log and its store.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kv/memory_store.h"
#include "log/recovery.h"
#include "log/shard_logs.h"
#include "machine/host.h"
#include "partition/partition_set.h"
#include "raft/peers.h"
#include "register_machine.h"
#include "sim/sim_machine.h"
#include "sim/sim_network.h"
#include "sim/sim_peer_transport.h"

namespace forebay::machine {

inline model::TopicPartition machine_partition() {
  model::TopicPartition id;
  id.topic.bytes[3] = 7;
  id.partition = model::PartitionIndex(2);
  return id;
}

class MachineNode {
 public:
  MachineNode(sim::SimScheduler& scheduler, sim::SimNetwork& network, std::uint32_t id);
  virtual ~MachineNode();
  MachineNode(const MachineNode&) = delete;
  MachineNode& operator=(const MachineNode&) = delete;

  // `founders`: of the partition, this node with its disk among them, or of it alone.
  void start(const log::Membership& founders);
  enum class End : std::uint8_t { kKill, kPower };
  void die(End how);
  // With the node down: an empty store, as if it had been lost.
  void lose_store() {
    store_disk_ = std::make_shared<kv::MemoryDisk>();
    store_lost_ = true;
  }
  // What each write finds from now on; nothing: room.
  void fail_store(const std::optional<Error>& why) { store_disk_->fail_writes(why); }
  // With the node down: what its store holds, durably.
  void plant_state(const StoredState& state) {
    auto store = *kv::open_memory_store(store_disk_);
    ASSERT_TRUE(store->write(replacing_batch(machine_partition(), state), kv::Durability::kDurable));
  }
  [[nodiscard]] bool is_up() const { return set_ != nullptr; }
  [[nodiscard]] model::NodeId id() const { return id_; }
  [[nodiscard]] log::Voter voter() const { return {id_, disk_}; }
  [[nodiscard]] virtual Host* host() { return host_.get(); }
  [[nodiscard]] const RegisterMachine& machine() const { return *machine_; }
  [[nodiscard]] partition::Partition* log() { return set_ ? set_->find(machine_partition()) : nullptr; }
  [[nodiscard]] partition::PartitionSet& partitions() { return *set_; }
  // As its listener was told.
  [[nodiscard]] virtual bool leads() const {
    return host_ != nullptr && told_to_lead_ && host_->is_leading();
  }
  [[nodiscard]] std::string failure();
  // What the store holds, durably or not.
  [[nodiscard]] StoredState stored() { return *load_state(*store_, machine_partition()); }
  virtual void close_host();
  // What users of the log ask one another beside the state. Returns false if it is something else.
  virtual bool answer(const std::string& /*body*/, UniqueFunction<void(Result<std::string>)>& /*reply*/) {
    return false;
  }
  // Before start().
  HostConfig config_{
      .trimming = {20, 5}, .write_after = std::chrono::milliseconds(200), .write_after_records = 10};

 protected:
  // Another user of the log than the register machine: what it makes here, close_host() ends.
  virtual void open_host(partition::Partition& log);
  void shut_down();  // of a class with another close_host(): in its destructor
  [[nodiscard]] HostParts host_parts(partition::Partition& log);
  [[nodiscard]] sim::SimMachine& sim_machine() { return *sim_machine_; }

 private:
  void open_log(const log::Membership& founders);
  void tear_down();

  sim::SimScheduler& scheduler_;
  sim::SimNetwork& network_;
  const model::NodeId id_;
  std::unique_ptr<sim::SimMachine> sim_machine_;
  std::shared_ptr<kv::MemoryDisk> store_disk_ = std::make_shared<kv::MemoryDisk>();
  model::Uuid disk_;
  std::uint64_t life_ = 0;
  bool store_lost_ = false;
  bool told_to_lead_ = false;
  std::unique_ptr<log::DataDirectory> directory_;
  std::unique_ptr<sim::SimPeerTransport> transport_;
  std::unique_ptr<raft::Peers> peers_;
  std::unique_ptr<log::ShardLogs> logs_;
  std::unique_ptr<partition::PartitionSet> set_;
  std::unique_ptr<kv::KeyValueStore> store_;
  std::unique_ptr<RegisterMachine> machine_;
  std::unique_ptr<Host> host_;
};

class MachineCluster {
 public:
  using MakeNode = std::unique_ptr<MachineNode> (*)(sim::SimScheduler&, sim::SimNetwork&, std::uint32_t id);
  explicit MachineCluster(std::uint64_t seed, std::uint32_t count = 3,
                          const sim::SimNetwork::Options& network = {}, MakeNode make = nullptr);

  [[nodiscard]] MachineNode& node(std::size_t index) { return *nodes_[index]; }
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] sim::SimScheduler& scheduler() { return scheduler_; }
  [[nodiscard]] sim::SimNetwork& network() { return network_; }
  [[nodiscard]] MachineNode* leader();
  void start(MachineNode& one) { one.start(founders_); }
  void start_all();
  void isolate(MachineNode& one);
  template <typename Predicate>
  [[nodiscard]] bool run_until(Predicate predicate, runtime::Duration limit = std::chrono::minutes(1)) {
    return scheduler_.run_until(predicate, {.steps_max = 3'000'000, .duration_max = limit});
  }
  // Somebody leads, and all that are up have applied as much as it and could vote.
  [[nodiscard]] bool settled();
  [[nodiscard]] std::string state();
  // Proposes on whoever leads, until it is answered with success.
  void add(const std::string& name);
  void add(int count);  // names of their own
  // All that are up hold what was added, each once.
  void expect_everything();

 private:
  sim::SimScheduler scheduler_;
  sim::SimNetwork network_;
  std::vector<std::unique_ptr<MachineNode>> nodes_;
  log::Membership founders_;
  std::map<std::string, int> added_;
  int next_name_ = 0;
};

}  // namespace forebay::machine

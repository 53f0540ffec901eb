#include "groups_broker.h"

#include <future>
#include <utility>

#include "group/coordinator.h"
#include "group/core/turn.h"

namespace forebay::test {
namespace {

using std::chrono::milliseconds;

// Of simulated time: what is proposed is flushed and applied.
constexpr milliseconds kSettle{20};

}  // namespace

struct GroupsBroker::Shard {
  explicit Shard(std::int64_t ends) {
    harness.config_.journal.file_bytes = 8U << 20;
    harness.config_.journal.frame_bytes_max = 2U << 20;
    EXPECT_TRUE(harness.start());
    store = *kv::open_memory_store(std::make_shared<kv::MemoryDisk>());
    partition::PartitionConfig config;
    config.holds_state = true;
    partition::Partition& log = harness.open(partition::topic_partition(200), config);
    places.end = model::Offset(ends);
    places.known = model::Offset(ends);
    EXPECT_TRUE(topics.set(image));
    coordinator =
        std::make_unique<group::Coordinator>(group::CoordinatorParts{.log = &log,
                                                                     .store = store.get(),
                                                                     .executor = &harness.machine_.executor(),
                                                                     .pool = &harness.machine_.pool(),
                                                                     .clock = &harness.machine_.wall_clock(),
                                                                     .rng = &harness.machine_.rng(),
                                                                     .topics = &topics,
                                                                     .places = &places},
                                             machine::HostConfig{});
    coordinator->start();
    EXPECT_TRUE(harness.machine_.scheduler().run_until([this] { return coordinator->coordinates(); },
                                                       {.steps_max = 200'000, .duration_max = kStartMax}));
  }
  void run_for(milliseconds time) { harness.machine_.scheduler().run_for(time); }

  static constexpr std::chrono::minutes kStartMax{1};
  partition::ShardHarness harness;
  std::unique_ptr<kv::KeyValueStore> store;
  cluster::ClusterImage image;
  group::TopicsView topics;
  group::Ends places{harness.machine_.executor()};
  std::unique_ptr<group::Coordinator> coordinator;
};

GroupsBroker::GroupsBroker() : thread_([this] { run(); }) {}

GroupsBroker::~GroupsBroker() {
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void GroupsBroker::run() {
  std::unique_ptr<Shard> shard;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return closing_ || !tasks_.empty(); });
    if (tasks_.empty()) return;
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    if (shard == nullptr) shard = std::make_unique<Shard>(ends);
    task(*shard);
    shard->run_for(kSettle);
    lock.lock();
  }
}

void GroupsBroker::on_shard(Task task) {
  {
    const std::lock_guard lock(mutex_);
    tasks_.push_back(std::move(task));
  }
  changed_.notify_all();
}

void GroupsBroker::on_shard_and_wait(Task task) {
  auto done = std::make_shared<std::promise<void>>();
  auto future = done->get_future();
  on_shard([task = std::move(task), done](Shard& shard) mutable {
    task(shard);
    shard.run_for(kSettle);
    done->set_value();
  });
  future.get();
}

void GroupsBroker::make_group_topic(const std::string& name, std::uint32_t partitions) {
  make_topic(name, partitions);
  on_shard_and_wait([name, partitions](Shard& shard) {
    auto topic = std::make_shared<cluster::Topic>();
    topic->name = name;
    topic->id.bytes[0] = static_cast<std::uint8_t>(shard.image.topics.size() + 1);
    topic->partitions.resize(partitions);
    shard.image.topics[name] = topic;
    shard.image.applied = shard.image.applied.plus(1);
    if (shard.topics.set(shard.image)) shard.coordinator->topics_changed();
  });
}

void GroupsBroker::advance_groups(milliseconds by) {
  on_shard_and_wait([by](Shard& shard) { shard.run_for(by); });
}

void GroupsBroker::hold_starts() {
  on_shard_and_wait([](Shard& shard) { shard.places.holds_starts = true; });
}

std::size_t GroupsBroker::held_starts() {
  std::size_t count = 0;
  on_shard_and_wait([&](Shard& shard) { count = shard.places.held_starts.size(); });
  return count;
}

void GroupsBroker::release_one_start() {
  on_shard_and_wait([](Shard& shard) {
    auto found = std::move(shard.places.held_starts.back());
    shard.places.held_starts.pop_back();
    found();
  });
}

void GroupsBroker::coordinate_elsewhere(const std::string& address) {
  const std::lock_guard lock(mutex_);
  elsewhere_ = address;
}

std::size_t GroupsBroker::attached(const std::string& group) {
  std::size_t count = 0;
  on_shard_and_wait([&](Shard& shard) {
    const group::Group* known = shard.coordinator->look().find(group);
    if (known == nullptr) return;
    for (const auto& [number, member] : known->roster.members)
      count += shard.coordinator->is_attached(group, number) ? 1 : 0;
  });
  return count;
}

void GroupsBroker::with_coordinator(std::string group, GroupsTopic topic, UseCoordinator use) {
  if (auto named = group::check_group_name(group); !named) return use(named.error());
  {
    std::unique_lock lock(mutex_);
    if (!elsewhere_.empty()) {
      Error error{ErrorCode::kNotLeader, "this node does not coordinate group '" + group + "'"};
      error.leader = elsewhere_;
      tasks_.emplace_back([use = std::move(use), error](Shard&) mutable { use(error); });
      changed_.notify_all();
      return;
    }
    if (!used_ && topic == GroupsTopic::kExpect) {
      lock.unlock();  // who hears it may ask this broker for more
      return use(Error{ErrorCode::kUnknownGroup, "there is no group '" + group + "'"});
    }
    used_ = true;
  }
  on_shard([use = std::move(use)](Shard& shard) mutable { use(shard.coordinator.get()); });
}

void GroupsBroker::list_groups(broker::ListGroupsRequest request,
                               broker::Done<std::vector<broker::ListedGroups>> done) {
  broker::ListedGroups elsewhere;
  {
    const std::lock_guard lock(mutex_);
    if (!elsewhere_.empty()) {
      elsewhere.error = Error{ErrorCode::kNotLeader, "it is elsewhere"};
      elsewhere.error->leader = elsewhere_;
    }
  }
  if (elsewhere.error) return done(std::vector{elsewhere});
  on_shard([request = std::move(request), done = std::move(done)](Shard& shard) mutable {
    broker::ListedGroups listed;
    const auto& groups = shard.coordinator->look().groups;
    for (auto at = groups.upper_bound(request.after);
         at != groups.end() && listed.groups.size() < request.count_max; ++at) {
      listed.groups.push_back(
          {at->first, group::state_of(at->second), at->second.roster.members.size(), at->second.start});
    }
    done(std::vector{listed});
  });
}

Error GroupsBroker::name_coordinator(Error error, const std::string& /*group*/) const {
  const std::lock_guard lock(mutex_);
  if (error.code == ErrorCode::kNotLeader && error.leader.empty()) error.leader = elsewhere_;
  return error;
}

}  // namespace forebay::test

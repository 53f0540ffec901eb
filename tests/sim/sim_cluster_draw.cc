// What a seed makes of a simulated cluster.
#include <algorithm>

#include "sim/sim_cluster.h"

namespace forebay::sim {
namespace {

using namespace std::chrono_literals;

model::TopicPartition partition_id(std::size_t index) {
  model::TopicPartition id;
  id.topic.bytes[0] = static_cast<std::uint8_t>(1 + index / 2);
  id.partition = model::PartitionIndex(static_cast<std::int32_t>(index % 2));
  return id;
}

NodeSetup draw_setup(SimRng& rng) {
  NodeSetup setup;
  setup.node_count = rng.one_in(6) ? 5 : 3;
  for (std::uint64_t i = rng.between(1, 3); i > 0; --i) setup.partitions.push_back(partition_id(i));
  log::ShardLogsConfig& logs = setup.logs;
  logs.data_dir = kNodeDataDir;
  logs.journal.file_bytes = rng.one_in(2) ? 64U << 10 : 128U << 10;
  logs.journal.files_max = static_cast<std::uint32_t>(rng.between(4, 5));
  logs.journal.round_bytes_max = static_cast<std::uint32_t>(rng.between(4, 16)) << 10;
  logs.journal.round_partition_bytes = static_cast<std::uint32_t>(rng.between(1, 8)) << 10;
  logs.journal.frame_bytes_max = 16U << 10;
  logs.cache_bytes_max = rng.one_in(2) ? 0 : rng.between(4096, 64 << 10);
  logs.segment_write_bytes = static_cast<std::uint32_t>(rng.between(1024, 16 << 10));
  logs.segment_writes_in_flight_max = static_cast<std::uint32_t>(rng.between(1, 4));
  logs.read_bytes_in_flight_max = rng.between(64 << 10, 1 << 20);
  logs.scrub_bytes_per_second = 0;
  if (rng.one_in(3)) {
    logs.scrub_bytes_per_second = rng.between(64 << 10, 1 << 20);
    logs.scrub_pause = std::chrono::milliseconds(rng.between(100, 2'000));
  }
  log::LogConfig& log = setup.partition.log;
  log.segment_bytes = rng.between(4 << 10, 24 << 10);
  log.index_interval_bytes = static_cast<std::uint32_t>(rng.between(512, 8 << 10));
  if (rng.one_in(4)) {
    setup.peers.heartbeat_interval = std::chrono::milliseconds(rng.between(20, 200));
    setup.peers.failure_timeout = setup.peers.heartbeat_interval * 5 + 200ms;
    setup.peers.session_grace = std::chrono::milliseconds(rng.between(1, 300));
  }
  return setup;
}

}  // namespace

ClusterOptions ClusterOptions::draw(std::uint64_t seed) {
  SimRng rng(seed * 7'919 + 11);
  ClusterOptions options;
  options.seed = seed;
  options.setup = draw_setup(rng);
  // Not drawn, so that what else a seed gives stays what it was.
  if (seed % 2 == 1) options.setup.peers.catch_up_bytes_per_second = 64U << 10;
  if (rng.one_in(3)) options.disk.engine = Engine::kPageCache;
  options.network = SimNetwork::draw(rng);
  options.clients = ClientOptions::draw(rng);
  if (rng.one_in(6)) {
    options.clients.early_acks = true;
    options.setup.partition.durability = partition::Durability::kReplicated;
  }
  const NemesisOptions nemesis = NemesisOptions::draw(rng, options.setup.node_count);
  options.plan = draw_plan(nemesis, rng);
  options.duration = nemesis.duration;
  if (SimRng moves(seed * 104'729 + 5); moves.one_in(4)) options.draw_moves(moves);
  if (SimRng compaction(seed * 130'363 + 7); compaction.one_in(4)) options.draw_compaction(compaction);
  if (SimRng loss(seed * 179'424'673 + 1); !options.moving && !options.compacting && loss.one_in(10))
    options.draw_loss();
  if (SimRng numbered(seed * 15'485'863 + 3); numbered.one_in(2)) options.draw_producers(numbered);
  return options;
}

void ClusterOptions::draw_compaction(SimRng& rng) {
  compacting = true;
  log::LogConfig& log = setup.partition.log;
  log.cleanup = log::CleanupPolicy::kCompact;
  log.segment_bytes = rng.between(2 << 10, 8 << 10);
  log.delete_retention_ms = rng.one_in(2) ? 0 : static_cast<std::int64_t>(rng.between(1, 600));
  log.min_cleanable_dirty_ratio = rng.one_in(2) ? 0 : static_cast<double>(rng.below(50)) / 100;
  if (rng.one_in(4)) log.min_compaction_lag_ms = static_cast<std::int64_t>(rng.between(1, 300));
  setup.maintenance_interval = std::chrono::milliseconds(rng.between(20, 200));
  clients.keys = static_cast<std::uint32_t>(rng.between(1, 12));
  clients.tombstones_one_in = static_cast<std::uint32_t>(rng.between(2, 6));
  if (!rng.one_in(2)) return;
  // Somebody is away for long, and comes back to what the others have made of their logs.
  const auto late = static_cast<std::uint64_t>(duration.count());
  plan.push_back({.at = Duration(static_cast<std::int64_t>(rng.between(late / 8, late / 2))),
                  .kind = FaultKind::kKill,
                  .node = static_cast<std::uint32_t>(rng.below(setup.node_count)),
                  .length = Duration(static_cast<std::int64_t>(rng.between(late / 4, late))),
                  .seed = rng.next()});
  std::stable_sort(plan.begin(), plan.end(), [](const Fault& a, const Fault& b) { return a.at < b.at; });
}

void ClusterOptions::draw_producers(SimRng& rng) {
  clients.idempotent = true;
  clients.named = rng.one_in(2) && !losing && !may_forget_producers();
  if (rng.one_in(2)) clients.in_flight_max = static_cast<std::uint32_t>(rng.between(2, 5));
  clients.late_sequences = rng.one_in(3);
  if (rng.one_in(4)) clients.forgets_one_in = static_cast<std::uint32_t>(rng.between(10, 60));
  if (rng.one_in(3)) setup.producers.in_memory_per_client = rng.between(1, 2);
}

// On a full disk a log is trimmed without what its end says of producers being written.
bool ClusterOptions::may_forget_producers() const {
  return clients.trims_one_in > 0 && std::any_of(plan.begin(), plan.end(), [](const Fault& fault) {
           return fault.kind == FaultKind::kDiskFull;
         });
}

}  // namespace forebay::sim

#include "daemon/node_metrics.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <string>

namespace forebay::daemon {
namespace {

using telemetry::Metrics;
using Kind = telemetry::Metrics::SampledKind;

double seconds(runtime::Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

std::uint64_t resident_bytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  if (file == nullptr) return 0;
  unsigned long total = 0, resident = 0;
  const int read = std::fscanf(file, "%lu %lu", &total, &resident);
  std::fclose(file);
  return read == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

NodeMetrics::NodeMetrics(Metrics& metrics, const broker::NodeBroker& broker,
                         const std::vector<std::unique_ptr<ShardStack>>& stacks,
                         const broker::DiskWatch* disk)
    : metrics_(metrics),
      stacks_(stacks),
      produce_latency_(metrics.histogram("forebay_produce_latency_seconds",
                                         "From the hand-over to the shard until the answer",
                                         telemetry::HistogramUnit::kLatency)) {
  broker_counters(metrics, broker);
  shard_figures(metrics, stacks);
  replication_figures(metrics, stacks);
  group_figures(metrics, stacks);
  const auto gauge = [&](const char* name, const char* help, std::function<double()> read) {
    sampled_.push_back(metrics.sampled(Kind::kGauge, name, help, {}, std::move(read)));
  };
  gauge("forebay_disk_available_bytes", "Free space of the data directory's file system",
        [disk] { return static_cast<double>(disk->space().available_bytes); });
  gauge("forebay_disk_reserve_bytes", "Produce is refused below this",
        [disk] { return static_cast<double>(disk->reserve_bytes()); });
}

void NodeMetrics::broker_counters(Metrics& metrics, const broker::NodeBroker& broker) {
  const auto counter = [&](const char* name, const char* help, const std::atomic<std::uint64_t>& value) {
    sampled_.push_back(metrics.sampled(Kind::kCounter, name, help, {}, [&value] {
      return static_cast<double>(value.load(std::memory_order_relaxed));
    }));
  };
  const auto& c = broker.counters();
  counter("forebay_produce_requests_total", "Batches handed to the broker", c.produce_requests);
  counter("forebay_produce_bytes_total", "Bytes of batches that passed the checks", c.produce_bytes);
  counter("forebay_produce_records_total", "Records of batches that passed the checks", c.produce_records);
  counter("forebay_produce_errors_total", "Batches answered with an error", c.produce_errors);
  counter("forebay_misdirected_batches_total",
          "Batches refused because they were built for another topic or partition", c.misdirected_batches);
  counter("forebay_schema_records_checked_total",
          "Records that were checked against the schemas of their topic", c.schema_records);
  counter("forebay_schema_quarantined_total",
          "Records that break the schemas of their topic and were stored as dead letters",
          c.schema_quarantined);
  for (const auto rule : {schema::Violation::Rule::kNoSchema, schema::Violation::Rule::kUnknownSchema,
                          schema::Violation::Rule::kNotOfSubject, schema::Violation::Rule::kPayload}) {
    const auto& value = c.schema_violations.at(static_cast<std::size_t>(rule));
    sampled_.push_back(metrics.sampled(Kind::kCounter, "forebay_schema_violations_total",
                                       "Records that break the schemas of their topic, by rule",
                                       {{"rule", std::string(schema::rule_name(rule))}}, [&value] {
                                         return static_cast<double>(value.load(std::memory_order_relaxed));
                                       }));
  }
  counter("forebay_fetch_requests_total", "Reads handed to the broker", c.fetch_requests);
  counter("forebay_fetch_bytes_total", "Bytes of batches read", c.fetch_bytes);
  counter("forebay_fetch_errors_total", "Reads answered with an error", c.fetch_errors);
  sampled_.push_back(metrics.sampled(Kind::kGauge, "forebay_produce_bytes_held",
                                     "Bytes of produce requests taken in and not yet answered", {},
                                     [&broker] { return static_cast<double>(broker.produce_bytes_held()); }));
}

void NodeMetrics::replication_figures(Metrics& metrics,
                                      const std::vector<std::unique_ptr<ShardStack>>& stacks) {
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const ShardSnapshot* snapshot = &stacks[i]->snapshot;
    const std::string shard = std::to_string(i);
    using Figures = const ReplicationFigures&;
    const auto figure = [&](Kind kind, const char* name, const char* help, std::uint64_t (*read)(Figures)) {
      sampled_.push_back(metrics.sampled(kind, name, help, {{"shard", shard}}, [snapshot, read] {
        return static_cast<double>(read(snapshot->replication()));
      }));
    };
    figure(Kind::kGauge, "forebay_replicas", "Replicas of partitions on this node",
           [](Figures f) { return f.replicas; });
    figure(Kind::kGauge, "forebay_leaders", "Partitions that this node leads",
           [](Figures f) { return f.leaders; });
    figure(Kind::kGauge, "forebay_under_replicated_partitions",
           "Partitions led here of which a replica is unreachable or lacks something",
           [](Figures f) { return f.under_replicated; });
    figure(Kind::kGauge, "forebay_leaderless_replicas", "Replicas here that know no leader",
           [](Figures f) { return f.leaderless; });
    figure(Kind::kCounter, "forebay_elections_total", "Times that a replica here stood for leader",
           [](Figures f) { return f.elections; });
    figure(Kind::kCounter, "forebay_leaderships_total", "Times that one began to lead",
           [](Figures f) { return f.leaderships; });
    figure(Kind::kCounter, "forebay_log_installs_total",
           "Times that a replica here gave up its log and began anew where its leader's log begins",
           [](Figures f) { return f.installs; });
    figure(Kind::kCounter, "forebay_metadata_states_taken_total",
           "Times that this node took the whole metadata of the leader",
           [](Figures f) { return f.states_taken; });
    figure(Kind::kCounter, "forebay_metadata_states_sent_total",
           "Times that this node began to send it to another one", [](Figures f) { return f.states_sent; });
    figure(
        Kind::kGauge, "forebay_tombstones_waiting_seconds",
        "How long tombstones of a partition led here have waited for another copy to be compacted, at most",
        [](Figures f) { return f.tombstones_wait_s; });
    figure(Kind::kGauge, "forebay_peer_links", "Sessions with shards of other nodes that stand",
           [](Figures f) { return f.peer_links; });
    figure(Kind::kGauge, "forebay_producer_states",
           "Idempotent producers in the memory of replicas here, each counted in every partition",
           [](Figures f) { return f.producers.states; });
    figure(Kind::kGauge, "forebay_producer_states_on_disk",
           "Those in the state files of partitions of which not all are in memory",
           [](Figures f) { return f.producers.states_on_disk; });
    figure(Kind::kCounter, "forebay_producer_states_let_go_total",
           "Times that one went from memory because its client had too many there",
           [](Figures f) { return f.producers.let_go; });
    figure(Kind::kCounter, "forebay_producer_states_looked_up_total",
           "Times that one was looked for on the disk", [](Figures f) { return f.producers.looked_up; });
    figure(Kind::kGauge, "forebay_producer_state_bytes", "Memory that they take, about",
           [](Figures f) { return f.producers.state_bytes; });
    figure(Kind::kCounter, "forebay_produce_duplicates_total",
           "Batches that were there already and were acknowledged with the place of the first copy",
           [](Figures f) { return f.producers.duplicates; });
    const auto refused = [&](const char* reason, std::uint64_t (*read)(Figures)) {
      sampled_.push_back(metrics.sampled(Kind::kCounter, "forebay_produce_refused_total",
                                         "Batches and fences of idempotent producers that were refused",
                                         {{"reason", reason}, {"shard", shard}}, [snapshot, read] {
                                           return static_cast<double>(read(snapshot->replication()));
                                         }));
    };
    refused("out_of_order", [](Figures f) { return f.producers.out_of_order; });
    refused("fenced", [](Figures f) { return f.producers.fenced; });
    refused("unknown", [](Figures f) { return f.producers.unknown; });
    refused("early_ack_lost", [](Figures f) { return f.producers.early_acks_lost; });
    refused("no_room", [](Figures f) { return f.producers.no_room; });
  }
}

void NodeMetrics::group_figures(Metrics& metrics, const std::vector<std::unique_ptr<ShardStack>>& stacks) {
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const ShardSnapshot* snapshot = &stacks[i]->snapshot;
    const auto figure = [&](Kind kind, const char* name, const char* help,
                            std::uint64_t (*read)(const GroupFigures&)) {
      sampled_.push_back(metrics.sampled(kind, name, help, {{"shard", std::to_string(i)}}, [snapshot, read] {
        return static_cast<double>(read(snapshot->groups()));
      }));
    };
    figure(Kind::kGauge, "forebay_groups", "Consumer groups that this node coordinates",
           [](const GroupFigures& f) { return f.groups; });
    figure(Kind::kGauge, "forebay_group_members", "Members of those",
           [](const GroupFigures& f) { return f.members; });
    figure(Kind::kCounter, "forebay_group_commits_total", "Offsets that were committed here",
           [](const GroupFigures& f) { return f.counts.commits; });
    figure(Kind::kCounter, "forebay_group_rebalances_total",
           "Times that a group coordinated here was given another assignment",
           [](const GroupFigures& f) { return f.counts.rebalances; });
  }
}

void NodeMetrics::choose_groups() {
  std::vector<GroupFigures> shards;
  shards.reserve(stacks_.size());
  for (const auto& stack : stacks_) shards.push_back(stack->snapshot.groups());
  const GroupFigures all = worst_of(std::move(shards));
  const std::lock_guard lock(groups_mutex_);
  groups_.clear();  // before the others: they have the same names
  groups_ = export_lags(metrics_, all);
}

// Its series are values of a moment, made anew for each scrape: what is busy now may not be at the next one.
void NodeMetrics::choose_busiest() {
  std::vector<PartitionRates> busiest;
  for (const auto& stack : stacks_) {
    auto figures = stack->snapshot.replication();
    std::move(figures.busiest.begin(), figures.busiest.end(), std::back_inserter(busiest));
  }
  std::sort(busiest.begin(), busiest.end(), busier);
  if (busiest.size() > kTopPartitions) busiest.resize(kTopPartitions);
  const std::lock_guard lock(busiest_mutex_);
  busiest_.clear();
  for (const PartitionRates& rates : busiest) {
    const telemetry::Labels labels{{"partition", std::to_string(rates.partition)}, {"topic", rates.topic}};
    const auto gauge = [&](const char* name, const char* help, double value) {
      busiest_.push_back(metrics_.sampled(Kind::kGauge, name, help, labels, [value] { return value; }));
    };
    gauge("forebay_busiest_partition_in_bytes_per_second",
          "Bytes appended to the partitions with the most traffic", rates.in_bytes);
    gauge("forebay_busiest_partition_in_records_per_second", "Records appended to those", rates.in_records);
    gauge("forebay_busiest_partition_out_bytes_per_second", "Bytes read from those", rates.out_bytes);
  }
}

void NodeMetrics::shard_figures(Metrics& metrics, const std::vector<std::unique_ptr<ShardStack>>& stacks) {
  for (std::size_t i = 0; i < stacks.size(); ++i) {
    const telemetry::Labels labels{{"shard", std::to_string(i)}};
    const ShardSnapshot* snapshot = &stacks[i]->snapshot;
    const auto figure = [&](Kind kind, const char* name, const char* help,
                            double (*read)(const log::ShardLogsStats&)) {
      sampled_.push_back(
          metrics.sampled(kind, name, help, labels, [snapshot, read] { return read(snapshot->get()); }));
    };
    using Stats = const log::ShardLogsStats&;
    figure(Kind::kCounter, "forebay_journal_rounds_total", "Durable writes of the journal",
           [](Stats s) { return static_cast<double>(s.journal.rounds); });
    figure(Kind::kCounter, "forebay_journal_bytes_total", "Bytes of those writes",
           [](Stats s) { return static_cast<double>(s.journal.bytes); });
    figure(Kind::kCounter, "forebay_journal_write_errors_total", "Failed writes of the journal",
           [](Stats s) { return static_cast<double>(s.journal.write_errors); });
    figure(Kind::kGauge, "forebay_journal_stalled", "1 while a write of the journal is older than a second",
           [](Stats s) { return s.journal.stalled ? 1.0 : 0.0; });
    figure(Kind::kGauge, "forebay_journal_round_seconds", "Time of the last durable write",
           [](Stats s) { return seconds(s.journal.last_round); });
    figure(Kind::kGauge, "forebay_pinned_bytes", "Memory of batches that are not in a segment yet",
           [](Stats s) { return static_cast<double>(s.pinned_bytes); });
    figure(Kind::kGauge, "forebay_cached_bytes", "Memory of recent batches that can be dropped",
           [](Stats s) { return static_cast<double>(s.cached_bytes); });
    figure(Kind::kCounter, "forebay_segment_bytes_written_total", "Bytes written to segments",
           [](Stats s) { return static_cast<double>(s.segment_bytes_written); });
    figure(Kind::kCounter, "forebay_segment_write_errors_total", "Failed writes of segments",
           [](Stats s) { return static_cast<double>(s.segment_write_errors); });
    figure(Kind::kCounter, "forebay_segment_syncs_total", "Flushes of segments",
           [](Stats s) { return static_cast<double>(s.segment_syncs); });
    figure(Kind::kCounter, "forebay_disk_reads_total", "Reads that memory could not answer",
           [](Stats s) { return static_cast<double>(s.disk_reads); });
    figure(Kind::kCounter, "forebay_cache_reads_total", "Reads that memory answered",
           [](Stats s) { return static_cast<double>(s.cache_reads); });
    figure(Kind::kGauge, "forebay_open_segment_files", "Open segment files",
           [](Stats s) { return static_cast<double>(s.open_files); });
    figure(Kind::kCounter, "forebay_scrubbed_bytes_total", "Bytes verified by the background scrub",
           [](Stats s) { return static_cast<double>(s.scrubbed_bytes); });
    figure(Kind::kCounter, "forebay_scrub_errors_total", "Damaged places found by the background scrub",
           [](Stats s) { return static_cast<double>(s.scrub_errors); });
    figure(Kind::kCounter, "forebay_repairs_total", "Damaged ranges repaired from other replicas",
           [](Stats s) { return static_cast<double>(s.repairs); });
    figure(Kind::kCounter, "forebay_compacted_segments_total", "Segments that compaction has written",
           [](Stats s) { return static_cast<double>(s.compacted_files); });
    figure(Kind::kCounter, "forebay_tombstones_removed_total",
           "Tombstones that went when their time was over",
           [](Stats s) { return static_cast<double>(s.tombstones_removed); });
    figure(Kind::kCounter, "forebay_partition_states_written_total",
           "State files written beside the segments of partitions",
           [](Stats s) { return static_cast<double>(s.states_written); });
    figure(Kind::kCounter, "forebay_damaged_partition_states_total",
           "State files that were damaged and put in quarantine",
           [](Stats s) { return static_cast<double>(s.damaged_states); });
    figure(Kind::kGauge, "forebay_damaged_partitions", "Partitions with damage that nobody has accepted",
           [](Stats s) { return static_cast<double>(s.damaged_logs); });
    figure(Kind::kGauge, "forebay_lost_tail_partitions",
           "Those of them whose log's end is lost: produce is refused",
           [](Stats s) { return static_cast<double>(s.lost_tails); });
    figure(Kind::kGauge, "forebay_scrub_last_full_pass_timestamp_seconds",
           "End of the oldest last full pass; 0 before the first", [](Stats s) {
             return s.oldest_full_scrub ? static_cast<double>(s.oldest_full_scrub->value()) / 1000.0 : 0.0;
           });
  }
}

}  // namespace forebay::daemon

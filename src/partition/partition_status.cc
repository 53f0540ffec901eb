// What a partition says of itself: to those who describe topics, to operators, to the metrics.
#include <algorithm>
#include <cmath>
#include <utility>

#include "log/core/damage.h"
#include "partition/core/time_search.h"
#include "partition/dead_letter_read.h"
#include "partition/partition.h"

namespace forebay::partition {

void Partition::status(Done<PartitionStatus> done) {
  PartitionStatus status;
  status.log = log_.status();
  status.marks = watermarks();
  status.term = group_->term();
  status.leader = group_->leader();
  const auto serving = check_serving();
  status.state = serving ? "ready" : serving.error().context;
  // For tables: what to do is in the answer to a producer, and in `forebay health`.
  if (const auto end = log_.lost_tail(); end && serving && !is_renewing()) {
    const std::int64_t known = end->next_offset.value();
    status.state =
        (known == 0 ? "all of it is lost" : "its end is lost, from offset " + std::to_string(known) + " on") +
        std::string("; see: forebay health");
  }
  if (!check_readable() || status.marks.log_start >= status.marks.high_watermark)
    return done(std::move(status));
  log_.read({.from = status.marks.log_start, .upto = status.marks.high_watermark, .bytes_max = 1},
            [status = std::move(status), retention = config_.log.retention_ms,
             done = std::move(done)](Result<log::ReadResult> result) mutable {
              if (result && !result->frames.empty()) {
                status.oldest_append_time = result->frames.front()->header.append_time;
                // A segment leaves as a whole, when its last record is old enough; the first one bounds it
                // from below. What is in no segment yet will be in one with what follows it.
                if (retention) {
                  const auto& segments = status.log.segments;
                  const bool known = !segments.empty() && segments.front().max_append_time.value() >= 0;
                  const auto last = known ? segments.front().max_append_time : *status.oldest_append_time;
                  status.oldest_leaves_at = last.plus(*retention);
                }
              }
              done(std::move(status));
            });
}

namespace {

// A lag is asked for often, and of many partitions. What lies behind is estimated.
constexpr std::size_t kDeadLettersCountedBytes = 4U << 20;
constexpr std::size_t kDeadLettersDecompressedBytes = 16U << 20;

// Of `counted` in `seen` offsets: how many there are in `more` others, if they are as frequent there.
std::uint64_t as_many(std::uint64_t counted, std::uint64_t seen, std::uint64_t more) {
  if (seen == 0 || more == 0) return 0;
  return static_cast<std::uint64_t>(
      std::ceil(static_cast<double>(counted) * (static_cast<double>(more) / static_cast<double>(seen))));
}

// What is only in the journal and in memory is the last piece.
LogPieces pieces_of(const log::LogStatus& log) {
  LogPieces pieces;
  for (const log::SegmentStatus& segment : log.segments)
    pieces.emplace_back(segment.meta.begin.next_offset, segment.meta.size_bytes);
  if (log.pinned_bytes > 0) pieces.emplace_back(log.segment_end.next_offset, log.pinned_bytes);
  return pieces;
}

// Of its first record from `from` on, where it has one of its own.
model::Timestamp time_of(const log::Frame& frame, model::Offset from, model::Reading reading) {
  const auto event_time = event_time_from(frame.payload.span(), from, reading);
  return event_time && *event_time ? **event_time : frame.header.append_time;
}

}  // namespace

void Partition::backlog(model::Offset next, model::Reading reading, Done<Backlog> done) {
  read_end([alive = alive_, next, reading, done = std::move(done)](Result<Watermarks> proven) mutable {
    if (!proven) return done(std::move(proven).error());
    if (*alive == nullptr) return done(Error{ErrorCode::kShuttingDown, "the partition is being closed"});
    Partition& self = **alive;
    Backlog backlog{.marks = *proven, .next = std::max(next, proven->log_start)};
    const model::Offset upto = proven->high_watermark;
    if (backlog.next >= upto) return done(backlog);
    if (reading == model::Reading::kDeadLetters)
      return self.backlog_of_dead_letters(backlog, std::move(done));
    backlog.records = static_cast<std::uint64_t>(upto.value() - backlog.next.value());
    const log::LogStatus log = self.log_.status();
    const LogPieces pieces = pieces_of(log);
    const model::Offset end = log.end.next_offset;
    backlog.bytes = bytes_from(pieces, end, backlog.next) - bytes_from(pieces, end, upto);
    self.log_.read({.from = backlog.next, .upto = upto, .bytes_max = 1},
                   [backlog, done = std::move(done)](const Result<log::ReadResult>& first) mutable {
                     if (first && !first->frames.empty())
                       backlog.oldest =
                           time_of(*first->frames.front(), backlog.next, model::Reading::kRecords);
                     done(backlog);
                   });
  });
}

void Partition::backlog_of_dead_letters(Backlog backlog, Done<Backlog> done) {
  read_dead_letters(
      log_,
      {.from = backlog.next, .upto = backlog.marks.high_watermark, .bytes_max = kDeadLettersCountedBytes},
      [backlog, done = std::move(done)](Result<log::ReadResult> result) mutable {
        if (!result) return done(std::move(result).error());
        backlog.records = 0;
        model::Offset upto = result->next;
        std::size_t decompressed = 0;
        for (const log::FramePtr& frame : result->frames) {
          if (decompressed >= kDeadLettersDecompressedBytes) {
            upto = frame->header.begin.next_offset;
            break;
          }
          const auto count = count_dead_letters(frame->payload.span(), backlog.next);
          if (!count) return done(count.error());
          if (count->records > 0 && !backlog.oldest)
            backlog.oldest = time_of(*frame, backlog.next, model::Reading::kDeadLetters);
          backlog.records += count->records;
          backlog.bytes += frame->payload.size();
          decompressed += count->decompressed_bytes;
        }
        const auto seen = static_cast<std::uint64_t>(upto.value() - backlog.next.value());
        const auto more = static_cast<std::uint64_t>(backlog.marks.high_watermark.value() - upto.value());
        backlog.records += as_many(backlog.records, seen, more);
        backlog.bytes += as_many(backlog.bytes, seen, more);
        done(backlog);
      });
}

// It is being filled by its leader; nothing is wrong with it.
bool Partition::is_renewing() const { return log_.is_renewed(); }

ReplicationStatus Partition::replication() const {
  const auto steady = [](const std::optional<runtime::TimePoint>& at) -> std::optional<Steady> {
    if (!at) return std::nullopt;
    return at->time_since_epoch();
  };
  const log::LogStatus log = log_.status();
  const bool leads = group_->is_leader();
  ReplicaFacts facts{.members = group_->membership(),
                     .committed_voters = {},
                     .wanted = wanted_.voters,
                     .wanted_learners = wanted_.learners,
                     .self = surroundings_.self,
                     .leads = leads,
                     .leader = group_->leader(),
                     .end = log_.end(),
                     .flushed = log_.flushed(),
                     .failed_since = steady(group_->failed_since()),
                     .damaged = log::is_open(log.damage),
                     .damaged_since = steady(group_->damaged_since()),
                     .pieces = pieces_of(log),
                     .follower = {}};
  // A follower learns it anew after each start.
  if (leads) facts.committed_voters = group_->committed_membership().voters;
  facts.follower = [&](model::NodeId node) {
    FollowerFacts follower;
    if (surroundings_.peers == nullptr) return follower;
    follower.reachable = surroundings_.peers->is_reachable(node, log_.id());
    follower.away_since = steady(surroundings_.peers->last_away(node));
    if (const auto progress = group_->progress(node)) {
      follower.flushed = progress->flushed;
      follower.installing = progress->installing;
    }
    follower.behind_since = steady(group_->behind_since(node));
    return follower;
  };
  return {.term = group_->term(),
          .leader = group_->leader(),
          .replicas = report_replicas(facts, surroundings_.executor->now().time_since_epoch()),
          .waits_for = membership_waits_for_,
          .leaderless_since = steady(group_->leaderless_since()),
          .problem = group_->failure() ? group_->failure()->context : std::string(),
          .rates = leads ? traffic_.rates() : std::nullopt};
}

std::uint64_t Partition::tombstones_wait_seconds() const {
  const auto wait = group_->tombstones_wait();
  if (!wait) return 0;
  const auto now = surroundings_.executor->now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::seconds>(now - wait->since).count());
}

// As report_replicas() has it, without making a report.
bool Partition::is_under_replicated() const {
  if (!group_->is_leader() || surroundings_.peers == nullptr) return false;
  const auto now = surroundings_.executor->now();
  const auto& voters = group_->committed_membership().voters;
  return std::any_of(voters.begin(), voters.end(), [&](const log::Voter& voter) {
    if (voter == surroundings_.self) return false;
    if (!surroundings_.peers->is_reachable(voter.node, log_.id())) return true;
    const auto behind = group_->behind_since(voter.node);
    return behind && now - *behind >= kBehindGrace;
  });
}

}  // namespace forebay::partition

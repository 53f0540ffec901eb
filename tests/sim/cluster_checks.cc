#include "sim/cluster_checks.h"

#include <algorithm>
#include <limits>
#include <set>
#include <utility>
#include <variant>

#include "log/core/control.h"
#include "log/core/damage.h"
#include "raft/core/quorum.h"
#include "raft/core/raft.h"

namespace forebay::sim {
namespace {

// Compaction is looked at once in so many events.
constexpr std::uint64_t kCompactionLooks = 8;

// As its leader made it: compaction leaves fewer records, or a wider range.
bool is_whole(const log::Frame& frame) {
  const log::FrameHeader& header = frame.header;
  if (header.kind == log::FrameKind::kControl) return header.end == header.begin.after_control();
  const auto batch = model::read_batch_header(frame.payload.data());
  return batch.base_offset == header.begin.next_offset &&
         header.end == header.begin.after_records(batch.record_count);
}

// Of the frame that begins at `begin`; nothing when the log has none there.
model::Term term_at(const std::vector<log::TermBegin>& terms, model::LogPosition begin) {
  model::Term term;
  for (const log::TermBegin& one : terms) {
    if (one.begin <= begin) term = one.term;
  }
  return term;
}

}  // namespace

ClusterChecks::ClusterChecks(Nodes& nodes, std::size_t partitions, std::size_t node_count)
    : nodes_(nodes), groups_(partitions), replicas_(node_count, std::vector<Replica>(partitions)) {}

void ClusterChecks::fail(const std::string& what) {
  if (failure_.empty()) failure_ = what;
}

std::string ClusterChecks::name(const ClusterNode& node, std::size_t partition) const {
  return "partition " + std::to_string(partition) + " on node " + std::to_string(node.id().value());
}

model::LogPosition ClusterChecks::committed_end(std::size_t partition) const {
  const auto& committed = groups_[partition].committed;
  return committed.empty() ? model::LogPosition{} : committed.back().end;
}

// What somebody knew to be committed before he died, nobody may know for a while.
bool ClusterChecks::all_read(std::size_t partition) const {
  for (std::uint32_t node = 0; node < replicas_.size(); ++node) {
    if (!lost_.contains(node) && replicas_[node][partition].committed > committed_end(partition))
      return false;
  }
  return true;
}

model::Offset ClusterChecks::trimmable(std::size_t partition) const {
  const auto& committed = groups_[partition].committed;
  model::LogPosition everywhere = committed_end(partition);
  for (std::uint32_t node = 0; node < replicas_.size(); ++node) {
    if (!lost_.contains(node)) everywhere = std::min(everywhere, replicas_[node][partition].committed);
  }
  const auto last = std::find_if(committed.rbegin(), committed.rend(),
                                 [&](const CommittedFrame& frame) { return frame.end <= everywhere; });
  return last == committed.rend() ? model::Offset(0) : last->begin.next_offset;
}

void ClusterChecks::look() {
  ++looks_;
  for (const auto& node : nodes_) {
    if (!node->is_up()) continue;
    for (std::size_t partition = 0; partition < groups_.size(); ++partition) {
      if (moves_) watch_lives(*node, partition);
      look_at(*node, partition);
      if (producers_) watch_producers(*node, partition);
      if (compaction_ && looks_ % kCompactionLooks == 0) watch_compaction(*node, partition);
    }
  }
}

// Where metadata says what is opened nobody else tells of it.
void ClusterChecks::watch_lives(const ClusterNode& node, std::size_t partition) {
  Replica& known = replicas_[node.index()][partition];
  partition::Partition* const found = node.find(partition);
  if (found != nullptr && known.down) {
    if (known.removed && is_renewed(found->log())) {
      ++counts_.second_lives;
      trace(name(node, partition) + " has another life");
    }
    if (known.removed) known = {};
    replica_is_up(node, partition);
  } else if (found == nullptr && !known.down) {
    ++counts_.removed;
    trace(name(node, partition) + " is removed");
    if (compaction_) compaction_->is_removed(node.index(), static_cast<std::uint32_t>(partition));
    known = {};
    known.removed = true;
  }
}

void ClusterChecks::look_at(const ClusterNode& node, std::size_t partition) {
  partition::Partition* const found = node.find(partition);
  if (found == nullptr) return;
  raft::RaftGroup& group = found->group();
  log::Log& log = found->log();
  Replica& known = replicas_[node.index()][partition];
  // What its core believes after its log has stopped, nobody is told.
  if (group.failure()) {
    if (!std::exchange(known.stopped, true))
      trace(name(node, partition) + " has stopped: " + group.failure()->to_string());
    return;
  }
  if (group.commit() == known.commit && group.term() == known.term && group.is_leader() == known.leads &&
      log.end() == known.end && log.flushed() == known.flushed && log.log_start() == known.log_start) {
    if (known.unread && !log::has_lost_range(log.damage())) {
      known.unread = false;
      compare_more(node, partition);
    }
    return;
  }
  const std::string where = name(node, partition);
  if (group.commit() < known.commit) {
    fail("I22: commit of " + where + " went back from " + known.commit.to_string() + " to " +
         group.commit().to_string());
  }
  if (group.term() < known.term) fail("the term of " + where + " went back");
  if (log.end() < known.end) {
    ++counts_.truncations;
    trace(where + " is cut from " + known.end.to_string() + " to " + log.end().to_string());
  }
  if (log.end() < group.commit())
    fail("I22: " + where + " was cut below its commit " + group.commit().to_string() + " to " +
         log.end().to_string());
  if (log.log_start() < known.log_start) {
    fail("I8: log start of " + where + " went back from " + known.log_start.to_string() + " to " +
         log.log_start().to_string());
  }
  if (log.log_start() > known.log_start) {
    ++counts_.log_starts;
    if (log.log_start() > group.commit()) fail("I8: log start of " + where + " is beyond its commit");
  }
  if (log.lost_tail() && !is_renewed(log)) fail("the end of " + where + " counts as lost, and no disk rots");
  const bool began = group.is_leader() && (!known.leads || group.term() != known.term);
  const bool ended = known.leads && (!group.is_leader() || group.term() != known.term);
  known.commit = group.commit();
  known.committed = std::max(known.committed, std::min(group.commit(), log.flushed()));
  known.term = group.term();
  known.leads = group.is_leader();
  known.end = log.end();
  known.flushed = log.flushed();
  known.log_start = log.log_start();
  if (ended) trace(where + " leads no more");
  if (began) on_leader(node, partition, log, group.term());
  compare_more(node, partition);
  if (known.checked >= known.commit && known.log_start > groups_[partition].log_start && all_read(partition))
    fail("I8: log start of " + where + " is " + known.log_start.to_string() +
         ", and no committed frame says so");
}

void ClusterChecks::on_leader(const ClusterNode& node, std::size_t partition, log::Log& log,
                              model::Term term) {
  Group& group = groups_[partition];
  const std::string where = name(node, partition);
  trace(where + " leads in term " + std::to_string(term.value()));
  const std::pair<std::uint32_t, std::uint64_t> self{node.index(), node.life()};
  const std::uint64_t last_term = group.leaders.empty() ? 0 : group.leaders.rbegin()->first.value();
  if (group.recovery && term.value() > last_term + raft::kForcedTerms / 2) on_recovery(node, partition, log);
  const auto [at, fresh] = group.leaders.emplace(term, self);
  if (!fresh && at->second != self) {
    fail("I20: term " + std::to_string(term.value()) + " of partition " + std::to_string(partition) +
         " is led by node " + std::to_string(at->second.first + 1) + " in its life " +
         std::to_string(at->second.second) + " and by node " + std::to_string(self.first + 1) +
         " in its life " + std::to_string(self.second));
  }
  if (group.leaders.size() > 1) ++counts_.leaders;
  // Votes may come late: then a leader of an earlier term begins when a later one has committed already.
  // That all of it is the same is compared as its commit moves on; the last frame stands for it now.
  const auto last = std::find_if(group.committed.rbegin(), group.committed.rend(),
                                 [term](const CommittedFrame& frame) { return frame.committed_in < term; });
  if (last == group.committed.rend() || last->begin < log.log_start()) return;
  if (log.end() < last->end || term_at(log.terms(), last->begin) != last->term) {
    fail("I22: " + where + " leads in term " + std::to_string(term.value()) +
         " and lacks the frame of term " + std::to_string(last->term.value()) + " at " +
         last->begin.to_string() + " that was committed; it ends at " + log.end().to_string());
  }
}

// Reads what was committed since, and compares it. What is not in memory any more comes later.
void ClusterChecks::compare_more(const ClusterNode& node, std::size_t partition) {
  Replica& known = replicas_[node.index()][partition];
  if (known.reading || !failure_.empty()) return;
  if (known.scanning && known.checked >= known.commit) see_compaction(node, partition);
  if (known.rescan || (known.scanning && known.checked < known.log_start)) begin_scan(node, partition);
  if (known.checked < known.log_start) known.checked = frame_at_or_after(partition, known.log_start);
  if (known.checked >= known.commit) {
    if (!std::exchange(known.scanning, false)) return;
    return compaction_->scan_ends(node.index(), static_cast<std::uint32_t>(partition), known.log_start,
                                  known.checked, now_(), name(node, partition));
  }
  known.reading = true;
  log::Log& log = node.find(partition)->log();
  log.read_frames(
      {.from = known.checked, .upto = known.commit, .bytes_max = 64U << 10},
      [this, alive = std::weak_ptr<bool>(alive_), &node, partition,
       life = node.life()](const Result<std::vector<log::FramePtr>>& frames) {
        if (alive.expired()) return;
        Replica& replica = replicas_[node.index()][partition];
        if (replica.life != life || replica.down) return;
        replica.reading = false;
        // The log is closed, or begins anew.
        if (!frames && frames.error().code == ErrorCode::kCancelled) return;
        if (!frames) {
          // It was trimmed meanwhile, or the log is about to begin anew.
          const ErrorCode code = frames.error().code;
          if (code == ErrorCode::kDataLoss && disks_rot_) {
            replica.unread = true;  // until it is repaired
            return;
          }
          const log::Log& now = node.find(partition)->log();
          const bool begins_anew = now.flushed() <= replica.checked;
          if (code == ErrorCode::kNotFound && (replica.checked < now.log_start() || begins_anew)) {
            // Else there is a look when log start moves.
            if (replica.checked < replica.log_start) compare_more(node, partition);
            return;
          }
          return fail(name(node, partition) + " cannot be read at " + replica.checked.to_string() + ": " +
                      frames.error().to_string());
        }
        for (const log::FramePtr& frame : *frames) {
          if (frame->header.begin != replica.checked)
            return fail("I21: a hole before the frame at " + frame->header.begin.to_string() + " of " +
                        name(node, partition) + ", from " + replica.checked.to_string() + " on");
          compare(node, partition, *frame);
          replica.checked = frame->header.end;
        }
        // Nothing: it was trimmed meanwhile, and there may be no look any more.
        if (!frames->empty() || replica.checked < replica.log_start) compare_more(node, partition);
      });
}

// Log start may lie within a batch.
model::LogPosition ClusterChecks::frame_at_or_after(std::size_t partition,
                                                    model::LogPosition position) const {
  const auto& committed = groups_[partition].committed;
  const auto at = std::lower_bound(
      committed.begin(), committed.end(), position,
      [](const CommittedFrame& one, const model::LogPosition& wanted) { return one.begin < wanted; });
  if (at != committed.end()) return at->begin;
  return committed.empty() ? position : std::max(position, committed.back().end);
}

void ClusterChecks::add_committed(const ClusterNode& node, std::size_t partition, const log::Frame& frame,
                                  model::LogPosition begin) {
  const log::FrameHeader& header = frame.header;
  const auto& leaders = groups_[partition].leaders;
  const bool whole = begin == header.begin && is_whole(frame);
  const model::Term term = whole ? header.term : term_at(node.find(partition)->log().terms(), begin);
  const model::Term committed_in = leaders.empty() ? term : leaders.rbegin()->first;
  groups_[partition].committed.push_back(
      {begin, header.end, term, committed_in, header.kind, header.payload_crc, whole});
  ++counts_.committed;
  if (producers_) producers_->take(partition, frame, whole, name(node, partition));
  if (header.kind == log::FrameKind::kControl) {
    const auto control = log::decode_control(frame.payload.span());
    const auto* start = control ? std::get_if<log::LogStart>(&*control) : nullptr;
    if (start != nullptr) groups_[partition].log_start = std::max(groups_[partition].log_start, start->begin);
  }
  if (committed_in > term) ++counts_.older_terms;
  std::uint32_t copies = 0;
  if (whole && !is_on_a_quorum(partition, begin, header.end, term, copies)) {
    fail("I2: the frame at " + begin.to_string() + " is committed on " + name(node, partition) +
         " and only " + std::to_string(copies) + " disks have it");
  }
}

void ClusterChecks::compare(const ClusterNode& node, std::size_t partition, const log::Frame& frame) {
  auto& committed = groups_[partition].committed;
  const log::FrameHeader& header = frame.header;
  const std::string where = name(node, partition);
  if (compaction_) {
    compaction_->take(node.index(), static_cast<std::uint32_t>(partition), frame, where);
  } else if (!is_whole(frame)) {
    return fail("the frame at " + header.begin.to_string() + " of " + where + " is compacted");
  }
  if (committed.empty() || header.begin >= committed.back().end) {
    if (!committed.empty() && header.begin != committed.back().end)
      return fail("I21: a hole before the frame at " + header.begin.to_string() + " of " + where);
    return add_committed(node, partition, frame, header.begin);
  }
  const auto at = std::lower_bound(
      committed.begin(), committed.end(), header.begin,
      [](const CommittedFrame& one, const model::LogPosition& wanted) { return one.begin < wanted; });
  if (at != committed.end() && at->begin == header.begin && at->end == header.end &&
      at->term == header.term && at->kind == header.kind && at->crc == header.payload_crc)
    return;
  if (compaction_) return compare_compacted(node, partition, frame);
  fail("I21: the committed frame at " + header.begin.to_string() + " of " + where + ", of term " +
       std::to_string(header.term.value()) + ", is not the one that was committed there first");
}

// It may cover more than it did, on this replica or on the one that was seen first; what it holds of records
// is compared one by one. Of control frames none may go.
void ClusterChecks::compare_compacted(const ClusterNode& node, std::size_t partition,
                                      const log::Frame& frame) {
  auto& committed = groups_[partition].committed;
  const log::FrameHeader& header = frame.header;
  const std::string what =
      "I21: the committed frame at " + header.begin.to_string() + " of " + name(node, partition);
  auto at = std::lower_bound(
      committed.begin(), committed.end(), header.begin,
      [](const CommittedFrame& one, const model::LogPosition& wanted) { return one.begin < wanted; });
  for (; at != committed.end() && at->end <= header.end; ++at) {
    if (at->kind != log::FrameKind::kControl || !at->whole) continue;
    if (header.kind != log::FrameKind::kControl) return fail(what + " covers a control frame");
    if (at->term != header.term || at->crc != header.payload_crc)
      return fail(what + " is another control frame");
  }
  if (header.end > committed.back().end) add_committed(node, partition, frame, committed.back().end);
}

void ClusterChecks::expect_compaction(std::optional<Duration> tombstone_life,
                                      std::function<TimePoint()> now) {
  compaction_.emplace(groups_.size(), replicas_.size(), [this](const std::string& what) { fail(what); });
  compaction_->expect_life(tombstone_life);
  now_ = std::move(now);
}

void ClusterChecks::watch_compaction(const ClusterNode& node, std::size_t partition) {
  Replica& known = replicas_[node.index()][partition];
  if (node.find(partition) == nullptr || known.down || known.stopped) return;
  see_compaction(node, partition);
  if ((known.rescan || known.scanning) && !known.unread) compare_more(node, partition);
}

// Whatever was put in the place of something else on that node: all of it is read again.
void ClusterChecks::see_compaction(const ClusterNode& node, std::size_t partition) {
  Replica& known = replicas_[node.index()][partition];
  const log::Log& log = node.find(partition)->log();
  // One that is new counts when it has something: its leader knows of it before it gives it anything.
  if ((!moves_ || log.end() > model::LogPosition{}) && !given_up_.contains(node.index()))
    compaction_->look(node.index(), static_cast<std::uint32_t>(partition), log.compacted_to(),
                      known.committed, now_());
  const std::uint64_t compacted = node.logs()->stats().compacted_files;
  if (compacted != known.compacted_files) {
    known.compacted_files = compacted;
    known.rescan = true;
  }
}

void ClusterChecks::disk_is_given_up(const ClusterNode& node) {
  if (!given_up_.insert(node.index()).second || !compaction_) return;
  for (std::uint32_t partition = 0; partition < groups_.size(); ++partition)
    compaction_->is_removed(node.index(), partition);
}

void ClusterChecks::begin_scan(const ClusterNode& node, std::size_t partition) {
  Replica& known = replicas_[node.index()][partition];
  known.checked = frame_at_or_after(partition, known.log_start);
  known.rescan = false;
  known.scanning = true;
  compaction_->scan_begins(node.index(), static_cast<std::uint32_t>(partition), known.checked);
}

bool ClusterChecks::has_durably(const ClusterNode& node, std::size_t partition, model::LogPosition begin,
                                model::LogPosition end, model::Term term) const {
  if (partition::Partition* const found = node.find(partition); found != nullptr) {
    const log::Log& log = found->log();
    return log.flushed() >= end && (begin < log.log_start() || term_at(log.terms(), begin) == term);
  }
  const Replica& dead = replicas_[node.index()][partition];
  return dead.flushed >= end && (begin < dead.log_start || term_at(dead.terms, begin) == term);
}

bool ClusterChecks::is_on_a_quorum(std::size_t partition, model::LogPosition begin, model::LogPosition end,
                                   model::Term term, std::uint32_t& copies) const {
  std::set<model::NodeId> have;
  for (const auto& node : nodes_) {
    if (has_durably(*node, partition, begin, end, term)) have.insert(node->id());
  }
  copies = static_cast<std::uint32_t>(have.size());
  if (groups_[partition].recovered) {
    const auto left = std::count_if(have.begin(), have.end(),
                                    [this](model::NodeId node) { return !lost_.contains(node.value() - 1); });
    if (2 * static_cast<std::size_t>(left) > nodes_.size() - lost_.size()) return true;
  }
  if (!moves_) return copies > nodes_.size() / 2;
  // Which membership counted when it was committed is not known afterwards: one that somebody has.
  const auto is_quorum = [&have](const log::Membership& members) {
    return !members.voters.empty() &&
           raft::is_quorum(members, [&have](model::NodeId node) { return have.contains(node); });
  };
  return std::any_of(nodes_.begin(), nodes_.end(), [&](const auto& node) {
    partition::Partition* const found = node->find(partition);
    return found != nullptr &&
           (is_quorum(found->group().membership()) || is_quorum(found->group().committed_membership()));
  });
}

void ClusterChecks::on_ack(const AckSeen& seen) {
  partition::Partition* const found = nodes_[seen.node]->find(seen.partition);
  if (found == nullptr) return fail("an acknowledgement from a node that is down");
  // The records' frame begins behind the control frames at its offset: any of them stands for its term.
  const model::LogPosition end{seen.ack.last_offset.next(), 0};
  const model::LogPosition inside{seen.ack.base_offset, std::numeric_limits<std::uint32_t>::max()};
  std::uint32_t copies = 0;
  if (!is_on_a_quorum(seen.partition, inside, end, seen.ack.term, copies)) {
    fail("I2: offset " + std::to_string(seen.ack.base_offset.value()) + " of partition " +
         std::to_string(seen.partition) + " is acknowledged by node " + std::to_string(seen.node + 1) +
         " in term " + std::to_string(seen.ack.term.value()) + " and only " + std::to_string(copies) +
         " disks have it");
  }
  // What it counts are the voters of that moment.
  const std::size_t voters = nodes_.size() - (groups_[seen.partition].recovered ? lost_.size() : 0);
  const bool few = moves_ ? seen.ack.replicas_flushed == 0 : seen.ack.replicas_flushed <= voters / 2;
  if (few || !seen.ack.flushed)
    fail("an acknowledgement says that only " + std::to_string(seen.ack.replicas_flushed) +
         " replicas have it");
}

void ClusterChecks::node_dies(const ClusterNode& node) {
  for (std::size_t partition = 0; partition < groups_.size(); ++partition) {
    Replica& known = replicas_[node.index()][partition];
    partition::Partition* const found = node.find(partition);
    known.down = true;
    known.reading = false;
    known.leads = false;
    if (found == nullptr) continue;
    log::Log& log = found->log();
    known.flushed = log.flushed();
    known.end = log.end();
    known.log_start = log.log_start();
    known.terms = log.terms();
    if (known.flushed < known.end) ++counts_.lost_on_crash;
    if (compaction_) compaction_->is_down(node.index(), static_cast<std::uint32_t>(partition));
  }
}

void ClusterChecks::node_is_up(const ClusterNode& node) {
  if (node.report().torn_bytes_cut > 0) ++counts_.torn_tails;
}

void ClusterChecks::replica_is_up(const ClusterNode& node, std::size_t partition) {
  Replica& known = replicas_[node.index()][partition];
  partition::Partition* const found = node.find(partition);
  if (found == nullptr) {
    if (known.life > 0) fail(name(node, partition) + " is gone after a restart");
    known.life = node.life();
    known.down = false;
    return;
  }
  log::Log& log = found->log();
  const std::string where = name(node, partition);
  if (log.flushed() < known.flushed) {
    fail(where + " had " + known.flushed.to_string() + " on its disk and recovered up to " +
         log.flushed().to_string());
  }
  for (const log::TermBegin& one : known.terms) {
    if (one.begin < known.flushed && one.begin >= log.log_start() &&
        term_at(log.terms(), one.begin) != one.term)
      fail(where + " had term " + std::to_string(one.term.value()) + " at " + one.begin.to_string() +
           " on its disk and recovered something else");
  }
  if (log.log_start() < known.log_start) fail("I8: log start of " + where + " went back over a restart");
  if (!log.status().damage.empty() && !disks_rot_ && !is_renewed(log))
    fail(where + " counts as damaged, and no disk rots");
  if (known.life > 0 && log.end() > model::LogPosition{}) ++counts_.recovered_lives;
  known = {.life = node.life(),
           .end = log.end(),
           .flushed = log.flushed(),
           .log_start = log.log_start(),
           .committed = known.committed,
           .down = false,
           .checked = frame_at_or_after(partition, log.log_start()),
           .rescan = compaction_.has_value()};
}

bool ClusterChecks::has_stopped(const ClusterNode& node) const {
  return std::any_of(replicas_[node.index()].begin(), replicas_[node.index()].end(),
                     [](const Replica& replica) { return !replica.down && replica.stopped; });
}

bool ClusterChecks::caught_up(const ClusterNode& node) const {
  return std::all_of(replicas_[node.index()].begin(), replicas_[node.index()].end(),
                     [this](const Replica& replica) {
                       if (replica.down) return moves_;
                       return replica.checked >= replica.commit && !replica.rescan && !replica.scanning;
                     });
}

}  // namespace forebay::sim

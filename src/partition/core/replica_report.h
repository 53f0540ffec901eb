// What an operator is told of the replicas of a partition: who is in which state, and since when. Pure; asked
// on each node of its own replica, and answered for all members where that one leads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "log/core/control.h"
#include "model/ids.h"
#include "partition/core/traffic.h"

namespace forebay::partition {

enum class ReplicaRole : std::uint8_t { kLeader, kFollower, kLearner };
enum class ReplicaState : std::uint8_t {
  kInSync,
  kCatchingUp,
  kInstalling,  // lacked what the leader has trimmed: begins anew where its log does
  kUnreachable,
  kFailed,        // its disk: it stopped
  kDamaged,       // part of it is lost, and nobody has accepted that
  kBeingAdded,    // learns, and is to vote
  kBeingRemoved,  // is to leave
  kUnknown,       // whoever is asked does not lead, and so does not know
};
[[nodiscard]] std::string_view role_name(ReplicaRole role);
[[nodiscard]] std::string_view state_name(ReplicaState state);

using Steady = std::chrono::nanoseconds;  // since an arbitrary zero

// A follower under load is always a little behind; only one that has not had all for so long is worth a word.
inline constexpr std::chrono::seconds kBehindGrace{3};

struct ReplicaReport {
  model::NodeId node;
  ReplicaRole role = ReplicaRole::kFollower;
  ReplicaState state = ReplicaState::kUnknown;
  std::optional<model::Offset> flushed;      // records below are on its disk
  std::optional<std::uint64_t> lag_records;  // behind the leader's end; none where that is not known
  std::optional<std::uint64_t> lag_bytes;    // likewise, about
  std::optional<Steady> since;               // of a state that is not `in sync`
};

struct FollowerFacts {
  bool reachable = false;
  std::optional<Steady> away_since;  // the last time it went away
  model::LogPosition flushed;
  std::optional<Steady> behind_since;  // none: it has all there is
  bool installing = false;             // and begins anew where the leader's log does
};
// Where bytes of a log are: the begin of each piece in order, with its size. One ends where the next begins.
using LogPieces = std::vector<std::pair<model::Offset, std::uint64_t>>;

struct ReplicaFacts {
  log::Membership members;  // the newest, committed or not
  // Voters of the newest membership that is committed: who is not among them does not count yet when others
  // are lost. None: not known, as on a follower.
  std::optional<std::vector<log::Voter>> committed_voters;
  std::vector<log::Voter> wanted;           // as voters; empty: as they are
  std::vector<log::Voter> wanted_learners;  // that are to stay such
  log::Voter self;
  bool leads = false;
  std::optional<model::NodeId> leader;
  model::LogPosition end, flushed;  // of this replica
  std::optional<Steady> failed_since;
  bool damaged = false;
  std::optional<Steady> damaged_since;  // none: it was there at the start
  LogPieces pieces;                     // of this log; they end at `end`
  // Of the others. Of a replica that does not lead only `reachable` and `away_since` count.
  std::function<FollowerFacts(model::NodeId)> follower;
};

// Bytes from `from` to the end, as if records were spread evenly within each piece: an estimate, that never
// grows with `from`.
[[nodiscard]] std::uint64_t bytes_from(const LogPieces& pieces, model::Offset log_end, model::Offset from);

// This replica, and all other members, by node.
[[nodiscard]] std::vector<ReplicaReport> report_replicas(const ReplicaFacts& facts, Steady now);

// What this replica knows of the partition's replicas; of a leader: all that is to be known.
struct ReplicationStatus {
  model::Term term;
  std::optional<model::NodeId> leader;
  std::vector<ReplicaReport> replicas;  // by node; this one among them
  std::string waits_for;                // the leader, on the way to other members
  std::optional<Steady> leaderless_since;
  std::string problem;                // why this replica failed; empty: it did not
  std::optional<TrafficRates> rates;  // of the leader, once they were measured
};

}  // namespace forebay::partition

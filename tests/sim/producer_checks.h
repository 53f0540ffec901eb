// What must hold of the idempotent producers of a simulated cluster, by its committed logs:
//
//  I9   the batches of a session follow each other by their sequences, without a gap, also where those wrap
//  I10  none is there twice
//  I11  behind a fence there is nothing of an older session
//  and: what a replica knows of its producers follows from the log and from nothing else: at a position it is
//       the same on all, whether it followed, was restarted, was cut, or was given it by its leader
//
// Pure: told by ClusterChecks what it reads and sees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "log/core/control.h"
#include "log/core/frame.h"
#include "model/record_batch.h"
#include "partition/core/producer_states.h"

namespace forebay::sim {

struct ProducerCheckCounts {
  std::uint64_t states_compared = 0;
  std::uint64_t fences = 0;
  std::uint64_t sessions_fenced = 0;  // that had stored something
  std::uint64_t wraps = 0;
  std::uint64_t producers_forgotten = 0;
  std::uint64_t batches_forgotten = 0;
};

// Where sequences begin, in worlds whose sessions do not begin with 0.
inline constexpr std::int32_t kLateSequence = 0x7fffffff - 40;

class ProducerChecks {
 public:
  using Bytes = std::vector<std::byte>;
  using Fail = std::function<void(const std::string&)>;
  struct Rules {
    // Old batches of a producer go, and only of the last one all replicas know.
    bool compacting = false;
    bool late_sequences = false;
    // A replica may have forgotten something, as it may on a full disk.
    bool may_forget = false;
  };
  ProducerChecks(std::size_t partitions, const Rules& rules, Fail fail)
      : rules_(rules), fail_(std::move(fail)), groups_(partitions) {}

  // The committed log, in its order. `whole`: as the leader made it.
  void take(std::size_t partition, const log::Frame& frame, bool whole, const std::string& where);
  // What was committed from there on is given up with a majority of the disks.
  void give_up(std::size_t partition, model::LogPosition from);
  // A fence was answered: it is committed, whatever happens.
  void fence_answered(std::size_t partition, model::ProducerId id, model::ProducerEpoch epoch);
  // What a replica knows when everything below `at` is folded (ProducerStates::encode).
  void see(std::size_t partition, model::LogPosition at, const Bytes& state, const std::string& where);
  // Some replica's log is compacted up to there.
  void see_compacted(std::size_t partition, model::LogPosition upto);
  // All that was seen is compared, and all answered fences are there.
  void finish();
  [[nodiscard]] const ProducerCheckCounts& counts() const { return counts_; }

 private:
  struct Session {
    model::ProducerEpoch epoch;
    std::int32_t last_sequence = -1;
    bool may_begin_anew = false;  // it was perhaps forgotten
  };
  struct Seen {
    Bytes state;
    std::string where;
  };
  struct Group {
    partition::ProducerStates states{partition::ProducerLimits{}};  // of all frames below `end`
    model::LogPosition end;
    std::map<model::LogPosition, Bytes> by_position;  // where it changed
    model::LogPosition compacted_to;                  // the furthest of all replicas
    std::multimap<model::LogPosition, Seen> ahead;    // what was seen above `end`
    std::map<model::ProducerId, Session> sessions;
    bool gave_up = false;  // what came before the next batch of a session is not known
    std::map<model::ProducerId, model::ProducerEpoch> fenced;
    std::map<model::ProducerId, model::ProducerEpoch> answered;
  };

  void take_batch(Group& group, const model::BatchHeader& batch, bool whole, const std::string& where);
  void take_control(Group& group, const log::Control& control);
  void compare(const Group& group, model::LogPosition at, const Seen& seen);

  const Rules rules_;
  Fail fail_;
  std::vector<Group> groups_;
  ProducerCheckCounts counts_;
};

}  // namespace forebay::sim

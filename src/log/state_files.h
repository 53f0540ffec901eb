// The state files of one log (log/core/state_snapshot.h): written, read and removed one after the other, on
// the pool. The last one written and the one below it are kept; nothing is open, or known, of a log whose
// states nobody asked for. Thread rules: everything on the shard.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/unique_function.h"
#include "log/core/state_snapshot.h"
#include "log/log.h"
#include "log/log_shard.h"
#include "log/quarantine.h"

namespace forebay::log {

class StateFiles {
 public:
  StateFiles(LogEnvironment& environment, const model::TopicPartition& id) : env_(environment), id_(id) {}

  void write(StateSnapshot state, Log::Done done);
  // With bytes that `make` makes of those of the state at `base`.
  void rewrite(const model::LogPosition& base, StateSnapshot head, StateMaking make, Log::Done done);
  void read(StatesDone done);
  // Beside whatever else is done.
  void read_parts(const model::LogPosition& position, std::vector<StateRange> parts, StatePartsDone done);
  // Those above are of frames that are gone.
  void cut(const model::LogPosition& to);
  // Writes that wait are of a log that is void now: they are answered with kCancelled. A state that was said
  // to be durable just now is still kept.
  void drop_waiting_writes();
  // By the look around in the folder; what is known already is newer.
  void seen(const std::vector<StateFile>& files);
  // What waits is answered so, and nothing is begun any more.
  void close(const Error& reason);
  [[nodiscard]] std::uint64_t disk_bytes() const;

 private:
  struct Write {
    StateSnapshot state;
    std::optional<model::LogPosition> base;  // of which it is to be made
    StateMaking make;
    Log::Done done;
  };
  struct Read {
    StatesDone done;
  };
  struct Cut {
    model::LogPosition to;
  };
  using Task = std::variant<Write, Read, Cut>;
  struct Outcome {
    Result<void> done;
    std::vector<StateSnapshot> states;                // of a read
    std::uint64_t damaged = 0;                        // files that were put aside
    std::optional<std::vector<StateFile>> remaining;  // none: the folder could not be listed
  };
  // On the pool.
  struct Folder;

  void add(Task task);
  void begin_next();
  void ended(Outcome outcome);
  static void answer(Task task, Outcome outcome);

  LogEnvironment& env_;
  model::TopicPartition id_;
  std::optional<std::vector<StateFile>> files_;
  std::vector<Task> waiting_;  // short: nobody writes a state before the last one is there
  std::optional<Task> running_;
  std::optional<Error> closed_;
  Lifetime lifetime_;
};

}  // namespace forebay::log

// What is committed of a partition's producers. Those that were used lately are in memory; the others are in
// a state on the disk, the base, and are looked up there. Which of them are where is no part of the state:
//
//   producer X =  its entry here, if there is one
//                 else what the base says of it, less what the log has forgotten since
//
// Only an entry that says the same as the base may go from memory. What has changed goes when another base
// has been written. Pure; owned by ProducerStates.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/shared_bytes.h"
#include "partition/core/producer_draft.h"
#include "partition/core/producer_index.h"
#include "partition/core/producer_state.h"

namespace forebay::partition {

struct ProducerLimits {
  // An unnamed producer is remembered for so long after its last frame at least: producer.id_expiration.
  std::int64_t expiration_ms = 86'400'000;
  // About, of memory and of a base that holds others; no more producers are taken above it. A state of this
  // size is written and read within a second.
  std::size_t bytes_max = 24U << 20;
  // Producers of one client id in memory, about: producer.states_in_memory_per_client. Those that write all
  // the time should fit, for each one that does not is a read of the disk.
  std::size_t in_memory_per_client = 10'000;
};

// Of all clients together; with many clients each has its part of it. Some 10 MB.
inline constexpr std::size_t kProducersInMemoryMax = 65'536;
// Clients told apart in one partition; the others are counted as one.
inline constexpr std::size_t kProducerClientsMax = 32;

class ProducerTable {
  struct Entry {
    ProducerState state;
    model::LogPosition changed;  // end of the frame that made it so; as the base says it when not above that
    std::uint16_t client = 0;    // in clients_
  };
  using Entries = std::unordered_map<model::ProducerId, Entry>;

 public:
  explicit ProducerTable(const ProducerLimits& limits) : limits_(limits) { clear(); }
  void set_limits(const ProducerLimits& limits) { limits_ = limits; }
  [[nodiscard]] const ProducerLimits& limits() const { return limits_; }

  void clear();
  // The state at `at`, which lies on the disk. Errors: kCorruptBatch, kNewerFormat; then it is as it was.
  [[nodiscard]] Result<void> restore(model::LogPosition at, ByteSpan encoded);

  // --- reading
  // Nothing can be said of it before it is looked up.
  [[nodiscard]] bool is_away(model::ProducerId id) const;
  // Null: there is none. Requires: not away.
  [[nodiscard]] const ProducerState* find(model::ProducerId id) const;
  [[nodiscard]] std::size_t count() const { return entries_.size() - nobodies_; }  // in memory
  // Of the base, when not all of it is in memory.
  [[nodiscard]] std::uint64_t count_on_disk() const { return complete_ ? 0 : index_->count(); }
  [[nodiscard]] bool is_empty() const { return count() == 0 && count_on_disk() == 0; }
  [[nodiscard]] std::size_t memory_bytes() const { return memory_bytes_; }
  [[nodiscard]] std::size_t total_bytes() const {
    return memory_bytes_ + (complete_ ? 0 : static_cast<std::size_t>(index_->bytes()));
  }

  // --- what the log says
  // There is an entry from now on, which may say: nobody. Requires: not away.
  Entries::iterator hold(model::ProducerId id);
  // Of an entry that was made for what is not coming.
  void release(model::ProducerId id);
  // `end`: of the frame that does it; `apply`: what it does to a ProducerState&. Requires: not away.
  template <typename Apply>
  void change(model::ProducerId id, model::LogPosition end, Apply apply) {
    const auto at = hold(id);
    count_out(at->second.state);
    apply(at->second.state);
    count_in(at->second.state);
    changed(at, end);
  }
  void forget(const log::ProducersForgotten& forgotten, model::LogPosition end);

  // --- the base
  [[nodiscard]] const std::optional<ProducerIndex>& index() const { return index_; }
  [[nodiscard]] model::LogPosition base() const { return base_; }
  // What a look into the base has found; nothing: it is not there.
  void bring(model::ProducerId id, std::optional<ProducerState> state);
  // A state at `position`, of all that is here now.
  [[nodiscard]] ProducerDraft draft(model::LogPosition position) const;
  // A draft is going to be written: what is forgotten from now on counts for it too.
  void expect_base() { is_base_expected_ = true; }
  using IsHeld = std::function<bool(model::ProducerId)>;
  // A draft lies on the disk, and is the base from now on.
  void written(model::LogPosition position, ProducerIndex index, const IsHeld& is_held);
  // Of those on the disk only; not of a base that has to be written anew for what was forgotten before.
  [[nodiscard]] std::size_t blocks_to_forget(const log::ProducersForgotten& forgotten) const {
    const bool counts = !complete_ && forgotten_.empty();
    return counts ? index_->blocks_with_silent(forgotten.silent_before) : 0;
  }

  // --- what stays in memory
  // Its last batch came from this client. Empty: from one that has not said who it is.
  void used_by(model::ProducerId id, std::string_view client);
  struct LetGo {
    std::size_t producers = 0;
    std::string client;  // of most of them
  };
  // Of each client with more than its part, the least recently used that the base has too.
  LetGo let_go(const IsHeld& is_held);
  // Another base would help.
  [[nodiscard]] bool is_crowded() const;

  template <typename Visit>  // (const ProducerState&), of what is in memory
  void for_each(Visit visit) const {
    for (const auto& [id, entry] : entries_) {
      if (!entry.state.is_nobody()) visit(entry.state);
    }
  }

 private:
  struct Client {
    std::string name;
    std::size_t in_memory = 0;
    std::size_t look_again_at = 0;  // of so many, before which nothing more could go
  };
  struct Forgotten {
    model::LogPosition end;
    log::ProducersForgotten what;
  };
  [[nodiscard]] bool has_changed(const Entry& entry) const { return entry.changed > base_; }
  [[nodiscard]] bool has_base() const { return index_ || is_base_expected_; }
  Entries::iterator insert(model::ProducerId id, Entry entry);
  Entries::iterator erase(Entries::iterator at);
  void changed(Entries::iterator at, model::LogPosition end);
  void count_in(const ProducerState& state);
  void count_out(const ProducerState& state);
  [[nodiscard]] std::uint16_t client_of(std::string_view name);
  [[nodiscard]] std::size_t share() const;  // of each client
  void drop_nobodies(const IsHeld& is_held);

  ProducerLimits limits_;
  Entries entries_;
  std::size_t memory_bytes_ = 0;
  std::size_t nobodies_ = 0;            // of entries_
  std::size_t changed_ = 0;             // of entries_
  std::optional<ProducerIndex> index_;  // of the base; none: there is no base, and all is in memory
  model::LogPosition base_;
  bool is_base_expected_ = false;
  bool complete_ = true;             // everything is in memory
  std::deque<Forgotten> forgotten_;  // since the base
  std::vector<Client> clients_;      // [0]: those without a name, and those that have no place here
};

}  // namespace forebay::partition

// When members are given up for dead: their sessions, and the times by which they have to give up partitions.
// Pure; owned by the coordinator; nothing of it is logged: a new coordinator gives everybody one full
// session, and one full revoke timeout, from its beginning.
//
// Why no member is taken for dead while its lease runs: a session begins at the arrival of a heartbeat, the
// lease of the member at the sending of it (limits.h). A heartbeat may be acknowledged only when a read
// barrier that began after its arrival has passed: so this was the coordinator still, and a later one, which
// gives full sessions, began after that.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "group/core/group_image.h"
#include "group/core/limits.h"

namespace forebay::group {

using SteadyTime = std::chrono::milliseconds;  // since an arbitrary zero

// What the clock says about a member: an input of the next turn of its group (Turn::end_session, end_revoke).
struct Expiry {
  std::string group;
  MemberNumber member;
  MemberEpoch epoch;
  AssignmentNumber give_up;  // 0: its session is over. Else: this assignment was not confirmed in time
  friend bool operator==(const Expiry&, const Expiry&) = default;
};

class Liveness {
 public:
  // Whoever owns this calls on_time() at least so often while it has members. What is later than that was the
  // coordinator's own pause, in which it heard nobody: every deadline is put off by it.
  static constexpr Milliseconds kTurnMax{1'000};
  // An expiry that has led to nothing (its turn was not logged) is said again.
  static constexpr Milliseconds kAgain{1'000};

  // A coordinator begins: nobody is attached.
  void begin(const GroupImage& groups, SteadyTime now);
  // After records of this group have been applied that changed its roster (Decision::roster_changed).
  // `group`: nothing: it is deleted.
  void follow(const std::string& name, const Group* group, SteadyTime now);

  // Its stream stands, in this epoch; is broken; has brought something. Ignored of another epoch than the
  // member's, and of one that is not there.
  void attach(const std::string& group, MemberNumber member, MemberEpoch epoch, SteadyTime now);
  void detach(const std::string& group, MemberNumber member, MemberEpoch epoch, SteadyTime now);
  void hear(const std::string& group, MemberNumber member, MemberEpoch epoch, SteadyTime now);

  [[nodiscard]] bool is_attached(const std::string& group, MemberNumber member) const;
  // For Assignment::confirm_within. Nothing: it has nothing to give up.
  [[nodiscard]] std::optional<Milliseconds> revoke_left(const std::string& group, MemberNumber member,
                                                        SteadyTime now) const;

  // When to call on_time() at the latest. Nothing: there are no members.
  [[nodiscard]] std::optional<SteadyTime> next_deadline() const;
  // In order of their deadlines.
  [[nodiscard]] std::vector<Expiry> on_time(SteadyTime now);

 private:
  using Key = std::pair<std::string, MemberNumber>;
  enum class Kind : std::uint8_t { kSession, kRevoke };
  struct Clock {
    MemberEpoch epoch;
    Milliseconds session{0}, revoke{0};
    bool attached = false;
    SteadyTime session_end{0};
    SteadyTime session_queued{0};  // where its session stands in queue_; at most session_end
    AssignmentNumber give_up;      // 0: it has nothing to give up
    SteadyTime revoke_end{0};
  };
  using Deadline = std::tuple<SteadyTime, Kind, Key>;

  [[nodiscard]] Clock* find(const std::string& group, MemberNumber member, MemberEpoch epoch);
  void queue_session(const Key& key, Clock& clock);
  void set_revoke(const Key& key, Clock& clock, AssignmentNumber give_up, SteadyTime now);
  void drop(std::map<Key, Clock>::iterator at);
  void put_off(Milliseconds by);

  std::map<Key, Clock> clocks_;
  std::set<Deadline> queue_;  // a heartbeat moves session_end only: most find their place here when it is due
  SteadyTime last_turn_{0};
};

}  // namespace forebay::group

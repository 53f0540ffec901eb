// A group under drawn schedules: a coordinator that is replaced now and then, members that come, work, break
// off, are slow, or never confirm, and topics that change. Beside it a naive model: who was granted what,
// what was committed, who really works on what, and how far every partition was read. All is checked after
// each step.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "test_coordinator.h"

namespace forebay::group::testing {

class GroupWorld {
 public:
  explicit GroupWorld(std::uint64_t seed);
  // Draws one thing that happens, and checks everything.
  void step();
  // No more trouble: everybody is connected, reads and confirms. Then everything has its owner, and stays so.
  void settle();

 private:
  struct Acknowledged {
    SteadyTime sent{0};
  };
  struct Notice {
    Assignment assignment;
    Milliseconds confirm_within{0};
  };
  using Told = std::variant<Notice, Acknowledged, Error>;
  // A client as the protocol wants it (turn.h, limits.h).
  struct Client {
    JoinInput words;
    std::optional<Joined> joined;
    bool connected = false;
    bool silent = false;     // its stream leads nowhere, and nobody has noticed
    bool stubborn = false;   // never confirms
    std::deque<Told> inbox;  // on its way
    std::map<model::TopicPartition, std::int64_t> working;   // and how far it is
    std::map<model::TopicPartition, std::int64_t> stopping;  // to be given up: no more reading
    std::optional<AssignmentNumber> to_confirm;
    SteadyTime last_heartbeat{0};
    SteadyTime acknowledged{0};             // the sending of the last heartbeat that was acknowledged
    std::optional<SteadyTime> give_up_end;  // then it stops by itself
  };

  std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  Client* draw_client(bool connected);
  void turn(const std::function<void(Turn&)>& inputs);
  void check_decision(const Group* before, const Decision& decision);
  void check_nobody_pauses_in_vain(const Group& before);
  void check_working_apart() const;
  void fold(const GroupRecord& record);
  void deliver(const Decision& decision);
  Client* client_of(MemberNumber number, const std::string& id);

  void new_client();
  void connect(Client& client);
  void lose_everything(Client& client);
  void break_stream(Client& client);
  void read_inbox(Client& client);
  void take(Client& client, const Notice& notice);
  void begin(Client& client, const OwnedPartition& owned);
  void work(Client& client);
  void commit_some(Client& client);
  void commit_by_a_stranger();
  void confirm(Client& client);
  void release(Client& client);
  void leave(Client& client);
  void subscribe(Client& client);
  void pass_time(std::int64_t ms);
  void heartbeat(Client& client);
  void change_topics();
  void match_patterns();
  void replace_coordinator();
  void reset_offset();
  [[nodiscard]] CommitEntry commit_entry(const model::TopicPartition& partition, std::int64_t offset) const;
  [[nodiscard]] Subscription draw_subscription();

  std::mt19937_64 random_;
  TestCoordinator coordinator_;
  TopicsSnapshot newest_, older_;  // the coordinator may have the older one
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<MemberRef> gone_;  // who once was somebody
  std::size_t names_ = 0;

  // The naive model.
  std::map<model::TopicPartition, MemberNumber> owners_;
  std::map<model::TopicPartition, std::int64_t> committed_;
  std::map<model::TopicPartition, std::int64_t> read_to_;  // everything below was read by somebody
  std::map<model::TopicPartition, std::int64_t> ends_;     // high watermarks
};

}  // namespace forebay::group::testing

// A member of a group in a simulated world: the SDK's own decisions (client/core/member_session.h) over
// simulated streams, with a clock of its own, in a process that is paused, killed and started again; and an
// application that reads, does and marks records, and is slow at times.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/core/member_session.h"
#include "sim/group_checks.h"
#include "sim/group_topics.h"
#include "sim/group_wires.h"

namespace forebay::sim {

struct GroupMemberOptions {
  std::uint32_t number = 0;
  client::MemberSession::Settings settings;
  // How its clock runs, in millionths of the true one. The lease bears a good deal more; the time to give up,
  // which the member counts by nine tenths, bears a tenth.
  std::int64_t clock_ppm = 1'000'000;
  Duration poll_max = std::chrono::milliseconds(100);  // between two polls of the application
};

class GroupMember final : public MemberEnd {
 public:
  struct World {
    SimScheduler& scheduler;
    GroupWires& wires;
    GroupTopics& topics;
    GroupChecks& checks;
    std::function<std::size_t(const std::string& address)> node_of;
    std::vector<std::string> servers;
    GroupChecks::Fail fail;
    std::function<void(std::string)> tell;  // the story
  };
  GroupMember(World& world, GroupMemberOptions options);
  ~GroupMember() override;
  GroupMember(const GroupMember&) = delete;
  GroupMember& operator=(const GroupMember&) = delete;

  // --- its process
  void start();
  void kill(GroupWires::Death how);
  void pause();
  void resume();
  [[nodiscard]] bool is_up() const { return session_ != nullptr; }
  [[nodiscard]] bool is_paused() const { return executor_ && executor_->paused(); }

  // --- its application
  void leave();
  [[nodiscard]] bool is_leaving() const { return leaving_; }
  [[nodiscard]] bool has_left() const { return session_ && session_->is_over(); }
  // Nothing is done before.
  void be_slow_until(TimePoint time) { slow_until_ = time; }
  // From now on it keeps all its times.
  void be_prompt() {
    prompt_ = true;
    slow_until_ = {};
  }
  [[nodiscard]] std::vector<client::MemberSession::Reading> reading() const { return session_->reading(); }
  [[nodiscard]] const client::MemberSession& session() const { return *session_; }
  [[nodiscard]] const GroupMemberOptions& options() const { return options_; }

  // --- streams
  void on_words(WireId wire, const client::CoordinatorWords& words) override;
  void on_ended(WireId wire, const std::optional<client::RpcError>& error) override;
  [[nodiscard]] std::uint32_t number() const override { return options_.number; }

  struct Counts {
    std::uint64_t polls = 0, records = 0, losses = 0, revoked = 0, refusals = 0, marks_refused = 0;
  };
  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  using Clock = client::MemberSession::TimePoint;
  struct InHand {
    TopicPartition partition;
    model::TopicPartition at;  // the log that it came from
    std::int64_t offset = 0;
  };
  struct GivingUp {
    TimePoint when;
    client::Partitions partitions;
  };

  [[nodiscard]] Clock now() const;
  [[nodiscard]] Duration until(Clock time) const;
  [[nodiscard]] Duration draw(Duration most);
  void pump();
  void arm();
  void look();
  void poll();
  void run_tidings();
  void read();
  void work();
  void mark(std::size_t which);

  World& world_;
  const GroupMemberOptions options_;
  SimRng rng_;
  std::unique_ptr<SimExecutor> executor_;  // of its process
  std::unique_ptr<client::MemberSession> session_;
  std::map<client::MemberSession::StreamId, WireId> wires_;
  std::map<WireId, client::MemberSession::StreamId> streams_;
  std::optional<runtime::TimerId> alarm_;
  std::map<TopicPartition, std::pair<client::MemberSession::Grant, std::int64_t>> reads_;  // next offset
  std::vector<InHand> in_hand_;
  std::vector<GivingUp> giving_up_;
  TimePoint slow_until_{};
  bool prompt_ = false;
  bool leaving_ = false;
  Counts counts_;
};

}  // namespace forebay::sim

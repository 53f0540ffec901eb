// Several Raft cores with logs in memory, under a schedule drawn from a seed: messages of a connection are
// late or lost with it, flushes take their time, nodes crash and lose what was not flushed. After every step
// the promises of Raft are checked over all nodes.
#pragma once

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <variant>
#include <vector>

#include "raft/core/raft.h"

namespace forebay::raft::testing {

struct TestFrame {
  FrameMark mark;
  std::uint64_t value = 0;
};

struct ClusterOptions {
  std::uint64_t seed = 1;
  std::uint32_t nodes = 3;   // found the group
  std::uint32_t spares = 0;  // may become members
  int crash_percent = 1;
  int cut_percent = 3;
  int campaign_percent = 4;
  int change_percent = 0;  // of the membership
  int trim_percent = 0;    // of a log, up to what is committed at most
};

// Counts what a schedule brought about: a test that never sees it proves nothing.
struct RareEvents {
  std::uint64_t leaders = 0, truncations = 0, refusals = 0, crashes_with_loss = 0, commits = 0, transfers = 0,
                barriers = 0, changes = 0, memberships_cut = 0, trims = 0, installs = 0,
                installs_undone_by_a_crash = 0, frames_given_up = 0;
};

class RaftCluster {
 public:
  explicit RaftCluster(const ClusterOptions& options);
  // One event of the schedule. False, with a reason in failure(), when a promise was broken.
  bool step();
  // Heals every link and lets the schedule end: somebody leads and everybody has everything that was
  // committed.
  bool settle();
  [[nodiscard]] const std::string& failure() const { return failure_; }
  [[nodiscard]] const RareEvents& events() const { return events_; }

 private:
  struct Append {
    AppendHead head;
    std::vector<TestFrame> frames;
  };
  // Where a log begins, and how many committed frames lie below.
  struct Begin {
    log::LogBase base;
    std::size_t frames = 0;
  };
  using Wire = std::variant<Message, Append>;
  // One direction of a link: what is on its way, in order.
  using Link = std::deque<Wire>;
  // What the journal has been asked for, in order.
  struct Truncation {
    model::LogPosition to;
  };
  struct Trim {
    Begin begin;
  };
  struct NewLog {
    Begin begin;
  };
  using DiskOp = std::variant<log::HardState, Truncation, TestFrame, Trim, NewLog>;
  struct Disk {
    log::HardState hard_state;
    Begin begin;
    std::vector<TestFrame> frames;
  };
  struct Node {
    std::optional<Raft> raft;
    Begin begin;
    std::vector<TestFrame> log;
    std::deque<DiskOp> pending;
    Disk disk;
    bool spare = false;
    // A read that waits, in which term, and how many frames were committed anywhere when it was asked for.
    struct Read {
      std::uint64_t barrier = 0;
      model::Term term;
      std::size_t committed = 0;
    };
    std::optional<Read> read;
  };

  [[nodiscard]] std::uint64_t draw(std::uint64_t below) { return random_() % below; }
  [[nodiscard]] static model::NodeId id_of(std::size_t i) {
    return model::NodeId(static_cast<std::uint32_t>(i + 1));
  }
  [[nodiscard]] static std::size_t index_of(model::NodeId id) { return id.value() - 1; }
  void boot(std::size_t i);
  void crash(std::size_t i);
  void carry_out(std::size_t i);
  void append(std::size_t i, TestFrame frame);
  void cut(std::size_t i, model::LogPosition to);
  void pump(std::size_t i, std::size_t peer);
  void deliver(std::size_t from, std::size_t to);
  void deliver(std::size_t from, std::size_t to, const Append& append);
  void begin_anew(std::size_t i, const log::LogBase& base);
  void trim(std::size_t i);
  static void drop_front(std::vector<TestFrame>& frames, const Begin& begin);
  [[nodiscard]] bool is_durable(std::size_t i, std::size_t committed_index, const TestFrame& frame) const;
  void flush_one(std::size_t i);
  void reset_link(std::size_t a, std::size_t b);
  void client_append(std::size_t i);
  void client_read(std::size_t i);
  void change_membership(std::size_t i);
  void check(std::size_t i);
  void fail(const std::string& what);

  ClusterOptions options_;
  std::mt19937_64 random_;
  std::vector<Node> nodes_;
  std::map<std::pair<std::size_t, std::size_t>, Link> links_;
  std::map<model::Term, std::size_t> leaders_;
  // What was ever committed, in order, and which position each frame ended at.
  std::vector<TestFrame> committed_;
  std::vector<std::size_t> checked_;  // of each node: up to where its log was compared with committed_
  std::uint64_t next_value_ = 1;
  std::string failure_;
  RareEvents events_;
};

}  // namespace forebay::raft::testing
